#!/usr/bin/env python3
"""Make one-operator float32 models with drawn parameters and record LiteRT.

    python scripts/golden/ops_float.py inference/testdata/ops_float.zip

The archive has the form ops.py gives it; a third of the layers keep their
weights as float16 behind DEQUANTIZE.
"""
import argparse
import importlib.metadata
import zipfile

import numpy as np
from ai_edge_litert import schema_py_generated as s

import ops
from ops import CASES, OP, T, Model, geometry, ints, options, run, some_shape, window

F = T.FLOAT32
KIND = s.BuiltinOptions


def draw(lo, hi):
    return int(ops.rng.integers(lo, hi))


def activation():
    return draw(0, 4)


def constant(m, name, values, half):
    """A float32 constant, or a float16 one and what widens it."""
    if not half:
        return m.tensor(name, F, values.shape, data=values.astype(np.float32))
    h = m.tensor(name + "_half", T.FLOAT16, values.shape, data=values.astype(np.float16))
    f = m.tensor(name, F, values.shape)
    m.op(OP.DEQUANTIZE, 2, [h], [f], KIND.DequantizeOptions, s.DequantizeOptionsT())
    return f


def layer(i, m, x, shape, channels, depth, bare=False):
    """Filter and bias for sums of a few units, which activations clamp in part."""
    half = i % 3 == 2
    ins = [x, constant(m, "filter", ops.rng.normal(0, 0.4 / np.sqrt(depth), shape), half)]
    bias = ops.rng.normal(0, 1, [channels])
    return ins + ([-1] if bare else [constant(m, "bias", bias, half)])


def conv(i):
    m = Model()
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = geometry()
    groups = 2 if i % 6 == 5 else 1
    ci, co, n = draw(1, 20), draw(1, 20) * groups, draw(1, 3)
    x, y = m.tensor("x", F, [n, h, w, ci * groups]), m.tensor("y", F, [n, oh, ow, co])
    m.op(OP.CONV_2D, 1, layer(i, m, x, [co, kh, kw, ci], co, kh * kw * ci), [y], KIND.Conv2DOptions, options(
        s.Conv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, dilationHFactor=dh, dilationWFactor=dw,
        fusedActivationFunction=activation()))
    return m.bytes([x], [y])


def depthwise(i):
    m = Model()
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = geometry()
    if dh > 1 or dw > 1:
        sh = sw = 1
        oh, ow = window(h, kh, 1, dh, same), window(w, kw, 1, dw, same)
    if oh < 1 or ow < 1:
        return depthwise(i)
    ci, mult, n = draw(1, 20), int(ops.rng.choice([1, 1, 2, 3, 8])), draw(1, 3)
    x, y = m.tensor("x", F, [n, h, w, ci]), m.tensor("y", F, [n, oh, ow, ci * mult])
    m.op(OP.DEPTHWISE_CONV_2D, 2, layer(i, m, x, [1, kh, kw, ci * mult], ci * mult, kh * kw), [y], KIND.DepthwiseConv2DOptions, options(
        s.DepthwiseConv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, depthMultiplier=mult,
        dilationHFactor=dh, dilationWFactor=dw, fusedActivationFunction=activation()))
    return m.bytes([x], [y])


def fully_connected(i):
    m = Model()
    n, k, u = draw(1, 6), draw(1, 400), draw(1, 40)
    x, y = m.tensor("x", F, [n, k]), m.tensor("y", F, [n, u])
    m.op(OP.FULLY_CONNECTED, 1, layer(i, m, x, [u, k], u, k, i % 4 == 3), [y], KIND.FullyConnectedOptions,
         options(s.FullyConnectedOptionsT, fusedActivationFunction=activation()))
    return m.bytes([x], [y])


BINARY = [(OP.ADD, KIND.AddOptions, s.AddOptionsT), (OP.SUB, KIND.SubOptions, s.SubOptionsT),
          (OP.MUL, KIND.MulOptions, s.MulOptionsT), (OP.DIV, KIND.DivOptions, s.DivOptionsT),
          (OP.MAXIMUM, KIND.MaximumMinimumOptions, s.MaximumMinimumOptionsT),
          (OP.MINIMUM, KIND.MaximumMinimumOptions, s.MaximumMinimumOptionsT),
          (OP.SQUARED_DIFFERENCE, KIND.SquaredDifferenceOptions, s.SquaredDifferenceOptionsT)]


