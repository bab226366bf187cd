#!/usr/bin/env python3
"""Make models that go through parameters one by one where draws leave cells of
the matrix empty (inference/matrix_test.go), and record LiteRT.

    python scripts/golden/ops_cells.py inference/testdata/ops_cells.zip

The archive has the form ops.py gives it.
"""
import argparse
import importlib.metadata
import zipfile

import numpy as np
from ai_edge_litert import schema_py_generated as s

import ops
import ops_float
import ops_more
from ops import CASES, NUMPY, OP, T, Model, options, run, scale, window
from ops_float import tiny

F, KIND = T.FLOAT32, s.BuiltinOptions
KINDS = {T.INT8: "int8", T.UINT8: "uint8", T.INT16: "int16", F: "float"}
FILTERS = [(1, 1), (3, 3), (2, 2), (1, 5), (4, 2)]
IMAGES = [(7, 9), (1, 12), (8, 6), (5, 1)]
STRIDES = [(1, 1), (2, 2), (3, 3), (2, 1)]


def draw(lo, hi):
    return int(ops.rng.integers(lo, hi))


def windows():
    """Every filter with every stride, padding and image in turn."""
    for k, (kh, kw) in enumerate(FILTERS):
        for j, (sh, sw) in enumerate(STRIDES):
            h, w = IMAGES[(k + j) % len(IMAGES)]
            same = (k + j) % 2 == 0 or kh > h or kw > w
            yield h, w, kh, kw, sh, sw, 1, 1, same, window(h, kh, sh, 1, same), window(w, kw, sw, 1, same)


class Fixed:
    """Stands in for the draws of windows and zero points."""

    def __init__(self, geometry, i):
        self.geometry, self.i = geometry, i

    def __enter__(self):
        self.saved = ops.geometry, ops.zero
        ends = [-128, 127, 5]
        self.calls = self.i

        def zero(t=T.INT8):
            self.calls += 1
            z = ends[self.calls % 3]
            return z + 128 if t == T.UINT8 else z

        for m in (ops, ops_float, ops_more):
            m.geometry = lambda: self.geometry
        ops.zero = ops_more.zero = zero

    def __exit__(self, *_):
        for m in (ops, ops_float, ops_more):
            m.geometry = self.saved[0]
        ops.zero = ops_more.zero = self.saved[1]


def layers():
    makers = [("conv_uint8", lambda i: ops.conv(i, T.UINT8)), ("depthwise_uint8", lambda i: ops.depthwise(i, T.UINT8)),
              ("depthwise_int16", lambda i: ops_more.depthwise16(i)),
              ("pool_int8", lambda i: ops.pool(i)), ("pool_uint8", lambda i: ops.pool(i, T.UINT8)), ("pool_float", ops_float.pool)]
    for name, make in makers:
        for turn in range(2):
            for k, g in enumerate(windows()):
                with Fixed(g, k + turn):
                    yield "%s_%d_%02d" % (name, turn, k), make(k + turn)


def meeting(i):
    """Shapes that broadcast in every position."""
    full, part = [2, 3, 4, 5], [[1, 3, 1, 5], [2, 1, 4, 1]]
    return [(full, full, full), ([1], full, full), (full, [1], full), ([4, 5], full, full), (full, [4, 5], full),
            ([2, 1, 4, 5], full, full), (full, [2, 3, 1, 5], full), (part[0], part[1], full)][i % 8]


BINARY = [(OP.ADD, KIND.AddOptions, s.AddOptionsT), (OP.SUB, KIND.SubOptions, s.SubOptionsT), (OP.MUL, KIND.MulOptions, s.MulOptionsT),
          (OP.MAXIMUM, KIND.MaximumMinimumOptions, s.MaximumMinimumOptionsT), (OP.MINIMUM, KIND.MaximumMinimumOptions, s.MaximumMinimumOptionsT),
          (OP.SQUARED_DIFFERENCE, KIND.SquaredDifferenceOptions, s.SquaredDifferenceOptionsT)]
NAMES = ["add", "sub", "mul", "maximum", "minimum", "squared"]


