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


PLAN = [(lstm, 30), (spectrum, 24)]

if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261124)
    p.add_argument("--times", type=int, default=1, help="cases relative to the committed archive")
    p.add_argument("--only", default="", help="families to make, by comma")
    a = p.parse_args()
    ops.PLAN = [e for e in PLAN if not a.only or e[0].__name__ in a.only.split(",")]
    ops.main(a.out, a.seed, a.times)
