#!/usr/bin/env python3
"""Make models of the rarer operators, float and integer; record LiteRT.

    python scripts/golden/ops_rest.py inference/testdata/ops_rest.zip
    python scripts/golden/ops_rest.py /tmp/rest.zip --seed 777 --times 10 [--only spectrum,select]

The archive is like that of ops.py; float outputs are held to 1e-5 of the
largest number. DUNLIN_OPS_REST=FILE points the test at another archive.
"""
import argparse

import numpy as np
from ai_edge_litert import schema_py_generated as s

import ops
from ops_float import tiny
from ops import OP, T, Model, ints, options, scale, some_shape, zero

ops.NUMPY.update({T.INT16: np.int16, T.INT64: np.int64, T.BOOL: np.bool_})
F = T.FLOAT32
B = s.BuiltinOptions


def rng():
    return ops.rng


def draw(*a):
    return int(ops.rng.integers(*a))


def full(t, shape):
    """Constants over the whole range of a type."""
    info = np.iinfo(ops.NUMPY[t])
    return rng().integers(info.min, info.max, shape, endpoint=True).astype(ops.NUMPY[t])


def node(m, code, version, ins, outs, name=None, **fields):
    """Add an operator whose options are called name, if it has any."""
    if name is None:
        m.op(code, version, ins, outs)
    else:
        m.op(code, version, ins, outs, getattr(B, name + "Options"), options(getattr(s, name + "OptionsT"), **fields))