def binaries():
    for t in (F, T.INT8, T.UINT8):
        for k, (op, kind, cls) in enumerate(BINARY):
            if t == T.UINT8 and k > 2 or t == T.INT8 and k in (3, 4):
                continue
            for i in range(8):
                m = Model()
                a, b, out = meeting(i)
                ends = [-128, 127, 3]
                z = lambda n: ends[(i + n) % 3] + (128 if t == T.UINT8 else 0)
                q = [{"scale": scale(), "zero": z(n)} if t != F else {} for n in range(3)]
                if t != F and k == 5:
                    q[2]["scale"] = np.float32(max(q[0]["scale"], q[1]["scale"]) ** 2 * 30)
                x, y, r = m.tensor("a", t, a, **q[0]), m.tensor("b", t, b, **q[1]), m.tensor("y", t, out, **q[2])
                o = cls()
                if hasattr(o, "fusedActivationFunction"):
                    o.fusedActivationFunction = i % 4
                m.op(op, 2, [x, y], [r], kind, o)
                yield "%s_%s_%d" % (NAMES[k], KINDS[t], i), m.bytes([x, y], [r])


def saturated():
    """Outputs of so fine a scale that both ends of the type occur."""
    for t in (T.INT8, T.UINT8):
        mid = 128 if t == T.UINT8 else 0
        for i, z in enumerate([-128, 127, 0]):
            m = Model()
            x = m.tensor("x", t, [2, 4, 4, 8], np.float32(0.1), mid)
            y = m.tensor("y", t, [2, 8], np.float32(0.002), mid)
            op = [OP.MEAN, OP.SUM, OP.MEAN][i]
            m.op(op, 2, [x, ops.ints(m, "axes", [1, 2])], [y], KIND.ReducerOptions, s.ReducerOptionsT())
            yield "reduce_%s_%d" % (KINDS[t], i), m.bytes([x], [y])
            m = Model()
            x, y = m.tensor("x", t, [1, 32], np.float32(0.1), mid + z), m.tensor("y", t, [1, 10], np.float32(0.05), mid)
            w = ops.rng.integers(-127, 128, (10, 32)).astype(np.int8)
            f = m.tensor("f", t, [10, 32], np.float32(0.02), mid, 0, w if t == T.INT8 else (w.astype(np.int16) + 128).astype(np.uint8))
            m.op(OP.FULLY_CONNECTED, 4, [x, f, -1], [y], KIND.FullyConnectedOptions, s.FullyConnectedOptionsT())
            yield "dense_%s_%d" % (KINDS[t], i), m.bytes([x], [y])
            m = Model()
            x, y = m.tensor("x", t, [3, 33], np.float32(0.1), mid), m.tensor("y", t, [3, 33], np.float32(0.01), mid)
            c = m.tensor("c", t, [1], np.float32(0.01), mid, 0, np.array([mid + 30 - 60 * (i % 2)], np.int8 if t == T.INT8 else np.uint8))
            m.op(OP.DIV, 2, [x, c], [y], KIND.DivOptions, s.DivOptionsT())
            yield "div_%s_%d" % (KINDS[t], i), m.bytes([x], [y])
            m = Model()
            q = {"scale": np.float32(0.1), "zero": mid + z}
            x, y = m.tensor("x", t, [1, 9, 9, 4], **q), m.tensor("y", t, [1, 9, 9, 4], **q)
            m.op([OP.AVERAGE_POOL_2D, OP.MAX_POOL_2D, OP.AVERAGE_POOL_2D][i], 2, [x], [y], KIND.Pool2DOptions,
                 options(s.Pool2DOptionsT, padding=0, strideH=1, strideW=1, filterHeight=1, filterWidth=1))
            yield "pool_all_%s_%d" % (KINDS[t], i), m.bytes([x], [y])
    for n in (13, 37):
        m = Model()
        x, y = m.tensor("x", T.INT8, [1, n], np.float32(0.11), 3), m.tensor("y", T.INT8, [1, n], np.float32(1 / 256), -128)
        m.op(OP.LOGISTIC, 1, [x], [y])
        yield "logistic_%d" % n, m.bytes([x], [y])


