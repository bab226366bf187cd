#!/usr/bin/env python3
"""Make random graphs of 8-bit operators and record LiteRT's outputs.

    python scripts/golden/random_graphs.py /tmp/graphs.zip --seed 7 --count 500
    DUNLIN_OPS=/tmp/graphs.zip go test ./inference -run TestOpsEqualLiteRT

Graphs branch, join and reuse tensors, so that what a delegate does across
operators is seen too, not only what it does inside one. Every tensor that
nothing reads is an output. The archive has the form of ops.py's.
"""
import argparse
import importlib.metadata
import zipfile

import numpy as np
from ai_edge_litert import schema_py_generated as s

import ops
from ops import CASES, OP, T, Model, ints, options, run, scale, tanh_agrees, window, zero


class Value:
    """A tensor of the graph under construction."""

    def __init__(self, index, shape, scale, zero):
        self.index, self.shape, self.scale, self.zero, self.used = index, list(shape), scale, zero, False


class Graph:
    def __init__(self, rng, t):
        self.rng, self.t, self.m = rng, t, Model()
        self.values = []

    def pick(self, ok=lambda v: True):
        """A value that fits, recent ones more often; None if there is none."""
        fit = [v for v in self.values if ok(v)]
        if not fit:
            return None
        return fit[-1 - min(int(self.rng.geometric(0.5)) - 1, len(fit) - 1)]

    def new(self, shape, sc=None, z=None):
        sc = scale() if sc is None else sc
        z = zero(self.t) if z is None else z
        v = Value(self.m.tensor("t%d" % len(self.m.g.tensors), self.t, shape, sc, z), shape, sc, z)
        self.values.append(v)
        return v

    def add(self, code, version, ins, out, kind=None, opts=None, extra=()):
        for v in ins:
            v.used = True
        self.m.op(code, version, [v.index for v in ins] + list(extra), [out.index], kind, opts)

    def constants(self, x, filter_shape, axis, channels, depth):
        """Filter and bias tensors, and the output scale that suits them."""
        rng = self.rng
        per_channel = self.t == T.INT8 and bool(rng.integers(2))
        ws = np.array([scale(0.002, 0.02) for _ in range(channels if per_channel else 1)], np.float32)
        int8 = self.t == T.INT8
        w = rng.integers(-127, 128, filter_shape).astype(np.int8) if int8 else rng.integers(0, 256, filter_shape).astype(np.uint8)
        wz = 0 if int8 else int(rng.integers(0, 256))
        f = self.m.tensor("w", self.t, filter_shape, ws, [wz] * len(ws), axis if per_channel else 0, w)
        b = self.m.tensor("b", T.INT32, [channels], np.float32(x.scale) * ws, [0] * len(ws), 0,
                          rng.integers(-3000, 3000, channels).astype(np.int32))
        out = np.float32(x.scale * ws.mean() * 73 * 60 * np.sqrt(depth) / rng.uniform(40, 400))
        return (f, b), out

    def geometry(self, x):
        rng, (_, h, w, _) = self.rng, x.shape
        while True:
            kh, kw = (int(v) for v in rng.choice([1, 1, 2, 3, 3, 5], 2))
            sh, sw = (int(v) for v in rng.choice([1, 1, 2], 2))
            same = bool(rng.integers(2))
            oh, ow = window(h, kh, sh, 1, same), window(w, kw, sw, 1, same)
            if oh >= 1 and ow >= 1:
                return kh, kw, sh, sw, same, oh, ow


def image(v):
    return len(v.shape) == 4


def conv(g):
    x = g.pick(image)
    if x is None:
        return
    kh, kw, sh, sw, same, oh, ow = g.geometry(x)
    co = int(g.rng.integers(1, 24))
    extra, sc = g.constants(x, [co, kh, kw, x.shape[3]], 0, co, kh * kw * x.shape[3])
    y = g.new([x.shape[0], oh, ow, co], sc)
    g.add(OP.CONV_2D, 3, [x], y, s.BuiltinOptions.Conv2DOptions, options(
        s.Conv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw,
        fusedActivationFunction=int(g.rng.integers(0, 4))), extra)


def depthwise(g):
    x = g.pick(image)
    if x is None:
        return
    kh, kw, sh, sw, same, oh, ow = g.geometry(x)
    c = x.shape[3]
    extra, sc = g.constants(x, [1, kh, kw, c], 3, c, kh * kw)
    y = g.new([x.shape[0], oh, ow, c], sc)
    g.add(OP.DEPTHWISE_CONV_2D, 3, [x], y, s.BuiltinOptions.DepthwiseConv2DOptions, options(
        s.DepthwiseConv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, depthMultiplier=1,
        fusedActivationFunction=int(g.rng.integers(0, 4))), extra)