def spectrum(i):
    """RFFT2D, whose complex output COMPLEX_ABS takes; cut, padded and whole inputs."""
    m = Model()
    h, w = [1, 1, 2, 8][i % 4], [512, 16, 4, 64, 2, 256][i % 6]
    shape = [draw(1, 4), max(1, h + draw(-1, 3)), max(1, w + draw(-3, 4))]
    x, f = m.tensor("x", F, shape), m.tensor("f", T.COMPLEX64, [shape[0], h, w // 2 + 1])
    y = m.tensor("y", F, [shape[0], h, w // 2 + 1])
    node(m, OP.RFFT2D, 1, [x, ints(m, "size", [h, w])], [f])
    node(m, OP.COMPLEX_ABS, 1, [f], [y])
    return m.bytes([x], [y])


def lstm(i):
    """Sequences of int8 (two thirds) and of floats; the state stays from case to case."""
    m = Model()
    small = i % 3 < 2
    b, time, n, k = draw(1, 3), draw(1, 7), draw(1, 20), draw(1, 20)
    major, cifg = bool(i % 2), i % 4 == 3
    lead = [time, b] if major else [b, time]
    xs, hs = scale(0.005, 0.05), scale(0.004, 0.009)
    x = m.tensor("x", T.INT8 if small else F, lead + [n], *((xs, zero()) if small else ()))
    weights, biases, zh = [], [], zero()
    for gate in range(8):
        if cifg and gate % 4 == 0:
            weights.append(-1)
            continue
        shape = [k, n if gate < 4 else k]
        if small:
            weights.append(m.tensor("w%d" % gate, T.INT8, shape, scale(0.003, 0.02), 0, 0, rng().integers(-127, 128, shape).astype(np.int8)))
        else:
            weights.append(m.tensor("w%d" % gate, F, shape, data=rng().normal(0, 0.5 / np.sqrt(shape[1]), shape).astype(np.float32)))
    for gate in range(4):
        if cifg and gate == 0:
            biases.append(-1)
        elif small:
            biases.append(m.tensor("b%d" % gate, T.INT32, [k], 1e-4, 0, 0, rng().integers(-9000, 9000, k).astype(np.int32)))
        else:
            biases.append(m.tensor("b%d" % gate, F, [k], data=rng().normal(0, 1, k).astype(np.float32)))
    bits = draw(-14, -9)
    h = m.tensor("h", T.INT8 if small else F, [b, k], *((hs, zh) if small else ()))
    c = m.tensor("c", T.INT16 if small else F, [b, k], *((2.0**bits, 0) if small else ()))
    m.g.tensors[h].isVariable = m.g.tensors[c].isVariable = True
    y = m.tensor("y", T.INT8 if small else F, lead + [k], *((hs, zh) if small else ()))
    node(m, OP.UNIDIRECTIONAL_SEQUENCE_LSTM, 1, [x] + weights + [-1] * 3 + biases + [-1, -1, h, c] + [-1] * 4, [y],
         "UnidirectionalSequenceLSTM", fusedActivationFunction=4, timeMajor=major, cellClip=[0.0, 0.9, 10.0][draw(3)])
    if small:
        inter = [m.tensor("i%d" % g, F, [0]) for g in range(4)] + [m.tensor("hidden", T.INT8, [0], hs, zh)]
        m.g.operators[-1].intermediates = inter
    return m.bytes([x], [y])


def offset(m, x, shape, lo):
    """x with its magnitude moved away from 0: |x| + lo."""
    a, c = m.tensor("abs", F, shape), m.tensor("lo", F, [1], data=np.array([lo], np.float32))
    z = m.tensor("off", F, shape)
    node(m, OP.ABS, 1, [x], [a], "Abs")
    node(m, OP.ADD, 1, [a, c], [z], "Add")
    return z


UNARY = [(OP.COS, "Cos", {}), (OP.SIN, None, {}), (OP.ROUND, None, {}), (OP.SIGN, "Sign", {}), (OP.ELU, None, {}),
         (OP.GELU, "Gelu", {"approximate": False}), (OP.GELU, "Gelu", {"approximate": True}), (OP.LOG_SOFTMAX, "LogSoftmax", {}),
         (OP.L2_NORMALIZATION, "L2Norm", {})]


def unary(i):
    m = Model()
    op, name, fields = UNARY[i % len(UNARY)]
    shape = [draw(1, 4), int(rng().choice([64, 250, 13, 7]))]
    x, y = m.tensor("x", F, shape), m.tensor("y", F, shape)
    node(m, op, 1, [x], [y], name, **fields)
    return m.bytes([x], [y])


def broadcast_pair(i):
    shape = [1, draw(1, 6), draw(1, 6), draw(1, 20)]
    other = [shape, [1, 1, 1, 1], [d if draw(2) else 1 for d in shape], shape[draw(1, 4):]][i % 4]
    return shape, other


def binary(i):
    m = Model()
    op, name = [(OP.POW, "Pow"), (OP.FLOOR_DIV, "FloorDiv"), (OP.FLOOR_MOD, "FloorMod")][i % 3]
    shape, other = broadcast_pair(i // 3)
    x, y = m.tensor("x", F, shape), m.tensor("y", F, shape)
    values = rng().choice([-2, -1, 0.5, 1, 2, 3, 4] if op == OP.POW else [-3, -1.5, -0.3, 0.7, 1, 2, 6.5], other).astype(np.float32)
    a = offset(m, x, shape, 0.5) if op == OP.POW else x
    b = m.tensor("b", F, other, data=values)
    node(m, op, 2 if op == OP.FLOOR_DIV else 1, [a, b], [y], name)
    return m.bytes([x], [y])


COMPARE = [(OP.EQUAL, "Equal"), (OP.NOT_EQUAL, "NotEqual"), (OP.LESS, "Less"), (OP.LESS_EQUAL, "LessEqual"),
           (OP.GREATER, "Greater"), (OP.GREATER_EQUAL, "GreaterEqual")]


def comparison(i):
    m = Model()
    op, name = COMPARE[i % 6]
    t = [F, T.INT8, T.UINT8, T.BOOL, T.INT32][i // 6 % 5]
    if t == T.BOOL and op not in (OP.EQUAL, OP.NOT_EQUAL):
        t = F
    shape, other = broadcast_pair(i // 30)
    q = lambda: {"scale": scale(0.004, 0.9), "zero": zero(t)} if t in (T.INT8, T.UINT8) else {}
    same = q()
    a, b = m.tensor("a", t, shape, **same), m.tensor("b", t, other, **(same if draw(2) else q()))
    y = m.tensor("y", T.BOOL, shape)
    node(m, op, 2, [a, b], [y], name)
    return m.bytes([a, b], [y])


def logical(i):
    m = Model()
    op, name = [(OP.LOGICAL_AND, "LogicalAnd"), (OP.LOGICAL_OR, "LogicalOr"), (OP.LOGICAL_NOT, "LogicalNot")][i % 3]
    shape, other = broadcast_pair(i // 3)
    a, y = m.tensor("a", T.BOOL, shape), m.tensor("y", T.BOOL, shape)
    ins = [a] if op == OP.LOGICAL_NOT else [a, m.tensor("b", T.BOOL, other)]
    node(m, op, 1, ins, [y], name)
    return m.bytes(ins, [y])


def select(i):
    m = Model()
    t = [F, T.INT8, T.UINT8, T.INT32, T.BOOL, T.INT16, T.INT64][i // 2 % 7]
    q = {"scale": 0.1, "zero": 0} if t in (T.INT8, T.UINT8, T.INT16) else {}
    shape, other = broadcast_pair(i // 14)
    v2 = i % 2
    third = [d if draw(2) else 1 for d in shape]
    cond = third if v2 else [shape, [shape[0]], shape][i // 2 % 3]
    if not v2:
        other = shape
    c, a, b = m.tensor("c", T.BOOL, cond), m.tensor("a", t, shape, **q), m.tensor("b", t, other, **q)
    y = m.tensor("y", t, shape, **q)
    node(m, OP.SELECT_V2 if v2 else OP.SELECT, 1, [c, a, b], [y], "SelectV2" if v2 else "Select")
    return m.bytes([c, a, b], [y])


def fold(i):
    m = Model()
    op = [OP.REDUCE_MAX, OP.REDUCE_MIN, OP.REDUCE_PROD, OP.REDUCE_ANY, OP.REDUCE_ALL, OP.SUM][i % 6]
    types = {OP.REDUCE_PROD: [F, T.INT32, T.INT64], OP.REDUCE_ANY: [T.BOOL], OP.REDUCE_ALL: [T.BOOL], OP.SUM: [T.INT32, T.INT64]}
    types = types.get(op, [F, T.INT8, T.UINT8, T.INT16, T.INT32, T.INT64])
    t = types[i // 6 % len(types)]
    q = {"scale": 0.1, "zero": 0} if t in (T.INT8, T.UINT8, T.INT16) else {}
    shape = [draw(1, 3)] + some_shape(3, 5 if op == OP.REDUCE_PROD else 9)
    axes = [[1, 2], [3], [1], [2, 3], [-1], [0, 2], [1, 3], [0, 1, 2, 3], [2]][draw(9)]
    keep = bool(draw(2))
    norm = {a % 4 for a in axes}
    out = [1 if d in norm else v for d, v in enumerate(shape) if keep or d not in norm]
    x, y = m.tensor("x", t, shape, **q), m.tensor("y", t, out, **q)
    node(m, op, 1 if t not in (T.INT8, T.UINT8, T.INT16) else 2, [x, ints(m, "axes", axes)], [y], "Reducer", keepDims=keep)
    return m.bytes([x], [y])


def cast(i):
    m = Model()
    t = [T.INT8, T.INT16, T.INT32, T.INT64, T.BOOL, F, T.UINT8][i % 7]
    x, z, y = m.tensor("x", F, [3, 50]), m.tensor("z", F, [3, 50]), m.tensor("y", t, [3, 50])
    c = m.tensor("c", F, [1], data=np.array([[1, 0, 5e3, 1e9, 1e18][i // 7 % 5]], np.float32))
    if i // 7 % 5 == 1:  # NaN below 0
        node(m, OP.LOG, 1, [x], [z])
    else:
        node(m, OP.MUL, 1, [x, c], [z], "Mul")
    node(m, OP.CAST, 1, [z], [y], "Cast", inDataType=F, outDataType=t)
    return m.bytes([x], [y])


ANY = [F, T.INT8, T.UINT8, T.INT16, T.INT32, T.INT64]


def any_type(i, types=ANY):
    t = types[i % len(types)]
    return t, {"scale": 0.1, "zero": zero(t) if t != T.INT16 else 0} if t in (T.INT8, T.UINT8, T.INT16) else {}


def indices(m, name, shape, depth, t=T.INT32):
    """An index below depth for each element, from ARG_MAX of an input: returns input and index."""
    a = m.tensor(name + "_from", T.INT8, list(shape) + [depth], 0.1, 0)
    k = m.tensor(name, t, shape)
    axis = m.tensor(name + "_axis", T.INT32, [], data=np.array(len(shape), np.int32))
    node(m, OP.ARG_MAX, 2, [a, axis], [k], "ArgMax", outputType=t)
    return a, k


def gather(i):
    """Indices known when running, with batch dimensions in every third."""
    m = Model()
    t, q = any_type(i)
    shape = some_shape(draw(2, 5))
    batch = draw(1, len(shape)) if i % 3 == 2 else 0
    axis = draw(batch, len(shape))
    it = [T.INT32, T.INT64][i % 2]
    more = some_shape(draw(1, 3), 4)
    a, k = indices(m, "index", shape[:batch] + more, shape[axis], it)
    x = m.tensor("x", t, shape, **q)
    y = m.tensor("y", t, shape[:axis] + more + shape[axis + 1:], **q)
    node(m, OP.GATHER, 4, [x, k], [y], "Gather", axis=axis, batchDims=batch)
    return m.bytes([x, a], [y])


def scatter_nd(i):
    m = Model()
    t, q = any_type(i, [F, T.INT32, T.INT64, T.INT8, T.UINT8])
    shape, rows = some_shape(draw(1, 4), 6), draw(1, 8)
    depth = draw(1, len(shape) + 1)
    ins, parts = [], []
    for d in range(depth):
        a, k = indices(m, "k%d" % d, [rows], shape[d])
        ins.append(a)
        parts.append(k)
    index = m.tensor("index", T.INT32, [rows, depth])
    node(m, OP.PACK, 2, parts, [index], "Pack", valuesCount=depth, axis=1)
    u, y = m.tensor("u", t, [rows] + shape[depth:], **q), m.tensor("y", t, shape, **q)
    node(m, OP.SCATTER_ND, 1, [index, u, ints(m, "shape", shape)], [y], "ScatterNd")
    return m.bytes(ins + [u], [y])


def one_hot(i):
    m = Model()
    t, q = any_type(i, [F, T.INT8, T.INT32, T.UINT8, T.INT64])
    shape, depth = some_shape(draw(1, 4), 5), draw(1, 9)
    axis = draw(-1, len(shape) + 1)
    d = len(shape) if axis < 0 else axis
    k = m.tensor("k", [T.INT32, T.INT64][i % 2], shape)
    c = m.tensor("depth", T.INT32, [], data=np.array(depth, np.int32))
    dtype = ops.NUMPY[t]
    on, off = m.tensor("on", t, [], data=np.array(draw(1, 100), dtype), **q), m.tensor("off", t, [], data=np.array(draw(0, 2), dtype), **q)
    y = m.tensor("y", t, shape[:d] + [depth] + shape[d:], **q)
    node(m, OP.ONE_HOT, 1, [k, c, on, off], [y], "OneHot", axis=axis)
    return m.bytes([k], [y])


def cumsum(i):
    m = Model()
    t = [F, T.INT32, T.INT64][i % 3]
    shape = some_shape(draw(1, 5), 7)
    axis = m.tensor("axis", T.INT32, [], data=np.array(draw(-len(shape), len(shape)), np.int32))
    x, y = m.tensor("x", t, shape), m.tensor("y", t, shape)
    node(m, OP.CUMSUM, 1, [x, axis], [y], "Cumsum", exclusive=bool(i // 3 % 2), reverse=bool(i // 6 % 2))
    return m.bytes([x], [y])


def top_k(i):
    m = Model()
    t, q = any_type(i)
    shape = some_shape(draw(1, 4), 5)[:-1] + [int(rng().choice([1, 7, 40, 300]))]
    k = draw(1, shape[-1] + 1)
    x = m.tensor("x", t, shape, **q)
    v, p = m.tensor("v", t, shape[:-1] + [k], **q), m.tensor("p", T.INT32, shape[:-1] + [k])
    node(m, OP.TOPK_V2, 2, [x, m.tensor("k", T.INT32, [], data=np.array(k, np.int32))], [v, p], "TopKV2")
    return m.bytes([x], [v, p])


def arg_min(i):
    m = Model()
    t, q = any_type(i, [F, T.INT8, T.UINT8, T.INT32])
    shape = some_shape(3, 8)
    x, y = m.tensor("x", t, shape, **q), m.tensor("y", [T.INT32, T.INT64][i % 2], [d for k, d in enumerate(shape) if k != i % 3])
    a = m.tensor("axis", T.INT32, [], data=np.array(i % 3, np.int32))
    node(m, OP.ARG_MIN, 2, [x, a], [y], "ArgMin", outputType=[T.INT32, T.INT64][i % 2])
    return m.bytes([x], [y])


def fill(i):
    """FILL with an input's element, and SHAPE and RANGE beside it."""
    m = Model()
    t, q = any_type(i)
    shape = some_shape(draw(1, 5), 6)
    x, y = m.tensor("x", t, [], **q), m.tensor("y", t, shape, **q)
    node(m, OP.FILL, 3, [ints(m, "dims", shape), x], [y], "Fill")
    it = [T.INT32, T.INT64][i % 2]
    z = m.tensor("z", it, [len(shape)])
    node(m, OP.SHAPE, 1, [y], [z], "Shape", outType=it)
    lo, hi, step = [(0, 7, 1), (3, -8, -2), (2, 3, 5), (-4, 11, 4)][i % 4]
    rt, dtype = [(T.INT32, np.int32), (F, np.float32)][i // 2 % 2]
    r = m.tensor("r", rt, [len(range(lo, hi, step))])
    node(m, OP.RANGE, 1, [m.tensor("b%d" % k, rt, [], data=np.array(v, dtype)) for k, v in enumerate((lo, hi, step))], [r], "Range")
    return m.bytes([x], [y, z, r])


def blocks(i):
    """SPACE_TO_BATCH_ND and back, with other edges."""
    m = Model()
    t, q = any_type(i, [F, T.INT8, T.UINT8, T.INT32, T.INT64])
    dims = 1 if i % 4 == 3 else 2
    block = [draw(1, 4) for _ in range(dims)]
    shape = [draw(1, 3)] + some_shape(dims, 9) + [draw(1, 6)]
    edges = []
    for d in range(dims):
        before = draw(0, 4)
        edges.append([before, -(shape[d + 1] + before) % block[d] + block[d] * draw(0, 2)])
    many = [shape[0] * int(np.prod(block))] + [(shape[d + 1] + sum(edges[d])) // block[d] for d in range(dims)] + [shape[-1]]
    crop = [[draw(0, 2), draw(0, 2)] for _ in range(dims)]
    few = [shape[0]] + [many[d + 1] * block[d] - sum(crop[d]) for d in range(dims)] + [shape[-1]]
    if min(few) < 1:
        return blocks(i)
    table = lambda name, v: m.tensor(name, T.INT32, [dims, 2], data=np.array(v, np.int32))
    x, z, y = m.tensor("x", t, shape, **q), m.tensor("z", t, many, **q), m.tensor("y", t, few, **q)
    node(m, OP.SPACE_TO_BATCH_ND, 2, [x, ints(m, "block", block), table("edges", edges)], [z], "SpaceToBatchND")
    node(m, OP.BATCH_TO_SPACE_ND, 2, [z, ints(m, "block2", block), table("crop", crop)], [y], "BatchToSpaceND")
    return m.bytes([x], [z, y])


def batch_matmul(i):
    m = Model()
    depth, rows, cols = draw(1, 40), draw(1, 9), draw(1, 9)
    lead = some_shape(draw(0, 3), 4)
    adj_x, adj_y = bool(draw(2)), bool(draw(2))
    sa = lead + ([depth, rows] if adj_x else [rows, depth])
    sb = [1 if draw(3) == 0 else v for v in lead] + ([cols, depth] if adj_y else [depth, cols])
    t = [F, T.INT8][i % 2]
    fixed = bool(i // 2 % 2)
    if t == F:
        x, y = m.tensor("x", t, sa), m.tensor("y", t, lead + [rows, cols])
        w = m.tensor("w", t, sb, data=rng().normal(0, 1, sb).astype(np.float32) if fixed else None)
    else:
        xs, ws = scale(), scale()
        x = m.tensor("x", t, sa, xs, zero())
        w = m.tensor("w", t, sb, ws, 0 if draw(2) else zero(), 0, full(t, sb) if fixed else None)
        y = m.tensor("y", t, lead + [rows, cols], np.float32(xs * ws * 127 * np.sqrt(depth) * rng().uniform(0.3, 1)), zero())
    node(m, OP.BATCH_MATMUL, 4 if t == T.INT8 else 2, [x, w], [y], "BatchMatMul", adjX=adj_x, adjY=adj_y)
    return m.bytes([x] if fixed else [x, w], [y])


def transpose_conv(i):
    m = Model()
    h, w, kh, kw, sh, sw, _, _, same, _, _ = ops.geometry()
    oh, ow = ops.window(h, kh, sh, 1, same), ops.window(w, kw, sw, 1, same)
    if oh < 1 or ow < 1:
        return transpose_conv(i)
    ci, co, n = draw(1, 12), draw(1, 12), draw(1, 3)
    x = m.tensor("x", F, [n, oh, ow, ci])
    f = m.tensor("f", F, [co, kh, kw, ci], data=rng().normal(0, 0.4 / np.sqrt(ci * kh * kw), [co, kh, kw, ci]).astype(np.float32))
    b = [m.tensor("b", F, [co], data=rng().normal(2, 1, [co]).astype(np.float32))] if i % 2 else []
    y = m.tensor("y", F, [n, h, w, co])
    node(m, OP.TRANSPOSE_CONV, 3, [ints(m, "shape", [n, h, w, co]), f, x] + b, [y], "TransposeConv", padding=0 if same else 1,
         strideH=sh, strideW=sw, fusedActivationFunction=draw(4) if b else 0)
    data = m.bytes([x], [y])
    return transpose_conv(i) if tiny(ops.run(data)) else data


def suppression(i):
    m = Model()
    n, most, soft = draw(1, 60), draw(1, 20), i % 2
    # Boxes are constants apart from each other, so that no two scores are equal.
    b = rng().uniform(0, 1, [n, 4]).astype(np.float32)
    boxes, bias = m.tensor("boxes", F, [n, 4], data=b), m.tensor("bias", F, [n], data=rng().permutation(n).astype(np.float32) / 997)
    x, scores = m.tensor("x", F, [n]), m.tensor("scores", F, [n])
    node(m, OP.ADD, 1, [x, bias], [scores], "Add")
    one = lambda name, t, v: m.tensor(name, t, [], data=np.array(v, ops.NUMPY[t]))
    ins = [boxes, scores, one("most", T.INT32, most), one("iou", F, [0.2, 0.5, 0.9][draw(3)]), one("least", F, [-100, 0.5, 2][draw(3)])]
    p, c = m.tensor("p", T.INT32, [most]), m.tensor("c", T.INT32, [])
    outs = [p, c]
    if soft:
        ins.append(one("sigma", F, [0, 0.3, 1][draw(3)]))
        outs = [p, m.tensor("s", F, [most]), c]
    node(m, OP.NON_MAX_SUPPRESSION_V5 if soft else OP.NON_MAX_SUPPRESSION_V4, 1, ins, outs, "NonMaxSuppressionV5" if soft else "NonMaxSuppressionV4")
    return m.bytes([x], outs)


def activation16(i):
    m = Model()
    op = [OP.LOGISTIC, OP.TANH, OP.SOFTMAX][i % 3]
    shape = [draw(1, 4), int(rng().choice([1, 2, 10, 64, 250]))]
    xs = [scale(1e-5, 2e-3), np.float32(2**-12), np.float32(2.0**draw(-16, -9)), scale(1e-4, 1e-3)][i // 3 % 4]
    x, y = m.tensor("x", T.INT16, shape, xs, 0), m.tensor("y", T.INT16, shape, 2**-15, 0)
    if op == OP.SOFTMAX:
        node(m, op, 2, [x], [y], "Softmax", beta=[1.0, 0.5][draw(2)])
    else:
        node(m, op, 3, [x], [y])
    return m.bytes([x], [y])


def sum8(i):
    m = Model()
    t = [T.INT8, T.UINT8][i % 2]
    shape = [draw(1, 3)] + some_shape(3, 12)
    axes = [[1, 2], [3], [1], [2, 3], [-1], [0, 1, 2], [1, 2, 3]][draw(7)]
    keep = bool(draw(2))
    norm = {a % 4 for a in axes}
    out = [1 if d in norm else v for d, v in enumerate(shape) if keep or d not in norm]
    n = int(np.prod([shape[d] for d in norm]))
    xs = scale()
    x, y = m.tensor("x", t, shape, xs, zero(t)), m.tensor("y", t, out, np.float32(xs * n * rng().uniform(0.1, 2)), zero(t))
    node(m, OP.SUM, 1, [x, ints(m, "axes", axes)], [y], "Reducer", keepDims=keep)
    return m.bytes([x], [y])


def svdf(i):
    m = Model()
    small = i % 3 < 2
    b, n, units, rank, memory = draw(1, 3), draw(1, 30), draw(1, 12), draw(1, 4), draw(1, 9)
    t = T.INT8 if small else F
    q = lambda s, z: (s, z) if small else ()
    xs, ws, ts = scale(0.005, 0.05), scale(0.003, 0.02), scale(1e-5, 1e-4)
    ss = np.float32(xs * ws * 73 * 60 * np.sqrt(n) / rng().uniform(5000, 40000))
    ys = np.float32(ss * ts * 8000 * 18000 * np.sqrt(rank * memory) / rng().uniform(60, 200))
    x, y = m.tensor("x", t, [b, n], *q(xs, zero())), m.tensor("y", t, [b, units], *q(ys, zero()))
    k = units * rank
    if small:
        f = m.tensor("f", t, [k, n], ws, 0, 0, rng().integers(-127, 128, [k, n]).astype(np.int8))
        w = m.tensor("w", T.INT16, [k, memory], ts, 0, 0, full(T.INT16, [k, memory]))
        bias = m.tensor("b", T.INT32, [units], float(ss) * float(ts), 0, 0, (rng().normal(0, 40, units) * float(ys) / float(ss) / float(ts)).astype(np.int32))
    else:
        f = m.tensor("f", t, [k, n], data=rng().normal(0, 1 / np.sqrt(n), [k, n]).astype(np.float32))
        w = m.tensor("w", t, [k, memory], data=rng().normal(0, 1, [k, memory]).astype(np.float32))
        bias = m.tensor("b", t, [units], data=rng().normal(3, 1, [units]).astype(np.float32))
    state = m.tensor("state", T.INT16 if small else F, [b, memory * k], *q(ss, 0))
    m.g.tensors[state].isVariable = True
    node(m, OP.SVDF, 3, [x, f, w, -1 if i % 4 == 3 else bias, state], [y], "SVDF", rank=rank,
         fusedActivationFunction=1 if small else [0, 1][draw(2)])
    data = m.bytes([x], [y])
    return svdf(i) if not small and tiny(ops.run(data)) else data


UNARY8 = [(OP.ABS, "Abs", {}), (OP.EXP, "Exp", {}), (OP.GELU, "Gelu", {"approximate": False}), (OP.GELU, "Gelu", {"approximate": True}),
          (OP.ELU, None, {}), (OP.L2_NORMALIZATION, "L2Norm", {})]


def unary8(i):
    m = Model()
    op, name, fields = UNARY8[i % 6]
    t = T.UINT8 if op == OP.GELU and i // 6 % 2 else T.INT8
    shape = [draw(1, 4), int(rng().choice([64, 250, 13, 7]))]
    if op == OP.L2_NORMALIZATION and i // 6 % 2:  # sums so small that every unit counts
        shape = [60, draw(1, 3)]
    xs = scale(0.004, 0.1)
    ys = xs if op == OP.ABS and i // 6 % 2 else scale(0.004, 0.1)
    x = m.tensor("x", t, shape, xs, zero(t))
    y = m.tensor("y", t, shape, *((1 / 128, 0) if op == OP.L2_NORMALIZATION else (ys, zero(t))))
    node(m, op, 2 if op in (OP.ABS, OP.EXP, OP.L2_NORMALIZATION) else 1, [x], [y], name, **fields)
    return m.bytes([x], [y])


def squared_difference8(i):
    m = Model()
    shape, other = broadcast_pair(i)
    sa, sb = scale(), scale()
    a, b = m.tensor("a", T.INT8, shape, sa, zero()), m.tensor("b", T.INT8, other, sb, zero())
    y = m.tensor("y", T.INT8, shape, np.float32(max(sa, sb) ** 2 * rng().uniform(1, 200)), zero())
    node(m, OP.SQUARED_DIFFERENCE, 2, [a, b] if i % 2 else [b, a], [y], "SquaredDifference")
    return m.bytes([a, b], [y])


PLAN = [(unary8, 36), (squared_difference8, 16),
        (svdf, 24),
        (sum8, 24),
        (activation16, 36),
        (gather, 24), (scatter_nd, 20), (one_hot, 20), (cumsum, 12), (top_k, 24), (arg_min, 8), (fill, 12), (blocks, 30),
        (batch_matmul, 32), (transpose_conv, 24), (suppression, 24),
        (unary, 27), (binary, 24), (comparison, 60), (logical, 12), (select, 42), (fold, 54), (cast, 35), (lstm, 30), (spectrum, 24)]

if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261124)
    p.add_argument("--times", type=int, default=1, help="cases relative to the committed archive")
    p.add_argument("--only", default="", help="families to make, by comma")
    a = p.parse_args()
    ops.PLAN = [e for e in PLAN if not a.only or e[0].__name__ in a.only.split(",")]
    ops.main(a.out, a.seed, a.times)