def grouped():
    """Groups of uint8, transposed convolutions of even filters, least zero points of means."""
    for k, g in enumerate(list(windows())[4:12]):
        h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = g
        m = Model()
        x = m.tensor("x", T.UINT8, [1, h, w, 6], np.float32(0.05), [0, 255, 128][k % 3])
        ins, y = ops.layer(m, T.UINT8, x, [8, kh, kw, 3], 0, 8, kh * kw * 3, np.float32(0.05), [1, oh, ow, 8])
        m.op(OP.CONV_2D, 3, ins, [y], KIND.Conv2DOptions, options(s.Conv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, fusedActivationFunction=k % 4))
        yield "groups_%d" % k, m.bytes([x], [y])
    for k, (kh, kw, st) in enumerate([(2, 2, 1), (2, 2, 2), (4, 4, 2), (4, 4, 3)]):
        m = Model()
        x = m.tensor("x", T.UINT8, [1, 5, 7, 3], np.float32(0.05), 7)
        shape = ops.ints(m, "shape", [1, 5 * st, 7 * st, 8])
        (x, f, b), y = ops.layer(m, T.UINT8, x, [8, kh, kw, 3], 0, 8, kh * kw * 3, np.float32(0.05), [1, 5 * st, 7 * st, 8])
        m.op(OP.TRANSPOSE_CONV, 3, [shape, f, x, b], [y], KIND.TransposeConvOptions, options(
            s.TransposeConvOptionsT, padding=0, strideH=st, strideW=st, fusedActivationFunction=k))
        yield "spread_%d" % k, m.bytes([x], [y])
    for k, (t, z) in enumerate([(T.INT8, -128), (T.UINT8, 0)]):
        m = Model()
        x, y = m.tensor("x", t, [2, 5, 3, 7], np.float32(0.05), 11), m.tensor("y", t, [2, 7], np.float32(0.02), z)
        m.op(OP.MEAN, 2, [x, ops.ints(m, "axes", [1, 2])], [y], KIND.ReducerOptions, s.ReducerOptionsT())
        yield "mean_least_%d" % k, m.bytes([x], [y])


def direction(m, n, k, out, cifg, peephole, projected):
    """Weights of one direction of floats: gates, recurrences, peepholes, biases, projection."""
    f = lambda shape, spread: m.tensor("w", F, shape, data=ops.rng.normal(0, spread, shape).astype(np.float32))
    skip = lambda gate: cifg and gate == 0
    ins = [-1 if skip(g) else f([k, n], 0.5 / np.sqrt(n)) for g in range(4)] + [-1 if skip(g) else f([k, out], 0.5 / np.sqrt(out)) for g in range(4)]
    ins += [-1 if not peephole or skip(g) else f([k], 0.5) for g in range(3)]
    ins += [-1 if skip(g) else f([k], 1) for g in range(4)]
    return ins + ([f([out, k], 0.5), f([out], 0.2) if n % 2 else -1] if projected else [-1, -1])


def states(m, b, out, k):
    s_ = [m.tensor("h", F, [b, out]), m.tensor("c", F, [b, k])]
    for i in s_:
        m.g.tensors[i].isVariable = True
    return s_


def sequences():
    """LSTM, and sequences of it with peepholes and projections, in one direction and in two."""
    for i in range(24):
        name, data = sequence(i)
        while tiny(run(data)):
            name, data = sequence(i)
        yield name, data


