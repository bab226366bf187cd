#!/usr/bin/env python3
"""Make models of shapes that only a run decides and record LiteRT: boxes that a
suppression keeps or a threshold lets through, cut, gathered, computed with (in 8
bits too), joined, padded and seen by layers; slices whose places are inputs.

    python scripts/golden/ops_rows.py inference/testdata/ops_rows.zip

The archive has the form ops.py gives it. Dimensions that a run decides are marked
in the shape signature, as the converter does.
"""
import argparse
import importlib.metadata
import zipfile

import numpy as np
from ai_edge_litert import schema_py_generated as s
from ai_edge_litert.interpreter import Interpreter

import ops
from ops import CASES, OP, T, Model, ints, options
from ops_flow import KIND, draw, run

F = T.FLOAT32


class Rows(Model):
    """A model with short forms of the operators used here. A dimension of -1 is
    one that a run decides."""

    signed = True  # files before shape signatures have a 1 and no more

    def open(self, name, t, shape, **q):
        like = 3 if self.signed and draw(0, 6) == 0 else 1  # nothing reads it
        i = self.tensor(name, t, [like if d < 0 else d for d in shape], **q)
        if -1 in shape and self.signed:
            self.g.tensors[i].shapeSignature = list(shape)
        return i

    def const(self, t, v):
        v = np.array(v, {F: np.float32, T.INT32: np.int32, T.INT64: np.int64, T.INT8: np.int8, T.BOOL: np.bool_}[t])
        return self.tensor("k", t, v.shape, data=v)

    def do(self, op, ins, t, shape, kind=None, version=1, q={}, **o):
        y = self.open("v", t, shape, **q)
        self.op(op, version, ins, [y], *([] if kind is None else [getattr(KIND, kind + "Options"), options(getattr(s, kind + "OptionsT"), **o)]))
        return y

    def size(self, x, rank, d=0):
        """The length of dimension d of x, as a number."""
        sh = self.do(OP.SHAPE, [x], T.INT32, [rank], "Shape", outType=T.INT32)
        if draw(0, 3) == 0:
            return self.do(OP.GATHER, [sh, self.const(T.INT32, d)], T.INT32, [], "Gather", axis=0)
        return self.do(OP.STRIDED_SLICE, [sh, ints(self, "b", [d]), ints(self, "e", [d + 1]), ints(self, "s", [1])], T.INT32, [], "StridedSlice", shrinkAxisMask=1)

    def vector(self, *parts):
        """Numbers, known before the run or not, as a list."""
        parts = [p if k else self.const(T.INT32, p) for p, k in parts]
        return self.do(OP.PACK, parts, T.INT32, [len(parts)], "Pack", valuesCount=len(parts))

    def gather(self, x, at, t, shape, axis=0, q={}):
        return self.do(OP.GATHER, [x, at], t, shape, "Gather", axis=axis, q=q)

    def below(self, x, n):
        """An input's numbers, at least 0 and below n."""
        return self.do(OP.FLOOR_MOD, [x, self.const(T.INT32, n)], T.INT32, self.g.tensors[x].shape, "FloorMod")


def scene(m, n, classes=0):
    """Boxes apart from each other, scores no two of which are equal."""
    b = ops.rng.uniform(0, 1, [n, 4]).astype(np.float32)
    boxes = m.do(OP.ADD, [m.tensor("shift", F, [n, 4], data=b), m.const(F, 0)], F, [n, 4], "Add") if draw(0, 2) else m.tensor("boxes", F, [n, 4], data=b)
    x = m.tensor("x", F, [n])
    return x, boxes, m.do(OP.ADD, [x, m.tensor("bias", F, [n], data=ops.rng.permutation(n).astype(np.float32) / 997)], F, [n], "Add")


def suppress(m, boxes, scores, most, shape, soft):
    """The places that are kept, filled up to most, and their number."""
    one = lambda v: m.const(F, v)
    ins = [boxes, scores, most, one([0.2, 0.5, 0.9][draw(0, 3)]), one([-100, 0.5, 2, 9][draw(0, 4)])]
    outs = [m.open("places", T.INT32, [shape]), m.tensor("count", T.INT32, [])]
    if soft:
        ins.append(one([0, 0.3][draw(0, 2)]))
        outs.insert(1, m.open("kept", F, [shape]))
    kind = "NonMaxSuppressionV5" if soft else "NonMaxSuppressionV4"
    m.op(OP.NON_MAX_SUPPRESSION_V5 if soft else OP.NON_MAX_SUPPRESSION_V4, 1, ins, outs, getattr(KIND, kind + "Options"), getattr(s, kind + "OptionsT")())
    return outs[0], outs[-1]


