#!/usr/bin/env python3
"""Make models of wider types and variants and record LiteRT: LSTM with layer
normalization, peepholes, projections and int8 weights; functions, products and
comparisons of int16, divisions by values of a run, powers and means of integers;
detections with several classes each.

    python scripts/golden/ops_wide.py inference/testdata/ops_wide.zip

The archive has the form ops.py gives it.
"""
import argparse
import ctypes
import importlib.metadata
import math
import zipfile

import numpy as np
from ai_edge_litert import schema_py_generated as s

import ops
import ops_more  # which adds types
from ops import CASES, OP, T, Model, options, run, scale, zero
from ops_float import tiny
from ops_late import custom, flex

F, F32, KIND = T.FLOAT32, np.float32, s.BuiltinOptions


def draw(lo, hi):
    return int(ops.rng.integers(lo, hi))


class Layer:
    """The drawn shape of an LSTM."""

    def __init__(self, i):
        self.batch, self.time, self.n, self.k = draw(1, 4), draw(1, 6), draw(1, 24), draw(2, 40)
        self.norm, self.peephole, self.projected, self.cifg = i % 2 == 1, i // 2 % 2 == 1, i // 4 % 2 == 1, i % 5 == 3
        self.major, self.asymmetric = i // 3 % 2 == 1, i % 3 == 1
        self.out = draw(1, self.k) if self.projected else self.k
        self.lead = [self.time, self.batch] if self.major else [self.batch, self.time]

    def gates(self, make, count=4, without=()):
        return [-1 if self.cifg and g == 0 or g in without else make(g) for g in range(count)]

    def clips(self):
        return dict(cellClip=[0.0, 0.9][draw(0, 2)], projClip=[0.0, 0.5][draw(0, 2)])

    def operator(self, m, ins, y, **kw):
        m.op(OP.UNIDIRECTIONAL_SEQUENCE_LSTM, 1, ins, [y], KIND.UnidirectionalSequenceLSTMOptions, options(
            s.UnidirectionalSequenceLSTMOptionsT, fusedActivationFunction=4, timeMajor=self.major, **self.clips(), **kw))


def lstm_int8(i):
    m, l = Model(), Layer(i)
    xs, hs, zh = scale(0.005, 0.05), scale(0.004, 0.009), zero()
    x = m.tensor("x", T.INT8, l.lead + [l.n], xs, zero())
    int8 = lambda name, shape: m.tensor(name, T.INT8, shape, scale(0.003, 0.02), 0, 0, ops.rng.integers(-127, 128, shape).astype(np.int8))
    int16 = lambda name, spread: m.tensor(name, T.INT16, [l.k], scale(spread / 4, spread) / np.float32(32767), 0, 0, ops.rng.integers(-32767, 32768, l.k).astype(np.int16))
    int32 = lambda name, size, spread: m.tensor(name, T.INT32, [size], 1e-4, 0, 0, ops.rng.integers(-spread, spread, size).astype(np.int32))
    ins = [x] + l.gates(lambda g: int8("w", [l.k, l.n])) + l.gates(lambda g: int8("r", [l.k, l.out]))
    ins += l.gates(lambda g: int16("p", 1.0), 3) if l.peephole else [-1] * 3
    ins += l.gates(lambda g: int32("b", l.k, 1 << 21 if l.norm else 9000))
    ins += [int8("project", [l.out, l.k]), int32("pb", l.out, 4000) if i % 3 else -1] if l.projected else [-1, -1]
    h, c = m.tensor("h", T.INT8, [l.batch, l.out], hs, zh), m.tensor("c", T.INT16, [l.batch, l.k], 2.0 ** draw(-14, -9), 0)
    m.g.tensors[h].isVariable = m.g.tensors[c].isVariable = True
    ins += [h, c] + (l.gates(lambda g: int16("ln", 1.0)) if l.norm else [-1] * 4)
    y = m.tensor("y", T.INT8, l.lead + [l.out], hs, zh)
    l.operator(m, ins, y)
    inter = [m.tensor("i%d" % g, T.INT16, [0], scale(2e-4, 2e-3), 0) for g in range(4)]
    hidden = (scale(0.004, 0.009), zero()) if l.projected else (hs, zh)
    m.g.operators[-1].intermediates = inter + [m.tensor("hidden", T.INT8, [0], *hidden)]
    return m.bytes([x], [y])