def fully_connected(g):
    x = g.pick(lambda v: np.prod(v.shape) <= 4096)
    if x is None:
        return
    k, u = int(np.prod(x.shape[1:])), int(g.rng.integers(1, 20))
    extra, sc = g.constants(x, [u, k], 0, u, k)
    y = g.new([x.shape[0], u], sc)
    g.add(OP.FULLY_CONNECTED, 4, [x], y, s.BuiltinOptions.FullyConnectedOptions, options(
        s.FullyConnectedOptionsT, fusedActivationFunction=int(g.rng.integers(0, 4))), extra)


def binary(g):
    x = g.pick()
    y = g.pick(lambda v: v.shape == x.shape) if x is not None else None
    if y is None:
        return
    code, kind, cls = [(OP.ADD, s.BuiltinOptions.AddOptions, s.AddOptionsT), (OP.SUB, s.BuiltinOptions.SubOptions, s.SubOptionsT),
                       (OP.MUL, s.BuiltinOptions.MulOptions, s.MulOptionsT)][int(g.rng.integers(3))]
    sc = scale(0.01, 0.4)
    # Outside of these ranges another rule holds, which ops.py would have to draw.
    if code == OP.MUL and not 2**-16 <= x.scale * y.scale / sc < 2**8:
        return
    if code != OP.MUL and not all(2**-10 <= v.scale / sc < 2**8 for v in (x, y)):
        return
    z = g.new(x.shape, sc)
    g.add(code, 2, [x, y], z, kind, options(cls, fusedActivationFunction=int(g.rng.integers(0, 4))))


def pool(g):
    x = g.pick(image)
    if x is None:
        return
    kh, kw, sh, sw, same, oh, ow = g.geometry(x)
    y = g.new([x.shape[0], oh, ow, x.shape[3]], x.scale, x.zero)
    g.add(OP.AVERAGE_POOL_2D if g.rng.integers(2) else OP.MAX_POOL_2D, 2, [x], y, s.BuiltinOptions.Pool2DOptions, options(
        s.Pool2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, filterHeight=kh, filterWidth=kw,
        fusedActivationFunction=int(g.rng.integers(0, 4))))


def pad(g):
    x = g.pick(image)
    if x is None:
        return
    amount = np.zeros((4, 2), np.int32)
    amount[1:3] = g.rng.integers(0, 3, (2, 2))
    p = g.m.tensor("paddings", T.INT32, [4, 2], data=amount)
    y = g.new([d + int(a.sum()) for d, a in zip(x.shape, amount)], x.scale, x.zero)
    g.add(OP.PAD, 2, [x], y, s.BuiltinOptions.PadOptions, s.PadOptionsT(), [p])


def concatenation(g):
    x = g.pick()
    axis = int(g.rng.integers(len(x.shape)))
    fits = lambda v: (len(v.shape) == len(x.shape) and v.scale == x.scale and v.zero == x.zero and  # noqa: E731
                      all(a == b or d == axis for d, (a, b) in enumerate(zip(v.shape, x.shape))))
    xs = [g.pick(fits) for _ in range(int(g.rng.integers(2, 4)))]
    shape = list(x.shape)
    shape[axis] = sum(v.shape[axis] for v in xs)
    if np.prod(shape) > 1 << 15:
        return
    g.add(OP.CONCATENATION, 2, xs, g.new(shape, x.scale, x.zero), s.BuiltinOptions.ConcatenationOptions,
          options(s.ConcatenationOptionsT, axis=axis))


def unary(g):
    x = g.pick()
    code, sc, z = [(OP.LOGISTIC, 1 / 256, -128), (OP.TANH, 1 / 128, 0), (OP.RELU, None, None), (OP.RELU6, None, None)][int(g.rng.integers(4))]
    if z is not None and g.t == T.UINT8:
        z += 128
    if code == OP.TANH and not tanh_agrees(x.scale, x.zero):
        return
    g.add(code, 2, [x], g.new(x.shape, None if sc is None else np.float32(sc), z))


def mean(g):
    x = g.pick(image)
    if x is None:
        return
    y = g.new([x.shape[0], x.shape[3]])
    g.add(OP.MEAN, 2, [x], y, s.BuiltinOptions.ReducerOptions, s.ReducerOptionsT(), [ints(g.m, "axes", [1, 2])])


def reshape(g):
    x = g.pick(image)
    if x is None:
        return
    n, h, w, c = x.shape
    to = [n, w, h, c] if g.rng.integers(2) else [n, h * w, 1, c]
    g.add(OP.RESHAPE, 1, [x], g.new(to, x.scale, x.zero), s.BuiltinOptions.ReshapeOptions,
          options(s.ReshapeOptionsT, newShape=to), [ints(g.m, "shape", to)])


def resize(g):
    x = g.pick(image)
    if x is None:
        return
    to = [int(v) for v in g.rng.integers(1, 13, 2)]
    y = g.new([x.shape[0], *to, x.shape[3]], x.scale, x.zero)
    g.add(OP.RESIZE_BILINEAR, 3, [x], y, s.BuiltinOptions.ResizeBilinearOptions,
          options(s.ResizeBilinearOptionsT, halfPixelCenters=bool(g.rng.integers(2))), [ints(g.m, "size", to)])