def first(m, x, count, t, shape):
    """The first count of x, in one of the ways that exports have."""
    rest = shape[1:]
    way = draw(0, 3) if m.signed else 2  # SLICE believes the file
    if way == 0 or rest and way == 1:
        size = m.vector((count, True), *[(d, False) for d in rest])
        return m.do(OP.SLICE, [x, ints(m, "b", [0] * len(shape)), size], t, shape, "Slice")
    if way == 1:
        size = m.do(OP.RESHAPE, [count, ints(m, "one", [1])], T.INT32, [1], "Reshape")
        return m.do(OP.SLICE, [x, ints(m, "b", [0]), size], t, shape, "Slice")
    end = m.do(OP.EXPAND_DIMS, [count, m.const(T.INT32, 0)], T.INT32, [1], "ExpandDims")
    return m.do(OP.STRIDED_SLICE, [x, ints(m, "b", [0]), end, ints(m, "s", [1])], t, shape, "StridedSlice", beginMask=draw(0, 2))


def kept(i):
    """tf.image.non_max_suppression, then boxes and scores at what it keeps."""
    m = Rows()
    m.signed = i % 7 != 0
    n, most = draw(2, 40), draw(1, 20)
    x, boxes, scores = scene(m, n)
    places, count = suppress(m, boxes, scores, m.const(T.INT32, most), most, i % 2)
    at = first(m, places, count, T.INT32, [-1])
    b, c = m.gather(boxes, at, F, [-1, 4]), m.gather(scores, at, F, [-1])
    c = m.do(OP.EXPAND_DIMS, [c, m.const(T.INT32, 1)], F, [-1, 1], "ExpandDims")
    wide = m.do(OP.MUL, [b, m.tensor("size", F, [4], data=np.array([320, 240, 320, 240], np.float32))], F, [-1, 4], "Mul")
    if i % 3 == 0:
        wide = m.do(OP.MAXIMUM, [wide, m.const(F, 10)], F, [-1, 4], "MaximumMinimum")
    y = m.do(OP.CONCATENATION, [wide, c], F, [-1, 5], "Concatenation", axis=-1 if i % 4 else 1)
    if i % 5 == 0:
        y = m.do(OP.EXPAND_DIMS, [y, m.const(T.INT32, 0)], F, [1, -1, 5], "ExpandDims")
    return m.bytes([x], [y, count])