def weights(m, hybrid):
    """A maker of constants of floats, or of int8 with a scale."""
    def make(name, shape, spread):
        w = ops.rng.normal(0, spread, shape).astype(np.float32)
        if not hybrid:
            return m.tensor(name, F, shape, data=w)
        step = np.abs(w).max() / np.float32(127)
        return m.tensor(name, T.INT8, shape, step, 0, 0, np.round(w / step).astype(np.int8))
    return make


def lstm_floats(i, hybrid):
    m, l = Model(), Layer(i)
    w, f = weights(m, hybrid), weights(m, False)
    x = m.tensor("x", F, l.lead + [l.n])
    ins = [x] + l.gates(lambda g: w("w", [l.k, l.n], 0.5 / np.sqrt(l.n))) + l.gates(lambda g: w("r", [l.k, l.out], 0.5 / np.sqrt(l.out)))
    ins += l.gates(lambda g: w("p", [l.k], 0.5), 3) if l.peephole else [-1] * 3
    ins += l.gates(lambda g: f("b", [l.k], 1))
    ins += [w("project", [l.out, l.k], 0.5), f("pb", [l.out], 0.2) if i % 3 else -1] if l.projected else [-1, -1]
    h, c = m.tensor("h", F, [l.batch, l.out]), m.tensor("c", F, [l.batch, l.k])
    m.g.tensors[h].isVariable = m.g.tensors[c].isVariable = True
    ins += [h, c] + (l.gates(lambda g: f("ln", [l.k], 0.5)) if l.norm else [-1] * 4)
    y = m.tensor("y", F, l.lead + [l.out])
    l.operator(m, ins, y, asymmetricQuantizeInputs=l.asymmetric)
    return m.bytes([x], [y])


def lstm_hybrid(i):
    return lstm_floats(i, True)


def lstm_norm(i):
    return lstm_floats(i | 1, False)


def moment(i):
    """LSTM of one moment, with int8 weights or layer normalization."""
    m, l = Model(), Layer(i)
    w, f = weights(m, i % 2 == 0), weights(m, False)
    x = m.tensor("x", F, [l.batch, l.n])
    ins = [x] + l.gates(lambda g: w("w", [l.k, l.n], 0.5 / np.sqrt(l.n))) + l.gates(lambda g: w("r", [l.k, l.out], 0.5 / np.sqrt(l.out)))
    ins += [-1] * 3 + l.gates(lambda g: f("b", [l.k], 1))
    ins += [w("project", [l.out, l.k], 0.5), -1] if l.projected else [-1, -1]
    h, c = m.tensor("h", F, [l.batch, l.out]), m.tensor("c", F, [l.batch, l.k])
    m.g.tensors[h].isVariable = m.g.tensors[c].isVariable = True
    ins += [h, c] + (l.gates(lambda g: f("ln", [l.k], 0.5)) if l.norm else [-1] * 4)
    y = m.tensor("y", F, [l.batch, l.out])
    m.op(OP.LSTM, 1, ins, [y], KIND.LSTMOptions, options(s.LSTMOptionsT, fusedActivationFunction=4, asymmetricQuantizeInputs=l.asymmetric, **l.clips()))
    return m.bytes([x], [y])


def both_ways(i):
    """BIDIRECTIONAL_SEQUENCE_LSTM with int8 weights."""
    m, l = Model(), Layer(i & ~1)
    l.major = True
    w, f = weights(m, True), weights(m, False)
    x = m.tensor("x", F, [l.time, l.batch, l.n])
    ins = [x]
    for _ in range(2):
        ins += l.gates(lambda g: w("w", [l.k, l.n], 0.5 / np.sqrt(l.n))) + l.gates(lambda g: w("r", [l.k, l.out], 0.5 / np.sqrt(l.out)))
        ins += l.gates(lambda g: w("p", [l.k], 0.5), 3) if l.peephole else [-1] * 3
        ins += l.gates(lambda g: f("b", [l.k], 1)) + ([w("project", [l.out, l.k], 0.5), -1] if l.projected else [-1, -1])
    for _ in range(2):
        ins += [m.tensor("h", F, [l.batch, l.out]), m.tensor("c", F, [l.batch, l.k])]
        m.g.tensors[ins[-1]].isVariable = m.g.tensors[ins[-2]].isVariable = True
    ys = [m.tensor("y", F, [l.time, l.batch, l.out]), m.tensor("z", F, [l.time, l.batch, l.out])]
    m.op(OP.BIDIRECTIONAL_SEQUENCE_LSTM, 1, ins + [-1] * 9, ys, KIND.BidirectionalSequenceLSTMOptions, options(
        s.BidirectionalSequenceLSTMOptionsT, fusedActivationFunction=4, timeMajor=True, asymmetricQuantizeInputs=l.asymmetric, **l.clips()))
    return m.bytes([x], ys)