def softmax(g):
    x = g.pick(lambda v: len(v.shape) == 2)
    if x is None:
        return
    y = g.new(x.shape, np.float32(1 / 256), -128 if g.t == T.INT8 else 0)
    g.add(OP.SOFTMAX, 2, [x], y, s.BuiltinOptions.SoftmaxOptions, options(s.SoftmaxOptionsT, beta=1.0))


def fold(g):
    """SUM, REDUCE_MAX or REDUCE_MIN over the pixels or the channels."""
    x = g.pick(image)
    if x is None:
        return
    code = [OP.SUM, OP.REDUCE_MAX, OP.REDUCE_MIN][int(g.rng.integers(3))]
    axes = [[1, 2], [3]][int(g.rng.integers(2))]
    shape = [1 if d in axes else v for d, v in enumerate(x.shape)]
    if code == OP.SUM:
        y = g.new(shape, np.float32(x.scale * np.prod([x.shape[d] for d in axes]) * g.rng.uniform(0.2, 1)))
    else:
        y = g.new(shape, x.scale, x.zero)
    g.add(code, 2, [x], y, s.BuiltinOptions.ReducerOptions, options(s.ReducerOptionsT, keepDims=True), [ints(g.m, "axes", axes)])


def rare(g):
    """Functions of int8 that TFLite keeps as tables, ELU, and the L2 norm."""
    x, b = g.pick(), s.BuiltinOptions
    if g.t != T.INT8:
        return
    code, kind, opt = [(OP.ABS, b.AbsOptions, s.AbsOptionsT()), (OP.EXP, b.ExpOptions, s.ExpOptionsT()),
                       (OP.GELU, b.GeluOptions, options(s.GeluOptionsT, approximate=bool(g.rng.integers(2)))),
                       (OP.ELU, None, None), (OP.L2_NORMALIZATION, b.L2NormOptions, s.L2NormOptionsT())][int(g.rng.integers(5))]
    y = g.new(x.shape, np.float32(1 / 128), 0) if code == OP.L2_NORMALIZATION else g.new(x.shape)
    g.add(code, 1, [x], y, kind, opt)


def squared(g):
    a, b = g.pick(), g.pick()
    if g.t != T.INT8 or a.shape != b.shape:
        return
    y = g.new(a.shape, np.float32(max(a.scale, b.scale) ** 2 * g.rng.uniform(1, 100)))
    g.add(OP.SQUARED_DIFFERENCE, 2, [a, b], y, s.BuiltinOptions.SquaredDifferenceOptions, s.SquaredDifferenceOptionsT())


def blocks(g):
    """Blocks of space to the batch and, often, back."""
    x = g.pick(image)
    if x is None:
        return
    n, h, w, c = x.shape
    table = lambda v: g.m.tensor("edges", T.INT32, [2, 2], data=np.array(v, np.int32))
    y = g.new([n * 4, (h + 1) // 2, (w + 1) // 2, c], x.scale, x.zero)
    g.add(OP.SPACE_TO_BATCH_ND, 2, [x], y, s.BuiltinOptions.SpaceToBatchNDOptions, s.SpaceToBatchNDOptionsT(),
          [ints(g.m, "block", [2, 2]), table([[0, h % 2], [0, w % 2]])])
    z = g.new([n, y.shape[1] * 2, y.shape[2] * 2, c], x.scale, x.zero)
    g.add(OP.BATCH_TO_SPACE_ND, 2, [y], z, s.BuiltinOptions.BatchToSpaceNDOptions, s.BatchToSpaceNDOptionsT(),
          [ints(g.m, "block", [2, 2]), table([[0, 0], [0, 0]])])


MAKERS = [fold, rare, squared, blocks, conv, conv, conv, depthwise, depthwise, fully_connected, binary, binary, binary, pool, pad, pad, concatenation, unary,
          mean, reshape, resize, softmax]


def graph(rng):
    g = Graph(rng, T.INT8 if rng.integers(3) else T.UINT8)
    h, w = (int(v) for v in rng.integers(4, 16, 2))
    inputs = [g.new([1, h, w, int(rng.choice([1, 3, 8, 16]))]) for _ in range(int(rng.integers(1, 3)))]
    for _ in range(int(rng.integers(3, 16))):
        MAKERS[int(rng.integers(len(MAKERS)))](g)
    outputs = [v.index for v in g.values if not v.used and v not in inputs]
    inputs = [v.index for v in inputs if v.used]
    return g.m.bytes(inputs, outputs) if outputs else None


def main(path, seed, count):
    rng = ops.rng = np.random.default_rng(seed)
    version = importlib.metadata.version("ai-edge-litert")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        n = 0
        while n < count:
            data = graph(rng)
            if data is None:
                continue
            name = "graph_%04d" % n
            z.writestr(name + ".tflite", data)
            z.writestr(name + ".golden", ("model %s.tflite\nlitert %s\ncases %d\n\n" % (name, version, CASES)).encode() + run(data))
            n += 1


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, required=True)
    p.add_argument("--count", type=int, default=500)
    a = p.parse_args()
    main(a.out, a.seed, a.count)