def counted(i):
    """Numbers from 0 to a length that a run decides, and what lies at them."""
    m = Rows()
    n, most = draw(2, 40), draw(1, 20)
    x, boxes, scores = scene(m, n)
    places, count = suppress(m, boxes, scores, m.const(T.INT32, most), most, i % 2)
    at = first(m, places, count, T.INT32, [-1])
    limit = m.size(at, 1) if i % 3 else count
    delta = [1, 1, 2, 3][draw(0, 4)]
    r = m.do(OP.RANGE, [m.const(T.INT32, 0), limit, m.const(T.INT32, delta)], T.INT32, [-1], "Range")
    if i % 4 == 1:
        r = m.do(OP.RANGE, [limit, m.const(T.INT32, -draw(0, 4)), m.const(T.INT32, -delta)], T.INT32, [-1], "Range")
        return m.bytes([x], [r, count])
    y = m.gather(at, r, T.INT32, [-1])
    half = m.do(OP.LESS, [r, m.const(T.INT32, most // 2)], T.BOOL, [-1], "Less")
    z = m.do(OP.SELECT_V2, [half, y, m.const(T.INT32, -1)], T.INT32, [-1], "SelectV2")
    return m.bytes([x], [z, m.do(OP.CAST, [r], F, [-1], "Cast", inDataType=T.INT32, outDataType=F)])


def padded(i):
    """Rows that a run decides, filled up to a fixed number: by PAD, or by joining
    as many as are missing."""
    m = Rows()
    m.signed = i % 7 != 0
    n, most = draw(2, 40), draw(2, 20)
    x, boxes, scores = scene(m, n)
    places, count = suppress(m, boxes, scores, m.const(T.INT32, most), most, i % 2)
    at = first(m, places, count, T.INT32, [-1])
    b = m.gather(boxes, at, F, [-1, 4])
    more = draw(0, 3) if i % 4 == 3 else 0
    left = m.do(OP.SUB, [m.const(T.INT32, most + more), m.size(b, 2)], T.INT32, [], "Sub")
    known = most + more if i % 3 else -1
    if i % 2:
        amounts = m.do(OP.PACK, [m.vector((0, False), (left, True)), ints(m, "none", [0, 0])], T.INT32, [2, 2], "Pack", valuesCount=2)
        if i % 5 == 0:
            y = m.do(OP.PADV2, [b, amounts, m.const(F, -1)], F, [known, 4], "PadV2")
        else:
            y = m.do(OP.PAD, [b, amounts], F, [known, 4], "Pad")
    else:
        fill = m.do(OP.FILL, [m.vector((left, True), (4, False)), m.const(F, 0.5)], F, [-1, 4], "Fill")
        y = m.do(OP.CONCATENATION, [b, fill], F, [known, 4], "Concatenation", axis=0)
    if known > 0:
        y = m.do(OP.RESHAPE, [y, ints(m, "to", [1, known, 4])], F, [1, known, 4], "Reshape")
        y = m.do(OP.MUL, [y, m.const(F, 2)], F, [1, known, 4], "Mul")
    return m.bytes([x], [y])


def let_through(i):
    """Scores above a threshold: their boxes, best classes and how many."""
    m = Rows()
    n, c = draw(2, 40), draw(2, 7)
    x = m.tensor("x", F, [n, c])
    best = m.do(OP.REDUCE_MAX, [x, ints(m, "axis", [1])], F, [n], "Reducer")
    mask = m.do(OP.GREATER, [best, m.const(F, [-1, 4, 12, 99][draw(0, 4)])], T.BOOL, [n], "Greater")
    at = m.do(OP.WHERE, [mask], T.INT64, [-1, 1], "Where")
    row = m.do(OP.RESHAPE, [at, ints(m, "flat", [-1])], T.INT64, [-1], "Reshape")
    y = m.gather(x, row, F, [-1, c])
    way = i % 6
    if way == 0:
        a = m.do(OP.ARG_MAX, [y, ints(m, "axis", [1])], T.INT32, [-1], "ArgMax", outputType=T.INT32)
        z = m.do(OP.REDUCE_MAX, [y, ints(m, "axis", [-1])], F, [-1, 1], "Reducer", keepDims=True)
        return m.bytes([x], [a, z])
    if way == 1:
        return m.bytes([x], [m.do(OP.SOFTMAX, [y], F, [-1, c], "Softmax", beta=1.0), m.do(OP.SHAPE, [y], T.INT32, [2], "Shape", outType=T.INT32)])
    if way == 2:  # what is left of the rows when they are cut
        k = draw(1, n + 2)
        z = m.do(OP.STRIDED_SLICE, [y, ints(m, "b", [0, 0]), ints(m, "e", [k, draw(1, c + 1)]), ints(m, "s", [1, 1])], F, [-1, c], "StridedSlice", endMask=2)
        w = m.do(OP.STRIDED_SLICE, [y, ints(m, "b", [0]), ints(m, "e", [0]), ints(m, "s", [[-1, 2, -3][draw(0, 3)]])], F, [-1, c], "StridedSlice", beginMask=1, endMask=1)
        return m.bytes([x], [z, w])
    if way == 3:  # columns
        z = m.gather(y, ints(m, "at", [draw(0, c), draw(0, c)]), F, [-1, 2], axis=1)
        w = m.do(OP.STRIDED_SLICE, [y, ints(m, "b", [0, 1]), ints(m, "e", [0, 2]), ints(m, "s", [1, 1])], F, [-1], "StridedSlice", beginMask=1, endMask=1, shrinkAxisMask=2)
        return m.bytes([x], [z, w])
    if way == 4:  # a second threshold
        mask = m.do(OP.GREATER, [m.do(OP.SUM, [y, ints(m, "axis", [1])], F, [-1], "Reducer"), m.const(F, 3)], T.BOOL, [-1], "Greater")
        at = m.do(OP.SQUEEZE, [m.do(OP.WHERE, [mask], T.INT64, [-1, 1], "Where")], T.INT64, [-1], "Squeeze", squeezeDims=[1])
        return m.bytes([x], [m.gather(y, at, F, [-1, c]), at])
    to = m.vector((1, False), (m.size(y, 2), True), (c, False))
    return m.bytes([x], [m.do(OP.RESHAPE, [m.do(OP.LOGISTIC, [y], F, [-1, c]), to], F, [1, -1, c], "Reshape")])


def twice(i):
    """What a threshold lets through goes to a suppression, whose limit may depend on
    how much that is."""
    m = Rows()
    m.signed = i % 7 != 0
    n, most = draw(2, 40), draw(1, 20)
    x, boxes, scores = scene(m, n)
    mask = m.do(OP.GREATER, [scores, m.const(F, [-9, 0, 2][draw(0, 3)])], T.BOOL, [n], "Greater")
    row = m.do(OP.RESHAPE, [m.do(OP.WHERE, [mask], T.INT64, [-1, 1], "Where"), ints(m, "flat", [-1])], T.INT64, [-1], "Reshape")
    b, c = m.gather(boxes, row, F, [-1, 4]), m.gather(scores, row, F, [-1])
    limit, shape = m.const(T.INT32, most), most
    if i % 3 == 0:
        limit, shape = m.do(OP.MINIMUM, [limit, m.size(c, 1)], T.INT32, [], "MaximumMinimum"), -1
    places, count = suppress(m, b, c, limit, shape, i % 2)
    at = first(m, places, count, T.INT32, [-1])
    y = m.gather(b, at, F, [-1, 4])
    return m.bytes([x], [y, places, count])


def best(i):
    """The largest of as many as a run has, and of a list that a run cuts."""
    m = Rows()
    n, k = draw(2, 30), draw(1, 12)
    x = m.tensor("x", F, [n])
    mixed = m.do(OP.ADD, [x, m.tensor("bias", F, [n], data=ops.rng.permutation(n).astype(np.float32) / 997)], F, [n], "Add")
    src, limit = mixed, None
    if i % 2:
        mask = m.do(OP.GREATER, [mixed, m.const(F, [-20, -3, 2, 99][i // 2 % 4])], T.BOOL, [n], "Greater")
        row = m.do(OP.SQUEEZE, [m.do(OP.WHERE, [mask], T.INT64, [-1, 1], "Where")], T.INT64, [-1], "Squeeze", squeezeDims=[1])
        src = m.gather(mixed, row, F, [-1])
        limit = m.size(src, 1)
    else:
        number = m.tensor("number", T.INT32, [])
        limit = m.do(OP.MAXIMUM, [m.below(number, n + 1), m.const(T.INT32, 1)], T.INT32, [], "MaximumMinimum")
    top = m.do(OP.MINIMUM, [limit, m.const(T.INT32, k)], T.INT32, [], "MaximumMinimum")
    v, p = m.open("values", F, [-1]), m.open("places", T.INT32, [-1])
    m.op(OP.TOPK_V2, 1, [src, top], [v, p], KIND.TopKV2Options, s.TopKV2OptionsT())
    ins = [x] if i % 2 else [x, number]
    return m.bytes(ins, [v, p])


def placed(i):
    """Slices that begin or end where an input says."""
    m = Rows()
    t = [F, T.INT8, T.INT32][i % 3]
    q = {"scale": 0.1, "zero": 3} if t == T.INT8 else {}
    shape = [draw(2, 9), draw(2, 7), draw(1, 5)]
    x = m.tensor("x", t, shape, **q)
    at = m.tensor("at", T.INT32, [])
    way = i % 9
    if way == 0:  # x[i]
        b = m.vector((m.below(at, shape[0]), True))
        e = m.do(OP.ADD, [b, m.const(T.INT32, [1])], T.INT32, [1], "Add")
        y = m.do(OP.STRIDED_SLICE, [x, b, e, ints(m, "s", [1])], t, shape[1:], "StridedSlice", shrinkAxisMask=1, q=q)
    elif way == 1:  # a window of fixed size
        size = [draw(1, d + 1) for d in shape]
        d = draw(0, 3)
        b = m.vector(*[(m.below(at, shape[k] - size[k] + 1), True) if k == d else (draw(0, shape[k] - size[k] + 1), False) for k in range(3)])
        y = m.do(OP.SLICE, [x, b, ints(m, "size", size)], t, size, "Slice", q=q)
    elif way == 2:  # x[:n]
        y = m.do(OP.STRIDED_SLICE, [x, ints(m, "b", [0]), m.vector((m.below(at, shape[0] + 3), True)), ints(m, "s", [1])], t, [-1] + shape[1:], "StridedSlice", q=q)
    elif way == 3:  # x[n:], from the end too
        b = m.vector((m.do(OP.SUB, [m.below(at, 2 * shape[0]), m.const(T.INT32, shape[0])], T.INT32, [], "Sub"), True))
        y = m.do(OP.STRIDED_SLICE, [x, b, ints(m, "e", [0]), ints(m, "s", [draw(1, 3)])], t, [-1] + shape[1:], "StridedSlice", endMask=1, q=q)
    elif way == 4:  # x[0, :n, k:]
        k = draw(0, shape[2])
        y = m.do(OP.STRIDED_SLICE, [x, ints(m, "b", [0, 0, k]), m.vector((1, False), (m.below(at, shape[1] + 2), True), (shape[2], False)), ints(m, "s", [1, 1, 1])],
                 t, [-1, shape[2] - k], "StridedSlice", shrinkAxisMask=1, q=q)
    elif way == 5:  # x[n::-1]
        y = m.do(OP.STRIDED_SLICE, [x, m.vector((m.below(at, shape[0]), True)), ints(m, "e", [0]), ints(m, "s", [-1])], t, [-1] + shape[1:], "StridedSlice", endMask=1, q=q)
    elif way == 6:  # from n to the end, by SLICE
        b = m.vector((m.below(at, shape[0] + 1), True), (0, False), (0, False))
        y = m.do(OP.SLICE, [x, b, ints(m, "size", [-1, shape[1], -1])], t, [-1] + shape[1:], "Slice", q=q)
    elif way == 7:  # computed places that a mask leaves out
        b = m.vector((m.below(at, 7), True), (0, False), (0, False))
        y = m.do(OP.STRIDED_SLICE, [x, b, m.vector((2, False), (m.below(at, 5), True), (1, False)), ints(m, "s", [1, 1, 1])], t, [2, shape[1], 1], "StridedSlice", beginMask=1, endMask=2, q=q)
    else:  # an ellipsis, a new axis, an index of a run
        b = m.vector((0, False), (0, False), (m.below(at, shape[2]), True))
        e = m.do(OP.ADD, [b, ints(m, "one", [1, 1, 1])], T.INT32, [3], "Add")
        y = m.do(OP.STRIDED_SLICE, [x, b, e, ints(m, "s", [1, 1, 1])], t, [1] + shape[:2], "StridedSlice", version=8, newAxisMask=1, ellipsisMask=2, shrinkAxisMask=4, q=q)
    return m.bytes([x, at], [y])


def axes(i):
    """Slices with an ellipsis and new axes, of constants."""
    m = Rows()
    t = [F, T.INT8, T.INT32][i % 3]
    q = {"scale": 0.1, "zero": 3} if t == T.INT8 else {}
    shape = [draw(2, 6) for _ in range(draw(2, 5))]
    spec, out, left = [], [], list(shape)
    dots = draw(0, 4)
    for k in range(4):
        if k == dots:
            spec.append("...")
        elif draw(0, 3) == 0:
            spec.append("new")
        elif sum(isinstance(v, tuple) for v in spec) < len(shape) - 1:
            spec.append((draw(0, 2), draw(1, 3), draw(0, 2)))  # begin, stride, shrink
    named = sum(isinstance(v, tuple) for v in spec)
    b, e, st, masks, d = [], [], [], [0, 0, 0], 0
    for k, v in enumerate(spec):
        if v == "...":
            masks[0] |= 1 << k
            rest = len(shape) - named
            out += shape[d:d + rest]
            d += rest
            v = (0, 1, 0)
            b, e, st = b + [0], e + [0], st + [1]
            continue
        if v == "new":
            masks[1] |= 1 << k
            out.append(1)
            b, e, st = b + [0], e + [1], st + [1]
            continue
        begin, stride, shrink = v
        if shrink:
            masks[2] |= 1 << k
            b, e, st = b + [begin], e + [begin + 1], st + [1]
        else:
            b, e, st = b + [begin], e + [shape[d]], st + [stride]
            out.append((shape[d] - begin + stride - 1) // stride)
        d += 1
    out += shape[d:]
    x = m.tensor("x", t, shape, **q)
    y = m.do(OP.STRIDED_SLICE, [x, ints(m, "b", b), ints(m, "e", e), ints(m, "s", st)], t, out, "StridedSlice", version=8,
             ellipsisMask=masks[0], newAxisMask=masks[1], shrinkAxisMask=masks[2], q=q)
    return m.bytes([x], [y])


def repeated(i):
    """As many copies as rows: BROADCAST_TO, TILE, FILL."""
    m = Rows()
    n, most, c = draw(2, 30), draw(1, 12), draw(1, 5)
    x, boxes, scores = scene(m, n)
    places, count = suppress(m, boxes, scores, m.const(T.INT32, most), most, i % 2)
    one = m.do(OP.STRIDED_SLICE, [x, ints(m, "b", [0]), ints(m, "e", [1]), ints(m, "s", [1])], F, [1], "StridedSlice")
    if i % 3 == 0:
        y = m.do(OP.BROADCAST_TO, [one, m.vector((count, True), (c, False))], F, [-1, c], version=2)
        z = m.do(OP.MUL, [y, m.tensor("f", F, [c], data=ops.rng.normal(0, 1, [c]).astype(np.float32))], F, [-1, c], "Mul")
        return m.bytes([x], [z])
    if i % 3 == 1:
        k = draw(1, 4)
        parts = m.do(OP.STRIDED_SLICE, [x, ints(m, "b", [0]), ints(m, "e", [min(k, n)]), ints(m, "s", [1])], F, [min(k, n)], "StridedSlice")
        return m.bytes([x], [m.do(OP.TILE, [parts, m.vector((count, True))], F, [-1])])
    at = first(m, places, count, T.INT32, [-1])
    y = m.do(OP.FILL, [m.do(OP.SHAPE, [at], T.INT32, [1], "Shape", outType=T.INT32), m.const(T.INT32, 7)], T.INT32, [-1], "Fill")
    z = m.do(OP.ADD, [y, at], T.INT32, [-1], "Add")
    return m.bytes([x], [z])


def byte_scale(t, lo=0.02, hi=0.1):
    return {"scale": float(ops.rng.uniform(lo, hi)), "zero": draw(-20, 20) + (128 if t == T.UINT8 else 0)}


def bytes_of(m, t, shape, q):
    lo = 0 if t == T.UINT8 else -128
    return m.tensor("k", t, shape, data=ops.rng.integers(lo, lo + 256, shape).astype(np.uint8 if t == T.UINT8 else np.int8), **q)


def some_rows(m, n, none):
    """Places of rows in the order of a constant, as many as an input says."""
    number = m.tensor("number", T.INT32, [])
    limit = m.below(number, n + 1)
    if not none:
        limit = m.do(OP.MAXIMUM, [limit, m.const(T.INT32, 1)], T.INT32, [], "MaximumMinimum")
    end = m.do(OP.EXPAND_DIMS, [limit, m.const(T.INT32, 0)], T.INT32, [1], "ExpandDims")
    return number, m.do(OP.STRIDED_SLICE, [m.const(T.INT32, ops.rng.permutation(n)), ints(m, "b", [0]), end, ints(m, "s", [1])], T.INT32, [-1], "StridedSlice")


def byte_rows(i, c, fit=lambda *_: True):
    """A model with rows of bytes, as many as an input says."""
    m = Rows()
    t = T.UINT8 if i % 3 == 0 else T.INT8
    n, q = draw(3, 20), byte_scale(t)
    while not fit(q["scale"], q["zero"]):
        q = byte_scale(t)
    x = m.tensor("x", t, [n, c], **q)
    number, row = some_rows(m, n, True)
    return m, t, q, [x, number], m.gather(x, row, t, [-1, c], q=q)


def in_bytes(i):
    """Arithmetic of 8 bits."""
    c = draw(1, 34)
    way = i % 24
    m, t, q, ins, y = byte_rows(i, c, ops.tanh_agrees if way == 5 else lambda *_: True)
    low, full = (0, 255) if t == T.UINT8 else (-128, 127)
    r, to = byte_scale(t), [-1, c]
    beside = lambda: y if draw(0, 4) == 0 else bytes_of(m, t, [[c], [], [1, c], [1, 1]][draw(0, 4)], q)
    if way < 3:
        op, kind = [(OP.ADD, "Add"), (OP.SUB, "Sub"), (OP.MUL, "Mul")][way]
        z = m.do(op, [y, beside()], t, to, kind, 2, r)
    elif way == 3:  # beyond the delegate's scales
        z = m.do(OP.SUB, [y, beside()], t, to, "Sub", 2, byte_scale(t, 1e-5, 1e-4))
    elif way == 4:
        z = m.do(OP.LOGISTIC, [y], t, to, q={"scale": 1 / 256, "zero": low})
    elif way == 5:
        z = m.do(OP.TANH, [y], t, to, q={"scale": 1 / 128, "zero": low + 128})
    elif way == 6:
        z = m.do(OP.LEAKY_RELU, [y], t, to, "LeakyRelu", 2, r, alpha=[0.3, 0.001][draw(0, 2)])
    elif way < 9:
        z = m.do([OP.RELU, OP.RELU6][way - 7], [y], t, to, None, 2, r)
    elif way == 9:
        z = m.do(OP.QUANTIZE, [y], [t, T.INT8, T.UINT8][draw(0, 3)], to, "Quantize", 2, {"scale": r["scale"], "zero": 5})
    elif way == 10:
        f = m.do(OP.MUL, [m.do(OP.DEQUANTIZE, [y], F, to), m.const(F, 0.7)], F, to, "Mul")
        z = m.do(OP.QUANTIZE, [f], t, to, "Quantize", 2, r)
    elif way == 11:
        z = m.do(OP.SOFTMAX, [y], t, to, "Softmax", 2, {"scale": 1 / 256, "zero": low}, beta=1.0)
    elif way == 12:
        z = m.do(OP.LOG_SOFTMAX, [y], t, to, None, 2, {"scale": 1 / 16, "zero": full})
    elif way == 13:
        z = m.do(OP.L2_NORMALIZATION, [y], t, to, "L2Norm", 2, {"scale": 1 / 128, "zero": low + 128})
    elif way == 14:
        z = m.do(OP.ARG_MAX, [y, ints(m, "axis", [1])], T.INT32, [-1], "ArgMax", outputType=T.INT32)
    elif way == 15:
        z = m.do([OP.MAXIMUM, OP.MINIMUM][draw(0, 2)], [y, beside()], t, to, "MaximumMinimum", 2, q)
    elif way == 16:
        z = m.do([OP.REDUCE_MAX, OP.REDUCE_MIN][draw(0, 2)], [y, ints(m, "axis", [1])], t, [-1], "Reducer", 2, q)
    elif way == 17:
        z = m.do([OP.MEAN, OP.SUM][draw(0, 2)], [y, ints(m, "axis", [1])], t, [-1], "Reducer", 2, r)
    elif way == 18:
        z = m.do(OP.HARD_SWISH, [y], t, to, q=r)
    elif way == 19:
        z = m.do(OP.PRELU, [y, bytes_of(m, t, [c], q)], t, to, q=r)
    elif way == 20:
        z = m.do([OP.LESS, OP.EQUAL][i // 24 % 2], [y, beside()], T.BOOL, to, ["Less", "Equal"][i // 24 % 2], 2)
    elif t == T.UINT8:
        z = m.do(OP.CONCATENATION, [y, y, y], t, [-1, 3 * c], "Concatenation", 2, r, axis=-1)
    elif way == 22:
        z = m.do(OP.ABS, [y], t, to, None, 2, r)
    else:
        z = m.do(OP.SQUARED_DIFFERENCE, [y, y if draw(0, 2) else bytes_of(m, t, [c], q)], t, to, None, 2, byte_scale(t, 0.1, 0.9))
    return m.bytes(ins, [z])


def dense(m, y, t, c, q, keep, shape):
    """FULLY_CONNECTED of bytes, or of floats with weights of floats or of int8."""
    u = draw(1, 20)
    floats, o = t == F, dict(keepNumDims=bool(keep))
    to = shape[:-1] + [u] if keep else [-1, u]
    if floats and draw(0, 2):
        w = m.tensor("w", T.INT8, [u, c], 0.01, 0, 0, ops.rng.integers(-127, 128, [u, c]).astype(np.int8))
        return m.do(OP.FULLY_CONNECTED, [y, w], F, to, "FullyConnected", 9, asymmetricQuantizeInputs=bool(draw(0, 2)), **o)
    if floats:
        w, b = (m.tensor("k", F, k, data=ops.rng.normal(0, 1, k).astype(np.float32)) for k in ([u, c], [u]))
        return m.do(OP.FULLY_CONNECTED, [y, w, b], F, to, "FullyConnected", 1, **o)
    w = bytes_of(m, t, [u, c], {"scale": 0.01, "zero": 120 if t == T.UINT8 else 0})
    b = m.tensor("b", T.INT32, [u], q["scale"] * 0.01, 0, 0, ops.rng.integers(-2000, 2000, [u]).astype(np.int32))
    return m.do(OP.FULLY_CONNECTED, [y, w, b], t, to, "FullyConnected", 4, byte_scale(t), **o)


def in_layers(i):
    """Layers over rows, and over as many images as an input says."""
    if i % 2:
        c = draw(1, 34)
        m, t, q, ins, y = byte_rows(i, c)
        if i % 4 == 3:
            t, y = F, m.do(OP.DEQUANTIZE, [y], F, [-1, c])
        shape = [-1, c]
        if i % 3 == 2:
            shape = [1, -1, c]
            y = m.do(OP.EXPAND_DIMS, [y, m.const(T.INT32, 0)], t, shape, "ExpandDims", q=q if t != F else {})
        return m.bytes(ins, [dense(m, y, t, c, q, draw(0, 2), shape)])
    m = Rows()
    t = T.UINT8 if i % 3 == 0 else T.INT8
    n, h, w, c, q, r = draw(2, 8), draw(2, 7), draw(2, 7), draw(1, 9), byte_scale(t), byte_scale(t)
    number, row = some_rows(m, n, False)
    y = m.gather(bytes_of(m, t, [n, h, w, c], q), row, t, [-1, h, w, c], q=q)
    way, s1 = i // 2 % 5, dict(strideH=1, strideW=1, padding=0)
    if way == 4:
        u, y = draw(1, 9), m.do(OP.DEQUANTIZE, [y], F, [-1, h, w, c])
        k, b = (m.tensor("k", F, d, data=ops.rng.normal(0, 1, d).astype(np.float32)) for d in ([u, 2, 2, c], [u]))
        return m.bytes([number], [m.do(OP.CONV_2D, [y, k, b], F, [-1, h, w, u], "Conv2D", **s1)])
    if way < 2:
        u = [draw(1, 20), c][way]
        k = bytes_of(m, t, [[u, 2, 2, c], [1, 2, 2, c]][way], {"scale": 0.01, "zero": 130 if t == T.UINT8 else 0})
        b = m.tensor("b", T.INT32, [u], q["scale"] * 0.01, 0, 0, ops.rng.integers(-2000, 2000, [u]).astype(np.int32))
        if way == 0:
            z = m.do(OP.CONV_2D, [y, k, b], t, [-1, h, w, u], "Conv2D", 3, r, **s1)
        else:
            z = m.do(OP.DEPTHWISE_CONV_2D, [y, k, b], t, [-1, h, w, c], "DepthwiseConv2D", 3, r, depthMultiplier=1, **s1)
    else:
        op = [OP.AVERAGE_POOL_2D, OP.MAX_POOL_2D][way - 2]
        z = m.do(op, [y], t, [-1, h, w, c], "Pool2D", 2, q, filterHeight=2, filterWidth=2, **s1)
    if i % 4 == 0:
        z = m.do(OP.MEAN, [z, ints(m, "axis", [1, 2])], t, [-1, m.g.tensors[z].shape[3]], "Reducer", 2, r)
    return m.bytes([number], [z])


def in_parts(i):
    """Columns of rows apart and together again."""
    m = Rows()
    t = [F, T.INT8, T.INT32][i % 3]
    q = byte_scale(t) if t == T.INT8 else {}
    n, c = draw(2, 20), draw(2, 7)
    x = m.tensor("x", t, [n, c], **q)
    number, row = some_rows(m, n, False)
    y = m.gather(x, row, t, [-1, c], q=q)
    part = lambda shape: m.open("p", t, shape, **q)
    if i % 4 == 0:
        out = [part([-1, 1]) for _ in range(c)]
        m.op(OP.SPLIT, 1, [m.const(T.INT32, [1, -1][draw(0, 2)]), y], out, KIND.SplitOptions, options(s.SplitOptionsT, numSplits=c))
    elif i % 4 == 1:
        k = draw(1, c)
        out = [part([-1, k]), part([-1, c - k])]
        m.op(OP.SPLIT_V, 2, [y, ints(m, "sizes", [[k, c - k], [-1, c - k], [k, -1]][draw(0, 3)]), m.const(T.INT32, 1)], out, KIND.SplitVOptions, options(s.SplitVOptionsT, numSplits=2))
    else:
        out = [part([-1]) for _ in range(c)]
        m.op(OP.UNPACK, 2, [y], out, KIND.UnpackOptions, options(s.UnpackOptionsT, num=c, axis=[1, -1][draw(0, 2)]))
        if i % 4 == 3:
            out = [m.do(OP.PACK, out[::-1], t, [-1, c], "Pack", 2, q, valuesCount=c, axis=[1, -1][draw(0, 2)])]
    return m.bytes([x, number], out)


PLAN = [(kept, 24), (counted, 16), (padded, 24), (let_through, 24), (twice, 18), (best, 12), (placed, 36), (axes, 18), (repeated, 15),
        (in_bytes, 48), (in_layers, 40), (in_parts, 12)]


def main(path, seed, times):
    ops.rng = np.random.default_rng(seed)
    head = "litert %s\ncases %d\n\n" % (importlib.metadata.version("ai-edge-litert"), CASES)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for make, count in PLAN:
            for i in range(count * times):
                data = make(i)
                name = "%s_%03d" % (make.__name__, i)
                try:
                    golden = run(data)
                except (RuntimeError, ValueError) as e:
                    print(name, str(e)[:150].replace("\n", " "))
                    continue
                for suffix, body in ((".tflite", data), (".golden", ("model %s.tflite\n" % name + head).encode() + golden)):
                    z.writestr(zipfile.ZipInfo(name + suffix, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261203)
    p.add_argument("--times", type=int, default=1, help="cases relative to the committed archive")
    a = p.parse_args()
    main(a.out, a.seed, a.times)