def by(function):
    return lambda x: np.array([function(float(v)) for v in x], F32)


def table16(function, sx, sy):
    """TFLite's table of a function of int16 (kernels/internal/common.h, LUTPopulateInt16)."""
    r = lambda v: np.copysign(np.floor(np.abs(v.astype(np.float64)) + 0.5), v).astype(F32)
    low, high = sx * F32(-32768), sx * F32(32767)
    step = (high - low) / F32(512)
    at = low + np.arange(513).astype(F32) * step
    scaled = lambda x: function(x) * (F32(65536) / (sy * F32(32767) - sy * F32(-32768)))
    v, middle, after = r(scaled(at[:512])), r(scaled(at[:512] + step / F32(2))), scaled(at[1:])
    bias = r((r((after + v) / F32(2)) - middle) / F32(2))
    return np.clip(np.append(v - bias, r(scaled(np.array([high], F32)))), -32768, 32767)


def gelu_by(erfc):
    return lambda x: F32(0.5) * x * erfc(x * F32(-np.sqrt(0.5)))


def gelu_tanh_by(tanh):
    return lambda x: F32(0.5) * x * (F32(1) + tanh(F32(0.7978845608028654) * (x + F32(0.044715) * x * x * x)))


# Each function of such a table by the C library's floats, and rounded correctly.
LIBM = ctypes.CDLL("libm.so.6")
TABLES = {"gelu": (gelu_by, "erfcf", math.erfc), "gelu_tanh": (gelu_tanh_by, "tanhf", math.tanh), "exp": (lambda exp: exp, "expf", math.exp)}
for _, name, _ in TABLES.values():
    getattr(LIBM, name).restype, getattr(LIBM, name).argtypes = ctypes.c_float, [ctypes.c_float]


def table_agrees(name, sx, sy):
    """Whether LiteRT's table is the correctly rounded one, as ops.tanh_agrees."""
    form, theirs, ours = TABLES[name]
    return np.array_equal(table16(form(by(getattr(LIBM, theirs))), sx, sy), table16(form(by(ours)), sx, sy))