def sequence(i):
    m = Model()
    b, time, n, k = draw(1, 4), draw(1, 6), draw(1, 12), draw(1, 12)
    projected, peephole, cifg, major = i % 4 >= 2, i % 3 == 1, i % 5 == 4, i % 2 == 0
    out = draw(1, 9) if projected else k
    clips = dict(cellClip=[0.0, 0.8][i // 2 % 2], projClip=[0.0, 0.3][i // 4 % 2])
    if i < 8:
        x, y = m.tensor("x", F, [b, n]), m.tensor("y", F, [b, out])
        ins = [x] + direction(m, n, k, out, cifg, peephole, projected) + states(m, b, out, k) + [-1] * 4
        m.op(OP.LSTM, 1, ins, [y], KIND.LSTMOptions, options(s.LSTMOptionsT, fusedActivationFunction=4, **clips))
        return "lstm_%02d" % i, m.bytes([x], [y])
    lead = [time, b] if major else [b, time]
    if i < 14:
        x = m.tensor("x", F, lead + [n])
        y = m.tensor("y", F, lead + [out])
        ins = [x] + direction(m, n, k, out, cifg, peephole, projected) + states(m, b, out, k) + [-1] * 4
        m.op(OP.UNIDIRECTIONAL_SEQUENCE_LSTM, 1, ins, [y], KIND.UnidirectionalSequenceLSTMOptions,
             options(s.UnidirectionalSequenceLSTMOptionsT, fusedActivationFunction=4, timeMajor=major, **clips))
        return "sequence_%02d" % i, m.bytes([x], [y])
    # LiteRT wants both directions alike.
    merged, aux, major = i % 2 == 1, i % 3 == 0, i % 4 > 1
    if merged and not major:
        b = 1  # for more LiteRT takes states from outside
    lead = [time, b] if major else [b, time]
    x, z = m.tensor("x", F, lead + [n]), m.tensor("z", F, lead + [n]) if aux else -1
    ins = [x] + direction(m, n, k, out, cifg, peephole, projected) + direction(m, n, k, out, cifg, peephole, projected)
    ins += states(m, b, out, k) + states(m, b, out, k) + [z] + [-1] * 8
    ys = [m.tensor("y", F, lead + [out + out])] if merged else [m.tensor("y", F, lead + [out]), m.tensor("y2", F, lead + [out])]
    m.op(OP.BIDIRECTIONAL_SEQUENCE_LSTM, 1, ins, ys, KIND.BidirectionalSequenceLSTMOptions,
         options(s.BidirectionalSequenceLSTMOptionsT, fusedActivationFunction=4, timeMajor=major, mergeOutputs=merged, **clips))
    return "both_ways_%02d" % i, m.bytes([x] + ([z] if aux else []), ys)


def forced(m, t, values, **q):
    """An input, and exactly these values whatever it is."""
    values = np.array(values, NUMPY[t])
    x, k = m.tensor("x", t, values.shape, **q), m.tensor("k", t, values.shape, data=values, **q)
    for op in (OP.MAXIMUM, OP.MINIMUM):
        y = m.tensor("v", t, values.shape, **q)
        m.op(op, 2 if t != F else 1, [k if op == OP.MAXIMUM else y0, x if op == OP.MAXIMUM else k], [y], KIND.MaximumMinimumOptions, s.MaximumMinimumOptionsT())
        y0 = y
    return x, y


def squares(n):
    """Four numbers up to 255 whose squares add up to n, the largest first."""
    for a in range(min(int(n**0.5), 255), -1, -1):
        for b in range(min(int((n - a * a) ** 0.5), a), -1, -1):
            for c in range(min(int((n - a * a - b * b) ** 0.5), b), -1, -1):
                d = int(round((n - a * a - b * b - c * c) ** 0.5))
                if d <= c and a * a + b * b + c * c + d * d == n:
                    return [a, b, c, d]


# Sums of squares of a row, and an element of it, where the last bit of 1/sqrt(2) shows.
NORMS = [(27849, 101), (51490, 226), (65025 + 211750, 113)]
# The least and the most of an image where the two ways to a zero point round apart: either
# starts at the end with the smaller error.
SPREADS = [(3262995165, 1115729446), (3271458495, 1124156006), (3263131903, 1115798896), (3271320111, 1124085720)]
# Scales of tables of GELU in which the order of its float32 steps shows, and whether approximate.
GELUS = [(0.0001378193, 3.719663e-05, False), (0.0003181934, 0.0003496332, False), (0.0001985704, 1.122835e-05, True), (0.00097973, 5.180948e-05, True)]


def edges():
    """Values at which constants of the rules show."""
    m = Model()
    x, v = forced(m, F, [[2e-7, -3e-7, 0, 1e-8], [1e-6, 0, 0, 0], [3e-7, 4e-7, 5e-7, -9e-7]])
    y = m.tensor("y", F, [3, 4])
    m.op(OP.L2_NORMALIZATION, 1, [v], [y], KIND.L2NormOptions, s.L2NormOptionsT())
    yield "edge_norm", m.bytes([x], [y])
    for i, (total, d) in enumerate(NORMS):
        m, rest = Model(), total - d * d
        more = []
        while rest > 4 * 255 * 255:
            more, rest = more + [255], rest - 255 * 255
        x, v = forced(m, T.UINT8, [[d] + more + squares(rest)], scale=0.1, zero=0)
        y = m.tensor("y", T.UINT8, m.g.tensors[v].shape, 1 / 128, 128)
        m.op(OP.L2_NORMALIZATION, 2, [v], [y], KIND.L2NormOptions, s.L2NormOptionsT())
        yield "edge_norm_%d" % i, m.bytes([x], [y])
    m = Model()
    x, y = m.tensor("x", F, [1, 2000, 1, 1]), m.tensor("y", F, [1, 1, 1, 1])
    m.op(OP.RESIZE_NEAREST_NEIGHBOR, 3, [x, ops.ints(m, "size", [1, 1])], [y], KIND.ResizeNearestNeighborOptions, options(s.ResizeNearestNeighborOptionsT, halfPixelCenters=True))
    yield "edge_nearest", m.bytes([x], [y])
    m = Model()
    x, y = m.tensor("x", F, [1, 7, 5, 2]), m.tensor("y", F, [1, 2, 2, 2])
    m.op(OP.RESIZE_NEAREST_NEIGHBOR, 3, [x, ops.ints(m, "size", [2, 2])], [y], KIND.ResizeNearestNeighborOptions, options(s.ResizeNearestNeighborOptionsT, alignCorners=True))
    yield "edge_nearest_aligned", m.bytes([x], [y])
    for i, bits in enumerate(SPREADS):
        m = Model()
        x, v = forced(m, F, np.array(bits, np.uint32).view(np.float32).reshape(1, 1, 2, 1))
        f = m.tensor("f", T.INT4, [2, 1, 1, 1], [0.5, 0.25], [0, 0], 0, np.array([0x71], np.uint8))
        y = m.tensor("y", F, [1, 1, 2, 2])
        m.op(OP.CONV_2D, 7, [v, f, m.tensor("b", F, [2], data=np.zeros(2, np.float32))], [y], KIND.Conv2DOptions, options(s.Conv2DOptionsT, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1))
        yield "edge_spread_%d" % i, m.bytes([x], [y])
    # Slopes and scales outside what the delegate takes, and at its ends.
    for i, (ratio, alpha) in enumerate([(0.3, 0.01), (0.9, 0.001), (1, 0), (200, 0.3), (0.003, 0.9), (0.5, -0.005), (3, -60), (2, 80), (5000, 0.01), (1, 1 / 256), (1 / 256, 1), (128, 1), (128, 1.001), (1, -127.998), (129, -0.5)]):
        for t in (T.INT8, T.UINT8):
            m = Model()
            x, y = m.tensor("x", t, [1, 128], np.float32(0.05 * ratio), ops.zero(t)), m.tensor("y", t, [1, 128], 0.05, ops.zero(t))
            m.op(OP.LEAKY_RELU, 2, [x], [y], KIND.LeakyReluOptions, options(s.LeakyReluOptionsT, alpha=alpha))
            yield "edge_leaky_%02d_%s" % (i, KINDS[t]), m.bytes([x], [y])
    for i, (sx, sy, approximate) in enumerate(GELUS):
        m = Model()
        x, v = forced(m, T.INT16, [np.arange(-32768, 32768, 128)], scale=np.float32(sx), zero=0)
        y = m.tensor("y", T.INT16, [1, 512], np.float32(sy), 0)
        m.op(OP.GELU, 2, [v], [y], KIND.GeluOptions, options(s.GeluOptionsT, approximate=approximate))
        yield "edge_gelu_%d" % i, m.bytes([x], [y])


def main(path, seed):
    ops.rng = np.random.default_rng(seed)
    head = "litert %s\ncases %d\n\n" % (importlib.metadata.version("ai-edge-litert"), CASES)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for source in (layers, binaries, saturated, grouped, sequences, edges):
            for name, data in source():
                for suffix, body in ((".tflite", data), (".golden", ("model %s.tflite\n%s" % (name, head)).encode() + run(data))):
                    z.writestr(zipfile.ZipInfo(name + suffix, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261131)
    a = p.parse_args()
    main(a.out, a.seed)
