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


PLAN = [(unary, 27), (binary, 24), (comparison, 60), (logical, 12), (select, 42), (fold, 54), (cast, 35), (lstm, 30), (spectrum, 24)]

if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261124)
    p.add_argument("--times", type=int, default=1, help="cases relative to the committed archive")
    p.add_argument("--only", default="", help="families to make, by comma")
    a = p.parse_args()
    ops.PLAN = [e for e in PLAN if not a.only or e[0].__name__ in a.only.split(",")]
    ops.main(a.out, a.seed, a.times)