def unary16(i):
    """Functions of int16; a root sees numbers below 0 only of magnitudes taken first."""
    m = Model()
    op = [OP.SQRT, OP.RSQRT, OP.LOG, OP.EXP, OP.GELU, OP.GELU, OP.ABS, OP.NEG][i % 8]
    shape = [1, [64, 250, 13][i % 3]]
    sx, sy = scale(1e-4, 1e-3), scale(1e-5, 1e-3)
    table = {3: "exp", 4: "gelu", 5: "gelu_tanh"}.get(i % 8)
    while table and not table_agrees(table, sx, sy):
        sx = scale(1e-4, 1e-3)
    x, a, y = m.tensor("x", T.INT16, shape, sx, 0), m.tensor("a", T.INT16, shape, sx, 0), m.tensor("y", T.INT16, shape, sx if op == OP.ABS and i // 8 % 2 else sy, 0)
    if op in (OP.SQRT, OP.RSQRT):
        m.op(OP.ABS, 4, [x], [a], KIND.AbsOptions, s.AbsOptionsT())
    kind, o = (KIND.GeluOptions, options(s.GeluOptionsT, approximate=i % 8 == 5)) if op == OP.GELU else (None, None)
    m.op(op, {OP.ABS: 4, OP.RSQRT: 3, OP.NEG: 1}.get(op, 2), [a if op in (OP.SQRT, OP.RSQRT) else x], [y], kind, o)
    return m.bytes([x], [y])


def plain(i):
    """Plain integers: magnitudes, signs, squared differences, means, powers, products."""
    m = Model()
    k = i % 10
    t = [T.INT16, T.INT8, T.INT32, T.INT32, T.INT32, T.INT64, T.INT32, T.INT8, T.INT16, T.INT32][k]
    shape = [draw(1, 4), draw(1, 5), draw(1, 12)]
    x = m.tensor("x", t, shape)
    if k < 3:
        y = m.tensor("y", t, shape)
        m.op([OP.ABS, OP.NEG, OP.SIGN][k], [4, 1, 2][k], [x], [y], *[(KIND.AbsOptions, s.AbsOptionsT()), (KIND.NegOptions, s.NegOptionsT()), (KIND.SignOptions, s.SignOptionsT())][k])
        return m.bytes([x], [y])
    if k in (3, 6, 9):
        other = [shape, [1], shape[1:]][i // 10 % 3]
        y = m.tensor("y", t, shape)
        if k == 3:
            b = m.tensor("b", t, other)
            m.op(OP.SQUARED_DIFFERENCE, 1, [x, b], [y], KIND.SquaredDifferenceOptions, s.SquaredDifferenceOptionsT())
            return m.bytes([x, b], [y])
        e = m.tensor("e", t, other, data=ops.rng.integers(0, 7 if k == 6 else 4, other).astype(np.int32))
        m.op(OP.POW, 1, [x, e], [y], KIND.PowOptions, s.PowOptionsT())
        return m.bytes([x], [y])
    axes = [[0], [1, 2], [2], [0, 1, 2]][i // 10 % 4]
    keep = i % 2 == 0
    out = [1 if d in axes else n for d, n in enumerate(shape) if keep or d not in axes]
    y = m.tensor("y", t, out)
    m.op(OP.MEAN if k in (4, 5) else OP.REDUCE_PROD, 1 if k in (4, 5) else 2, [x, ops.ints(m, "axes", axes)], [y], KIND.ReducerOptions, options(s.ReducerOptionsT, keepDims=keep))
    return m.bytes([x], [y])


def product(i):
    """REDUCE_PROD of quantized integers."""
    m = Model()
    t = [T.INT8, T.INT16][i % 2]
    shape = [draw(1, 4), draw(1, 4), draw(1, 4)]
    axes = [[0], [1, 2], [2], [0, 1]][i // 2 % 4]
    q = (np.float32(0.02), zero()) if t == T.INT8 else (np.float32(1e-4), 0)
    out = [1 if d in axes else n for d, n in enumerate(shape)]
    x = m.tensor("x", t, shape, *q)
    y = m.tensor("y", t, out, scale(0.01, 0.2) if t == T.INT8 else scale(1e-5, 1e-3), zero() if t == T.INT8 else 0)
    m.op(OP.REDUCE_PROD, 2, [x, ops.ints(m, "axes", axes)], [y], KIND.ReducerOptions, options(s.ReducerOptionsT, keepDims=True))
    return m.bytes([x], [y])


def compared(i):
    """Comparisons of int16, equality with scales and without."""
    m = Model()
    op = [OP.EQUAL, OP.NOT_EQUAL, OP.LESS, OP.LESS_EQUAL, OP.GREATER, OP.GREATER_EQUAL, OP.EQUAL][i % 7]
    shape, q = [2, draw(1, 9), draw(1, 9)], lambda: (scale(0.01, 0.2), 0) if i % 7 < 6 else ()
    both = q()
    x, b, y = m.tensor("x", T.INT16, shape, *both), m.tensor("b", T.INT16, [shape, [1]][i // 7 % 2], *(q() if i // 14 % 2 else both)), m.tensor("y", T.BOOL, shape)
    m.op(op, 1, [x, b], [y])
    return m.bytes([x, b], [y])


def sloped(i):
    """PRELU of int16, its slopes int8, and DIV of int16."""
    m = Model()
    shape = [draw(1, 4), draw(1, 6), draw(1, 20)]
    other = [shape, [1], shape[1:], [1, shape[1], 1]][i // 2 % 4]
    values = ops.rng.integers(1, 32000, other) * ops.rng.choice([-1, 1], other)
    sx, sb = scale(1e-4, 1e-3), scale(1e-5, 1e-4)
    x = m.tensor("x", T.INT16, shape, sx, 0)
    if i % 2:
        b = m.tensor("b", T.INT8, other, scale(0.002, 0.02), zero(), 0, (values % 256 - 128).astype(np.int8))
        y = m.tensor("y", T.INT16, shape, scale(1e-4, 1e-3), 0)
        m.op(OP.PRELU, 1, [x, b], [y])
    else:
        b = m.tensor("b", T.INT16, other, sb, 0, 0, values.astype(np.int16))
        y = m.tensor("y", T.INT16, shape, sx / sb * scale(1e-4, 1e-2), 0)
        m.op(OP.DIV, 2, [x, b], [y], KIND.DivOptions, options(s.DivOptionsT, fusedActivationFunction=draw(0, 4)))
    return m.bytes([x], [y])


def divided(i):
    """Divisions by values that only a run knows: magnitudes, and 1 or more."""
    m = Model()
    t, op = [(T.INT8, OP.FLOOR_DIV), (T.INT8, OP.FLOOR_MOD), (T.INT16, OP.FLOOR_DIV), (T.INT16, OP.FLOOR_MOD), (T.INT32, OP.FLOOR_DIV),
             (T.INT32, OP.FLOOR_MOD), (T.INT64, OP.FLOOR_MOD), (T.INT32, OP.DIV)][i % 8]
    dtype = {T.INT8: np.int8, T.INT16: np.int16, T.INT32: np.int32, T.INT64: np.int64}[t]
    shape = [draw(1, 4), draw(1, 6), draw(1, 12)]
    x, y, z = m.tensor("x", t, shape), m.tensor("b", t, shape), m.tensor("y", t, shape)
    d = m.tensor("d", t, shape)
    most = m.tensor("one", t, [1], data=np.array([-3 if i // 8 % 2 else 2], dtype))
    m.op(OP.MINIMUM if i // 8 % 2 else OP.MAXIMUM, 4, [y, most], [d], KIND.MaximumMinimumOptions, s.MaximumMinimumOptionsT())
    kind, o = {OP.FLOOR_DIV: (KIND.FloorDivOptions, s.FloorDivOptionsT()), OP.FLOOR_MOD: (KIND.FloorModOptions, s.FloorModOptionsT()), OP.DIV: (KIND.DivOptions, s.DivOptionsT())}[op]
    m.op(op, {OP.FLOOR_DIV: 3, OP.FLOOR_MOD: 2, OP.DIV: 1}[op], [x, d], [z], kind, o)
    return m.bytes([x, y], [z])


def detect_classes(i):
    """Detections with places for several classes each; regular suppression fills as
    many places as there are detections. LiteRT leaves the others as they were, so
    they are cut off, and where detections are missing their number alone counts."""
    m = Model()
    t, regular = [T.UINT8, F][i % 2], i % 5 == 4
    anchors, classes, limit, each = draw(30, 200), draw(2, 24), draw(1, 9), draw(2, 7)
    rows = classes + draw(0, 2)
    enc = m.tensor("enc", t, [1, anchors, 4], **({"zero": 128, "scale": 0.05} if t == T.UINT8 else {}))
    scores = m.tensor("scores", t, [1, anchors, rows], **({"zero": 0, "scale": 1 / 256} if t == T.UINT8 else {}))
    if t == T.UINT8:
        a = m.tensor("anchors", t, [anchors, 4], 0.005, 10, 0, ops.rng.integers(20, 200, (anchors, 4)).astype(np.uint8))
    else:
        a = m.tensor("anchors", t, [anchors, 4], data=ops.rng.uniform(0.05, 0.9, (anchors, 4)).astype(np.float32))
    ys = [m.tensor("y%d" % k, F, []) for k in range(4)]
    custom(m, "TFLite_Detection_PostProcess", [enc, scores, a], ys, flex(
        max_detections=limit, max_classes_per_detection=each, num_classes=classes, nms_score_threshold=1e-8,
        nms_iou_threshold=float(ops.rng.choice([0.1, 0.3, 0.6])), y_scale=10.0, x_scale=10.0, h_scale=5.0, w_scale=5.0, use_regular_nms=regular))
    outs = []
    for k, more in enumerate(([4], [], [])):
        whole, part = ([1, limit * each], [1, limit]) if regular else ([1, limit, each], [1, limit, min(each, classes)])
        whole, part = whole + more, part + more
        r, y = m.tensor("r%d" % k, F, whole), m.tensor("z%d" % k, F, part)
        m.op(OP.RESHAPE, 1, [ys[k], m.tensor("to%d" % k, T.INT32, [len(whole)], data=np.array(whole, np.int32))], [r], KIND.ReshapeOptions,
             options(s.ReshapeOptionsT, newShape=whole))
        cut = [m.tensor("%s%d" % (n, k), T.INT32, [len(part)], data=np.array(v, np.int32)) for n, v in (("from", [0] * len(part)), ("size", part))]
        m.op(OP.SLICE, 1, [r, *cut], [y], KIND.SliceOptions, s.SliceOptionsT())
        outs.append(y)
    data = m.bytes([enc, scores], outs + ys[3:])
    counts = np.frombuffer(run(data), np.float32).reshape(CASES, -1)[:, -1]
    return data if (counts == limit).all() else m.bytes([enc, scores], ys[3:])


def edge(i):
    """Scales and sizes at which a constant one further in a kernel shows, which draws
    seldom meet: bits kept of a reciprocal root, ties of sums, sizes at which
    fixed point and float32 pick another pixel."""
    m = Model()
    if i < 6:
        xs, ys = np.array([[1026340768, 1011398967], [1023011343, 1024677648], [997221046, 1009762934], [1018004605, 1025144291],
                           [1010975010, 1024031423], [1020971966, 1012469216]][i], np.uint32).view(np.float32)
        x, y = m.tensor("x", T.INT8, [1, 2000], float(xs), -128), m.tensor("y", T.INT8, [1, 2000], float(ys), -128)
        m.op(OP.RSQRT, 2, [x], [y])
        return m.bytes([x], [y])
    if i < 10:
        t, op = [T.INT8, T.UINT8][i % 2], [OP.ADD, OP.SUB][i // 2 % 2]
        kind, o = (KIND.AddOptions, s.AddOptionsT()) if op == OP.ADD else (KIND.SubOptions, s.SubOptionsT())
        z = 0 if t == T.INT8 else 128
        a, b, y = (m.tensor(n, t, [500], v, z) for n, v in (("a", 0.3), ("b", 0.1), ("y", 0.6)))
        m.op(op, 2, [a, b], [y], kind, o)
        return m.bytes([a, b], [y])
    size, out = [(62, 14), (39, 33), (126, 30), (93, 21)][i // 3 % 4]
    t = [T.INT8, T.INT16, F][i % 3]
    q = {} if t == F else {"scale": 0.1, "zero": 0}
    x, y = m.tensor("x", t, [1, size, size, 1], **q), m.tensor("y", t, [1, out, out, 1], **q)
    m.op(OP.RESIZE_NEAREST_NEIGHBOR, 2, [x, m.tensor("size", T.INT32, [2], data=np.array([out, out], np.int32))], [y],
         KIND.ResizeNearestNeighborOptions, s.ResizeNearestNeighborOptionsT())
    return m.bytes([x], [y])


PLAN = [(lstm_int8, 40), (lstm_hybrid, 32), (lstm_norm, 16), (moment, 12), (both_ways, 10), (unary16, 40), (plain, 40), (product, 16), (compared, 28),
        (sloped, 24), (divided, 24), (detect_classes, 30), (edge, 22)]
FLOATS = (lstm_hybrid, lstm_norm, moment, both_ways)


def main(path, seed, times):
    ops.rng = np.random.default_rng(seed)
    version = importlib.metadata.version("ai-edge-litert")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for make, count in PLAN:
            for i in range(count * times):
                data = make(i)
                golden = run(data)
                while make in FLOATS and tiny(golden):
                    data = make(i)
                    golden = run(data)
                name = "%s_%03d" % (make.__name__, i)
                head = "model %s.tflite\nlitert %s\ncases %d\n\n" % (name, version, CASES)
                for suffix, body in ((".tflite", data), (".golden", head.encode() + golden)):
                    z.writestr(zipfile.ZipInfo(name + suffix, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261201)
    p.add_argument("--times", type=int, default=1, help="cases relative to the committed archive")
    a = p.parse_args()
    main(a.out, a.seed, a.times)