def binary(i):
    m = Model()
    op, kind, cls = BINARY[i % 7]
    shape = [1, *some_shape(2), draw(1, 20)]
    # Equal shapes, one element, some dimensions repeated, a lower rank.
    other = [shape, [1, 1, 1, 1], [d if draw(0, 2) else 1 for d in shape], shape[draw(1, 4):]][i // 7 % 4]
    fixed = op == OP.DIV or i % 5 == 4  # no division by a drawn zero
    values = ops.rng.uniform(0.5, 3, other) * ops.rng.choice([-1, 1], other)
    a = m.tensor("a", F, shape)
    b = constant(m, "b", values, i % 2) if fixed else m.tensor("b", F, other)
    y = m.tensor("y", F, shape)
    opt = cls()
    if hasattr(opt, "fusedActivationFunction"):
        opt.fusedActivationFunction = activation()
    m.op(op, 1, [b, a] if i % 2 and op != OP.DIV else [a, b], [y], kind, opt)
    return m.bytes([a] if fixed else [a, b], [y])


UNARY = [(OP.ABS, KIND.AbsOptions, s.AbsOptionsT), (OP.NEG, KIND.NegOptions, s.NegOptionsT),
         (OP.SQUARE, KIND.SquareOptions, s.SquareOptionsT), (OP.SQRT, 0, None), (OP.RSQRT, 0, None),
         (OP.EXP, KIND.ExpOptions, s.ExpOptionsT), (OP.LOG, 0, None), (OP.FLOOR, 0, None), (OP.CEIL, 0, None),
         (OP.LOGISTIC, 0, None), (OP.TANH, 0, None), (OP.HARD_SWISH, KIND.HardSwishOptions, s.HardSwishOptionsT),
         (OP.LEAKY_RELU, KIND.LeakyReluOptions, s.LeakyReluOptionsT),
         (OP.RELU, 0, None), (OP.RELU6, 0, None), (OP.RELU_N1_TO_1, 0, None), (OP.RELU_0_TO_1, 0, None)]


def unary(i):
    m = Model()
    op, kind, cls = UNARY[i % len(UNARY)]
    shape = [1, int(ops.rng.choice([64, 250, 13]))]
    x, y = m.tensor("x", F, shape), m.tensor("y", F, shape)
    opt = cls() if cls else None
    if op == OP.LEAKY_RELU:
        opt.alpha = float(ops.rng.choice([0.1, 0.3, -0.4]))
    at = x
    if op == OP.RSQRT:  # keep off 0, where LiteRT answers NaN
        at, c = m.tensor("off", F, shape), m.tensor("c", F, [1], data=np.array([0.0625], np.float32))
        m.op(OP.ADD, 1, [x, c], [at], KIND.AddOptions, s.AddOptionsT())
    m.op(op, 1, [at], [y], kind or None, opt)
    return m.bytes([x], [y])


def prelu(i):
    m = Model()
    shape = [1, *some_shape(3, 9)]
    x, y = m.tensor("x", F, shape), m.tensor("y", F, shape)
    alphas = [1, 1, shape[3]] if i % 2 else shape[1:]
    a = m.tensor("alpha", F, alphas, data=ops.rng.normal(0, 1, alphas).astype(np.float32))
    m.op(OP.PRELU, 1, [x, a], [y])
    return m.bytes([x], [y])


def pool(i):
    m = Model()
    h, w, kh, kw, sh, sw, _, _, same, _, _ = geometry()
    oh, ow = window(h, kh, sh, 1, same), window(w, kw, sw, 1, same)
    if oh < 1 or ow < 1:
        return pool(i)
    c, n = draw(1, 30), draw(1, 3)
    x, y = m.tensor("x", F, [n, h, w, c]), m.tensor("y", F, [n, oh, ow, c])
    m.op(OP.AVERAGE_POOL_2D if i % 2 else OP.MAX_POOL_2D, 1, [x], [y], KIND.Pool2DOptions, options(
        s.Pool2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, filterHeight=kh, filterWidth=kw,
        fusedActivationFunction=activation()))
    return m.bytes([x], [y])


def reduce(i):
    m = Model()
    shape = [draw(1, 3)] + some_shape(3, 12)
    axes = [[1, 2], [3], [1], [2, 3], [-1], [0, 1, 2], [0, 2], [1, 3], [0, 1, 2, 3]][i % 9]
    keep = bool(draw(0, 2))
    norm = {a % 4 for a in axes}
    out = [1 if d in norm else v for d, v in enumerate(shape) if keep or d not in norm]
    x, y = m.tensor("x", F, shape), m.tensor("y", F, out)
    m.op(OP.MEAN if i % 2 else OP.SUM, 1, [x, ints(m, "axes", axes)], [y], KIND.ReducerOptions,
         options(s.ReducerOptionsT, keepDims=keep))
    return m.bytes([x], [y])


def softmax(i):
    m = Model()
    shape = [draw(1, 4), int(ops.rng.choice([1, 2, 3, 10, 100, 1001]))]
    x, y = m.tensor("x", F, shape), m.tensor("y", F, shape)
    m.op(OP.SOFTMAX, 1, [x], [y], KIND.SoftmaxOptions, options(s.SoftmaxOptionsT, beta=[1.0, 0.5, 2.0][i % 3]))
    return m.bytes([x], [y])


def resize(i):
    m = Model()
    n, h, w, c = 1 + i % 2, *some_shape(3, 12)
    oh, ow = some_shape(2, 20)
    align, half = [(False, False), (True, False), (False, True)][i % 3]
    x, y = m.tensor("x", F, [n, h, w, c]), m.tensor("y", F, [n, oh, ow, c])
    m.op(OP.RESIZE_BILINEAR, 3, [x, ints(m, "size", [oh, ow])], [y], KIND.ResizeBilinearOptions,
         options(s.ResizeBilinearOptionsT, alignCorners=align, halfPixelCenters=half))
    return m.bytes([x], [y])


def arg_max(i):
    m = Model()
    shape = some_shape(3, 8)
    x, y = m.tensor("x", F, shape), m.tensor("y", T.INT32, [d for k, d in enumerate(shape) if k != i % 3])
    a = m.tensor("axis", T.INT32, [], data=np.array([i % 3], np.int32))
    m.op(OP.ARG_MAX, 1, [x, a], [y], KIND.ArgMaxOptions, options(s.ArgMaxOptionsT, outputType=T.INT32))
    return m.bytes([x], [y])


def dynamic(i):
    """A fully connected layer or convolution of float values with int8 weights."""
    m = Model()
    if i % 2:
        n, k, u = draw(1, 6), draw(1, 400), draw(1, 40)
        x, y, shape = m.tensor("x", F, [n, k]), m.tensor("y", F, [n, u]), [u, k]
        op, kind, opt = OP.FULLY_CONNECTED, KIND.FullyConnectedOptions, s.FullyConnectedOptionsT()
    else:
        h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = geometry()
        if i % 8 == 4 or i % 16 == 6:  # what XNNPACK takes for a fully connected layer, and with groups does not
            kh = kw = sh = sw = dh = dw = 1
            oh, ow = h, w
        groups = 2 if i % 8 == 6 else 1
        ci, u, n = draw(1, 20), draw(1, 20) * groups, draw(1, 3)
        x, y, shape = m.tensor("x", F, [n, h, w, ci * groups]), m.tensor("y", F, [n, oh, ow, u]), [u, kh, kw, ci]
        op, kind, opt = OP.CONV_2D, KIND.Conv2DOptions, options(
            s.Conv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, dilationHFactor=dh, dilationWFactor=dw)
    opt.fusedActivationFunction = activation()
    ws = ops.rng.uniform(0.001, 0.01, u if i // 2 % 2 else 1).astype(np.float32)
    f = m.tensor("filter", T.INT8, shape, ws, [0] * len(ws), 0, ops.rng.integers(-127, 128, shape).astype(np.int8))
    b = m.tensor("bias", F, [u], data=ops.rng.normal(0, 1, [u]).astype(np.float32))
    m.op(op, 5, [x, f, b], [y], kind, opt)
    return m.bytes([x], [y])


LAYERS = (conv, depthwise, fully_connected, dynamic)
PLAN = [(conv, 36), (depthwise, 36), (fully_connected, 18), (binary, 84), (unary, 34), (prelu, 6), (pool, 24),
        (reduce, 18), (softmax, 9), (resize, 18), (arg_max, 6), (dynamic, 48)]


def tiny(golden):
    """Whether an activation left so little of a case that a relative difference says nothing."""
    top = np.abs(np.frombuffer(golden, np.float32).reshape(CASES, -1)).max(axis=1)
    return bool(((top > 0) & (top < 1 / 16)).any())


def main(path, seed, times):
    ops.rng = np.random.default_rng(seed)
    version = importlib.metadata.version("ai-edge-litert")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        def write(name, data):
            z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
        for make, count in PLAN:
            for i in range(count * times):
                name, data = "%s_f32_%03d" % (make.__name__, i), make(i)
                golden = run(data)
                while make in LAYERS and tiny(golden):
                    data = make(i)
                    golden = run(data)
                head = "model %s.tflite\nlitert %s\ncases %d\n\n" % (name, version, CASES)
                write(name + ".tflite", data)
                write(name + ".golden", head.encode() + golden)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261124)
    p.add_argument("--times", type=int, default=1, help="cases relative to the committed archive")
    a = p.parse_args()
    main(a.out, a.seed, a.times)
