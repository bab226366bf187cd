#!/usr/bin/env python3
"""Make crafted models that must be refused with an error, never a panic.

    python scripts/golden/hostile.py inference/testdata/hostile.zip

Each NAME.tflite comes with NAME.want: a text that the error must contain. After
"run: " it is that of a run; opening works.
"""
import struct
import sys
import zipfile
import zlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s

import ops
from ops import OP, T, Model, ints, options
from ops_flow import Sub, composite
from ops_rows import Rows
from ops_types import external, sparse


def pair(shape=(1, 4)):
    m = Model()
    x = m.tensor("x", T.INT8, shape, 0.1, 0)
    y = m.tensor("y", T.INT8, shape, 0.1, 0)
    return m, x, y


def fc(units, depth, data, bias=None):
    m = Model()
    x = m.tensor("x", T.INT8, [1, depth], 0.1, 0)
    f = m.tensor("filter", T.INT8, [units, depth], 0.1, 0, 0, data)
    ins = [x, f]
    if bias is not None:
        ins.append(m.tensor("bias", T.INT32, [len(bias)], 0.01, 0, 0, bias))
    y = m.tensor("y", T.INT8, [1, units], 0.1, 0)
    m.op(OP.FULLY_CONNECTED, 1, ins, [y], s.BuiltinOptions.FullyConnectedOptions, s.FullyConnectedOptionsT())
    return m.bytes([x], [y])


def unsupported():
    m, x, y = pair()
    z = m.tensor("z", T.INT8, (1, 4), 0.1, 0)
    m.op(OP.BUCKETIZE, 1, [x], [y])
    m.op(OP.ROUND, 1, [y], [z])
    return m.bytes([x], [z])


def unsupported_type():
    m = Model()
    x = m.tensor("x", T.COMPLEX128, (1, 4))
    y = m.tensor("y", T.COMPLEX128, (1, 4))
    m.op(OP.RESHAPE, 1, [x], [y])
    return m.bytes([x], [y])


def cycle():
    m, x, y = pair()
    a, b = (m.tensor(n, T.INT8, (1, 4), 0.1, 0) for n in "ab")
    m.op(OP.ADD, 1, [x, b], [a], s.BuiltinOptions.AddOptions, s.AddOptionsT())
    m.op(OP.ADD, 1, [a, a], [b], s.BuiltinOptions.AddOptions, s.AddOptionsT())
    m.op(OP.ADD, 1, [a, b], [y], s.BuiltinOptions.AddOptions, s.AddOptionsT())
    return m.bytes([x], [y])


def two_writers():
    m, x, y = pair()
    for _ in range(2):
        m.op(OP.RESHAPE, 1, [x], [y])
    return m.bytes([x], [y])


def never_written():
    m, x, y = pair()
    return m.bytes([x], [y])


def index(where):
    m, x, y = pair()
    m.op(OP.RESHAPE, 1, [99 if where == "input" else x], [99 if where == "output" else y])
    return m.bytes([x], [99 if where == "graph" else y])


def huge(shape):
    m, x, y = pair(shape)
    m.op(OP.RESHAPE, 1, [x], [y])
    return m.bytes([x], [y])


def arena():
    """Each tensor is fine, together they are 4 GiB."""
    m = Model()
    ids = [m.tensor("t%d" % i, T.INT8, (1, 1 << 29), 0.1, 0) for i in range(9)]
    for i in range(8):
        m.op(OP.ADD, 1, [ids[0], ids[i]], [ids[i + 1]], s.BuiltinOptions.AddOptions, s.AddOptionsT())
    return m.bytes([ids[0]], ids[1:])


def work():
    """Small tensors, 2^43 multiply-accumulates."""
    m = Model()
    x = m.tensor("x", T.INT8, (1, 4096, 4096, 1), 0.1, 0)
    f = m.tensor("f", T.INT8, (1, 1023, 1023, 1), 0.1, 0, 0, np.zeros((1, 1023, 1023, 1), np.int8))
    b = m.tensor("b", T.INT32, (1,), 0.01, 0, 0, np.zeros(1, np.int32))
    y = m.tensor("y", T.INT8, (1, 4096, 4096, 1), 0.1, 0)
    m.op(OP.CONV_2D, 1, [x, f, b], [y], s.BuiltinOptions.Conv2DOptions,
         options(s.Conv2DOptionsT, padding=0, strideH=1, strideW=1))
    return m.bytes([x], [y])


def short_constant():
    return fc(4, 4, np.zeros(3, np.int8), np.zeros(4, np.int32))


def external_buffer():
    m, x, y = pair()
    b = s.BufferT()
    b.offset, b.size = 1 << 40, 1 << 40
    m.m.buffers.append(b)
    m.g.tensors[x].buffer = len(m.m.buffers) - 1
    m.op(OP.RESHAPE, 1, [x], [y])
    return m.bytes([], [y])


def stride_zero():
    m = Model()
    x = m.tensor("x", T.INT8, (1, 4, 4, 1), 0.1, 0)
    y = m.tensor("y", T.INT8, (1, 4, 4, 1), 0.1, 0)
    m.op(OP.MAX_POOL_2D, 1, [x], [y], s.BuiltinOptions.Pool2DOptions, options(s.Pool2DOptionsT, filterWidth=2, filterHeight=2))
    return m.bytes([x], [y])


def bad_scale(v):
    m = Model()
    x = m.tensor("x", T.INT8, (1, 4), v, 0)
    y = m.tensor("y", T.INT8, (1, 4), 0.1, 0)
    m.op(OP.SOFTMAX, 1, [x], [y], s.BuiltinOptions.SoftmaxOptions, options(s.SoftmaxOptionsT, beta=1.0))
    return m.bytes([x], [y])


def scales_mismatch():
    m = Model()
    x = m.tensor("x", T.INT8, (1, 4), [0.1, 0.1, 0.1], [0, 0, 0], 1)
    y = m.tensor("y", T.INT8, (1, 4), 0.1, 0)
    m.op(OP.RESHAPE, 1, [x], [y])
    return m.bytes([x], [y])


def wrong_output_shape():
    m = Model()
    x = m.tensor("x", T.INT8, (1, 8, 8, 2), 0.1, 0)
    y = m.tensor("y", T.INT8, (1, 9, 9, 2), 0.1, 0)
    m.op(OP.AVERAGE_POOL_2D, 1, [x], [y], s.BuiltinOptions.Pool2DOptions,
         options(s.Pool2DOptionsT, filterWidth=2, filterHeight=2, strideW=1, strideH=1))
    return m.bytes([x], [y])


def call_once(index, init=True):
    """A variable that a run reads; the subgraph that sets it is named by index."""
    m = Model()
    h = m.tensor("v", T.RESOURCE, [])
    y = m.tensor("y", T.INT8, (1, 4), 0.1, 0)
    m.op(OP.CALL_ONCE, 1, [], [], s.BuiltinOptions.CallOnceOptions, options(s.CallOnceOptionsT, initSubgraphIndex=index))
    m.op(OP.VAR_HANDLE, 1, [], [h], s.BuiltinOptions.VarHandleOptions, options(s.VarHandleOptionsT, sharedName="v", container=""))
    m.op(OP.READ_VARIABLE, 1, [h], [y])
    second = s.SubGraphT()
    second.name, second.tensors, second.operators, second.inputs, second.outputs = "init", [], [], [], []
    m.m.subgraphs.append(second)
    return m.bytes([], [y])


def version():
    m, x, y = pair()
    m.m.version = 2
    m.op(OP.RESHAPE, 1, [x], [y])
    return m.bytes([x], [y])


def transpose_conv_stride():
    m = Model()
    shape = m.tensor("shape", T.INT32, (4,), data=np.array((1, 4, 4, 1), np.int32))
    f = m.tensor("f", T.INT8, (1, 3, 3, 1), 0.1, 0, data=np.ones((1, 3, 3, 1), np.int8))
    x, y = m.tensor("x", T.INT16, (1, 4, 4, 1), 0.1, 0), m.tensor("y", T.INT16, (1, 4, 4, 1), 0.1, 0)
    o = s.TransposeConvOptionsT()
    o.strideH = o.strideW = 0
    m.op(OP.TRANSPOSE_CONV, 1, [shape, f, x], [y], s.BuiltinOptions.TransposeConvOptions, o)
    return m.bytes([x], [y])


def mirror_pad_huge():
    """Lists of places that no memory limit allows."""
    m = Model()
    x, y = m.tensor("x", T.INT8, (2**29,), 0.1, 0), m.tensor("y", T.INT8, (2**30,), 0.1, 0)
    p = m.tensor("p", T.INT32, (1, 2), data=np.array((2**28, 2**28), np.int32))
    m.op(OP.MIRROR_PAD, 1, [x, p], [y], s.BuiltinOptions.MirrorPadOptions, s.MirrorPadOptionsT())
    return m.bytes([x], [y])


def detect_options():
    """A map that claims more entries than there are bytes."""
    m = Model()
    ins = [m.tensor(n, T.FLOAT32, d) for n, d in (("enc", (1, 9, 4)), ("scores", (1, 9, 2)), ("anchors", (9, 4)))]
    outs = [m.tensor("y%d" % k, T.FLOAT32, ()) for k in range(4)]
    m.op(OP.CUSTOM, 1, ins, outs)
    m.m.operatorCodes[-1].customCode = "TFLite_Detection_PostProcess"
    m.g.operators[-1].customOptions = np.frombuffer(b"\x00\x01\x01\xff\x00\x01\x24\x01", np.uint8)
    return m.bytes(ins, outs)


def endless(work=False):
    """A loop whose condition always holds."""
    m = Model()
    x, y = m.tensor("x", T.INT32, [4]), m.tensor("y", T.INT32, [4])
    cond, body = Sub(m), Sub(m)
    c = cond.tensor("x", T.INT32, [4])
    yes = cond.tensor("yes", T.BOOL, [1], data=np.array([True]))
    cond.ends([c], [yes])
    b, d = body.tensor("x", T.INT32, [4]), body.tensor("y", T.INT32, [4])
    if work:
        body.op(OP.NEG, 1, [b], [d], s.BuiltinOptions.NegOptions, s.NegOptionsT())
    body.ends([b], [d if work else b])
    m.op(OP.WHILE, 1, [x], [y], s.BuiltinOptions.WhileOptions, options(s.WhileOptionsT, condSubgraphIndex=1, bodySubgraphIndex=2))
    return m.bytes([x], [y])


def calls(count, at=lambda k: k + 1, twice=False):
    """Subgraphs that call the next one, or another, once or twice."""
    m = Model()
    graphs = [m] + [Sub(m) for _ in range(count)]
    for k, g in enumerate(graphs):
        x, y, z = (g.tensor(n, T.INT32, [4]) for n in "xyz")
        if at(k) is None:
            g.op(OP.NEG, 1, [x], [z], s.BuiltinOptions.NegOptions, s.NegOptionsT())
        else:
            composite(g, "c", at(k), [x], [y] if twice else [z])
            if twice:
                composite(g, "c", at(k), [y], [z])
        g.g.inputs, g.g.outputs = [x], [z]
    return m.bytes(m.g.inputs, m.g.outputs)


def branches(then, values=1):
    m = Model()
    c, x, y = m.tensor("c", T.BOOL, []), m.tensor("x", T.INT32, [4]), m.tensor("y", T.INT32, [4])
    g = Sub(m)
    ins = [g.tensor("x%d" % k, T.INT32, [4]) for k in range(values)]
    g.ends(ins, ins[:1])
    m.op(OP.IF, 1, [c, x], [y], s.BuiltinOptions.IfOptions, options(s.IfOptionsT, thenSubgraphIndex=then, elseSubgraphIndex=1))
    return m.bytes([c, x], [y])


def sparse_weights(change):
    m = Model()
    x, y = m.tensor("x", T.FLOAT32, [1, 8]), m.tensor("y", T.FLOAT32, [1, 2])
    w = np.zeros((2, 8), np.float32)
    w[:, 1::3] = 1
    f = sparse(m, "f", T.FLOAT32, w, ([0, 1], [0, 1], [], []))
    change(m.g.tensors[f - 1].sparsity, m.g.tensors[f - 1])
    m.op(OP.FULLY_CONNECTED, 1, [x, f, -1], [y], s.BuiltinOptions.FullyConnectedOptions, s.FullyConnectedOptionsT())
    return m.bytes([x], [y])


def sparse_index(p, t):
    p.dimMetadata[1].arrayIndices.values[1] = 200


def sparse_order(p, t):
    p.traversalOrder = np.array([0, 0], np.int32)


def sparse_segments(p, t):
    p.dimMetadata[1].arraySegments.values[2] = 250


def sparse_twice(p, t):
    p.dimMetadata[1].arrayIndices.values[1] = p.dimMetadata[1].arrayIndices.values[0]


def sparse_huge(p, t):
    """A dense side of 2 GiB from a few bytes."""
    t.shape = [2, 2**28 - 1]


def int4_short():
    m = Model()
    x, y = m.tensor("x", T.INT8, (1, 8), 0.1, 0), m.tensor("y", T.INT8, (1, 4), 0.1, 0)
    f = m.tensor("f", T.INT4, (4, 8), 0.1, 0, data=np.zeros(15, np.uint8))
    m.op(OP.FULLY_CONNECTED, 1, [x, f, -1], [y], s.BuiltinOptions.FullyConnectedOptions, s.FullyConnectedOptionsT())
    return m.bytes([x], [y])


def int4_variable():
    m = Model()
    x, y = m.tensor("x", T.INT4, (1, 8), 0.1, 0), m.tensor("y", T.INT4, (1, 8), 0.1, 0)
    m.op(OP.RESHAPE, 1, [x], [y])
    return m.bytes([x], [y])


def filled(n):
    """A constant that is made while the model is planned."""
    m = Model()
    x, y = m.tensor("x", T.INT32, [1]), m.tensor("y", T.INT32, [-1])
    v, z = m.tensor("v", T.INT32, [], data=np.array(7, np.int32)), m.tensor("z", T.INT32, [1])
    m.op(OP.FILL, 1, [m.tensor("n", T.INT32, [1], data=np.array([n], np.int32)), v], [y], s.BuiltinOptions.FillOptions, s.FillOptionsT())
    m.op(OP.NEG, 1, [x], [z], s.BuiltinOptions.NegOptions, s.NegOptionsT())
    return m.bytes([x], [y, z])


def dynamic_inside():
    """A shape only a run decides, and an operator that needs all of it."""
    m = Rows()
    x = m.tensor("x", T.INT32, [8])
    y = m.do(OP.WHERE, [x], T.INT64, [-1, 1], "Where")
    return m.bytes([x], [m.do(OP.SUM, [y, ints(m, "axis", [0])], T.INT64, [1], "Reducer")])


def dynamic_range(limit):
    """Numbers up to what a run computes, of which nothing or something is known.
    Inputs are 0."""
    m = Rows()
    n = m.tensor("n", T.INT32, [])
    top = m.do(OP.SUB, [m.below(n, limit), m.const(T.INT32, 1)], T.INT32, [], "Sub") if limit else n
    return m.bytes([n], [m.do(OP.RANGE, [m.const(T.INT32, 0), top, m.const(T.INT32, 1)], T.INT32, [-1], "Range")])


def dynamic_slice(way):
    """Slices that a run places outside."""
    m = Rows()
    x, n = m.tensor("x", T.INT8, [4, 2], 0.1, 0), m.tensor("n", T.INT32, [1])
    at = m.do(OP.ADD, [n, m.const(T.INT32, [4])], T.INT32, [1], "Add")
    zero, q = m.const(T.INT32, [0]), {"scale": 0.1, "zero": 0}
    if way == "index":
        y = m.do(OP.STRIDED_SLICE, [x, at, at, m.const(T.INT32, [1])], T.INT8, [2], "StridedSlice", shrinkAxisMask=1, q=q)
    elif way == "begin":
        y = m.do(OP.SLICE, [x, m.do(OP.CONCATENATION, [at, zero], T.INT32, [2], "Concatenation"), ints(m, "size", [1, 2])], T.INT8, [1, 2], "Slice", q=q)
    elif way == "beside":
        y = m.do(OP.SLICE, [x, m.do(OP.CONCATENATION, [n, m.const(T.INT32, [1])], T.INT32, [2], "Concatenation"), ints(m, "size", [1, 2])], T.INT8, [1, 2], "Slice", q=q)
    else:
        size = m.do(OP.SUB, [at, m.const(T.INT32, [6])], T.INT32, [1], "Sub")
        y = m.do(OP.SLICE, [x, ints(m, "b", [0, 0]), m.do(OP.CONCATENATION, [size, ints(m, "two", [2])], T.INT32, [2], "Concatenation")], T.INT8, [-1, 2], "Slice", q=q)
    return m.bytes([x, n], [y])


def dynamic_rows(way):
    """Rows that do not fit each other, or what the file says. Inputs are 0: a has
    none, b all."""
    m = Rows()
    x = m.tensor("x", T.FLOAT32, [6])
    places = lambda op: m.do(OP.RESHAPE, [m.do(OP.WHERE, [m.do(op, [x, m.const(T.FLOAT32, 0)], T.BOOL, [6], "Greater" if op == OP.GREATER else "LessEqual")],
                                               T.INT64, [-1, 1], "Where"), ints(m, "flat", [-1])], T.INT64, [-1], "Reshape")
    a, b = places(OP.GREATER), places(OP.LESS_EQUAL)
    if way == "agree":
        return m.bytes([x], [m.do(OP.ADD, [a, b], T.INT64, [-1], "Add")])
    if way == "declared":
        return m.bytes([x], [m.do(OP.CONCATENATION, [a, b], T.INT64, [7], "Concatenation")])
    if way == "gather":  # of no rows
        return m.bytes([x], [m.gather(a, m.const(T.INT32, [0]), T.INT64, [1])])
    if way == "top":
        v, p = m.tensor("values", T.INT64, [2]), m.tensor("places", T.INT32, [2])
        m.op(OP.TOPK_V2, 1, [a, m.const(T.INT32, 2)], [v, p], s.BuiltinOptions.TopKV2Options, s.TopKV2OptionsT())
        return m.bytes([x], [v, p])
    if way == "pad":
        left = m.do(OP.SUB, [m.const(T.INT32, 5), m.size(b, 1)], T.INT32, [], "Sub")
        amounts = m.do(OP.PACK, [m.vector((0, False), (left, True))], T.INT32, [1, 2], "Pack", valuesCount=1)
        return m.bytes([x], [m.do(OP.PAD, [b, amounts], T.INT64, [-1], "Pad")])
    if way == "fill":
        left = m.do(OP.SUB, [m.const(T.INT32, 5), m.size(b, 1)], T.INT32, [], "Sub")
        return m.bytes([x], [m.do(OP.FILL, [m.vector((left, True)), m.const(T.FLOAT32, 1)], T.FLOAT32, [-1], "Fill")])
    shape = m.vector((m.size(b, 1), True), (5, False))
    return m.bytes([x], [m.do(OP.RESHAPE, [m.tensor("k", T.INT32, [5, 5], data=np.zeros([5, 5], np.int32)), shape], T.INT32, [-1, 5], "Reshape")])


def dynamic_refused(way):
    """Rows that a run decides where their number or their place matters."""
    m = Rows()
    x, n = m.tensor("x", T.INT8, [4, 6], 0.1, 0), m.tensor("n", T.INT32, [1])
    q, end = {"scale": 0.1, "zero": 0}, m.do(OP.FLOOR_MOD, [n, m.const(T.INT32, [5])], T.INT32, [1], "FloorMod")
    y = m.do(OP.STRIDED_SLICE, [x, ints(m, "b", [0]), end, ints(m, "s", [1])], T.INT8, [-1, 6], "StridedSlice", q=q)
    if way == "sum":
        z = m.do(OP.ADD, [y, y], T.INT8, [-1, 6], "Add", q={"scale": 1e-5, "zero": 0})
    elif way == "product":
        z = m.do(OP.MUL, [y, y], T.INT8, [-1, 6], "Mul", q={"scale": 1e-5, "zero": 0})
    elif way == "layer":  # of two rows at a time
        w = m.tensor("w", T.INT8, [2, 12], 0.1, 0, 0, np.ones([2, 12], np.int8))
        z = m.do(OP.FULLY_CONNECTED, [y, w], T.INT8, [-1, 2], "FullyConnected", q=q)
    elif way == "stack":
        z = m.do(OP.PACK, [y, y], T.INT8, [2, -1, 6], "Pack", q=q, valuesCount=2)
    else:
        outs = [m.open("v", T.INT8, [-1, 6], **q) for _ in range(2)]
        m.op(OP.SPLIT, 1, [m.const(T.INT32, 0), y], outs, s.BuiltinOptions.SplitOptions, options(s.SplitOptionsT, numSplits=2))
        z = outs[0]
    return m.bytes([x, n], [z])


def divide_far(t, factor):
    """A quotient so far from the output's scale that a shift would be below 0."""
    m = Model()
    x, y, z = m.tensor("x", t, (1, 4), factor, 0), m.tensor("y", t, (1, 4), 1, 0), m.tensor("z", t, (1, 4), 1, 0)
    m.op(OP.DIV, 1, [x, y], [z], s.BuiltinOptions.DivOptions, s.DivOptionsT())
    return m.bytes([x, y], [z])


def softmax_beta(v):
    """Exponentials without a bound, whose sum may be no number."""
    m = Model()
    x, y = m.tensor("x", T.INT8, (1, 4), 0.1, 0), m.tensor("y", T.INT8, (1, 4), 1 / 256, -128)
    o = s.SoftmaxOptionsT()
    o.beta = v
    m.op(OP.SOFTMAX, 2, [x], [y], s.BuiltinOptions.SoftmaxOptions, o)
    return m.bytes([x], [y])


def divide_by_zero():
    m = Model()
    x, y, z = (m.tensor(n, T.INT8, (1, 4), 0.1, 0) for n in "xyz")
    m.op(OP.DIV, 1, [x, y], [z], s.BuiltinOptions.DivOptions, s.DivOptionsT())
    return m.bytes([x, y], [z])


def overlapping():
    """Two buffers behind the flatbuffer on the same bytes, one of the wrong size."""
    m = Model()
    x, y = m.tensor("x", T.INT8, (1, 4), 0.1, 0), m.tensor("y", T.INT8, (1, 4), 0.1, 0)
    f = m.tensor("f", T.INT8, (4, 4), 0.1, 0, data=np.zeros(16, np.int8))
    b = m.tensor("b", T.INT32, (4,), 0.01, 0, data=np.zeros(4, np.int32))
    m.op(OP.FULLY_CONNECTED, 1, [x, f, b], [y], s.BuiltinOptions.FullyConnectedOptions, s.FullyConnectedOptionsT())
    m.g.inputs, m.g.outputs = [x], [y]
    data = bytearray(external(m))
    at = m.m.buffers[1].offset
    wrong = data.replace(m.m.buffers[2].offset.to_bytes(8, "little"), (at + 8).to_bytes(8, "little"))
    return bytes(wrong[:at + 20])  # the second ends outside


def zip_behind():
    """A model with the end of a zip archive that claims more than there is."""
    m = Model()
    x, y = m.tensor("x", T.INT8, (1, 4), 0.1, 0), m.tensor("y", T.INT8, (2, 4), 0.1, 0)
    m.op(OP.RESHAPE, 1, [x], [y])
    end = b"PK\5\6" + bytes(4) + b"\xff\xff\xff\xff" + b"\xf0\xff\xff\xff" + b"\xf0\xff\xff\xff" + bytes(2)
    return m.bytes([x], [y]) + end


def labelled(archive):
    """A model whose metadata names a label file of the archive behind it."""
    b = flatbuffers.Builder(0)
    name = b.CreateString("labels.txt")

    def table(fields):
        b.StartObject(8)
        for slot, add, value in fields:
            add(slot, value, 0)
        return b.EndObject()

    def vector(one):
        b.StartVector(4, 1, 4)
        b.PrependUOffsetTRelative(one)
        return b.EndVector()

    ref = b.PrependUOffsetTRelativeSlot
    file = table([(0, ref, name), (2, b.PrependInt8Slot, 2)])
    output = table([(6, ref, vector(file))])
    b.Finish(table([(3, ref, vector(table([(3, ref, vector(output))])))]), b"M001")
    m, x, y = pair()
    m.op(OP.RESHAPE, 1, [x], [y])
    entry = s.MetadataT()
    entry.name, entry.buffer = "TFLITE_METADATA", len(m.m.buffers)
    m.m.metadata = [entry]
    held = s.BufferT()
    held.data = np.frombuffer(bytes(b.Output()), np.uint8)
    m.m.buffers.append(held)
    data = m.bytes([x], [y])
    return data + archive(len(data))


def directory(at, entries):
    """A central directory of entries (name, compressed, size, offset) and its end."""
    body = b"".join(struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, packed, size, len(name), 0, 0, 0, 0, 0, offset) + name
                    for name, packed, size, offset in entries)
    return body + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(entries) & 0xFFFF, len(entries) & 0xFFFF, len(body), at, 0)


def crowd(at):
    """More entries than a reader should make objects of."""
    return directory(at, [(b"x", 0, 0, 0)] * 200000)


def bomb(at):
    """A label file of 256 MiB."""
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(c.compress(bytes(1 << 20)) for _ in range(256)) + c.flush()
    name = b"labels.txt"
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(packed), 2**28, len(name), 0) + name
    return head + packed + directory(at + len(head) + len(packed), [(name, len(packed), 2**28, at)])


def cut_archive(at):
    """A directory that claims to begin behind the file."""
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 46, 0x7FFFFFF0, 0)


def shared_constant():
    """A hundred layers on the same megabyte, each of which packs it."""
    m = Model()
    f = m.tensor("filter", T.INT8, [1024, 1024], 0.1, 0, 0, np.zeros((1024, 1024), np.int8))
    xs = [m.tensor("x%d" % i, T.INT8, [1, 1024], 0.1, 0) for i in range(101)]
    for a, b in zip(xs, xs[1:]):
        m.op(OP.FULLY_CONNECTED, 1, [a, f, -1], [b], s.BuiltinOptions.FullyConnectedOptions, s.FullyConnectedOptionsT())
    return m.bytes(xs[:1], xs[-1:])


def overlapping_vectors():
    """A thousand operators that are the same bytes, with ten thousand operands."""
    m, x, y = pair()
    m.op(OP.CONCATENATION, 1, [x] * 10000, [y], s.BuiltinOptions.ConcatenationOptions, s.ConcatenationOptionsT())
    for _ in range(1000):
        m.op(OP.RESHAPE, 1, [x], [y])
    data = bytearray(m.bytes([x], [y]))
    g = s.Model.GetRootAs(data, 0).Subgraphs(0)._tab
    first = g.Vector(g.Offset(10))
    target = first + struct.unpack_from("<I", data, first)[0]
    for at in range(first, first + 4 * 1001, 4):
        data[at:at + 4] = struct.pack("<I", (target - at) & 0xFFFFFFFF)
    return bytes(data)


def window_huge(**kw):
    """A convolution whose steps leave 32 bits."""
    m = Model()
    x, y = m.tensor("x", T.INT8, (1, 8, 8, 1), 0.1, 0), m.tensor("y", T.INT8, (1, 8, 8, 1), 0.1, 0)
    f = m.tensor("f", T.INT8, (1, 3, 3, 1), 0.1, 0, 0, np.zeros((1, 3, 3, 1), np.int8))
    b = m.tensor("b", T.INT32, (1,), 0.01, 0, 0, np.zeros(1, np.int32))
    m.op(OP.CONV_2D, 1, [x, f, b], [y], s.BuiltinOptions.Conv2DOptions,
         options(s.Conv2DOptionsT, padding=1, **{"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, **kw}))
    return m.bytes([x], [y])


def pad_huge():
    """Edges whose sum leaves 32 bits."""
    m, x, y = pair()
    p = m.tensor("p", T.INT32, (2, 2), data=np.full((2, 2), 2**31 - 1, np.int32))
    m.op(OP.PAD, 1, [x, p], [y], s.BuiltinOptions.PadOptions, s.PadOptionsT())
    return m.bytes([x], [y])


def tile_huge():
    m, x, y = pair()
    p = m.tensor("p", T.INT32, (2,), data=np.full(2, 2**31 - 1, np.int32))
    m.op(OP.TILE, 1, [x, p], [y], s.BuiltinOptions.TileOptions, s.TileOptionsT())
    return m.bytes([x], [y])


ops.rng = np.random.default_rng(1)
CASES = {
    "endless_while": (endless(), "run: the step limit"),
    "endless_work": (endless(True), "run: the step limit"),
    "calls_itself": (calls(1, lambda k: 1), "call each other more than 16 deep"),
    "calls_in_a_ring": (calls(2, lambda k: [1, 2, 1][k]), "call each other more than 16 deep"),
    "calls_by_doubling": (calls(15, lambda k: k + 1 if k < 15 else None, True), "memory limit"),
    "calls_nobody": (calls(0, lambda k: 7), "subgraph 7 of 1"),
    "branch_outside": (branches(9), "subgraph 9 of 2"),
    "branch_values": (branches(1, 2), "takes 2 values, not 1"),
    "sparse_index": (sparse_weights(sparse_index), "sparse constant: index 200"),
    "sparse_order": (sparse_weights(sparse_order), "sparse constant: order"),
    "sparse_segments": (sparse_weights(sparse_segments), "sparse constant: segment"),
    "sparse_twice": (sparse_weights(sparse_twice), "sparse constant: index 1 after 1"),
    "sparse_huge": (sparse_weights(sparse_huge), "memory limit"),
    "int4_short": (int4_short(), "constant of 15 bytes"),
    "int4_variable": (int4_variable(), "int4 tensor that is not a constant"),
    "filled_huge": (filled(2**31 - 1), "shape [2147483647]"),
    "filled_large": (filled(2**28), "memory limit"),
    "filled_negative": (filled(-3), "shape [-3]"),
    "dynamic_inside": (dynamic_inside(), "a fold of rows which only a run decides"),
    "dynamic_range_open": (dynamic_range(0), "of which nothing is known"),
    "dynamic_range_huge": (dynamic_range(2**31 - 1), "range of 2147483645"),
    "dynamic_range_arena": (dynamic_range(2**27), "memory limit"),
    "dynamic_range_down": (dynamic_range(9), "run: a range from 0 to -1 by 1"),
    "dynamic_slice_index": (dynamic_slice("index"), "run: index 4 of dimension 4"),
    "dynamic_slice_begin": (dynamic_slice("begin"), "run: a slice of 1 from 4 of a dimension of 4"),
    "dynamic_slice_beside": (dynamic_slice("beside"), "run: a slice of 2 from 1 of a dimension of 2"),
    "dynamic_slice_size": (dynamic_slice("size"), "run: a slice of -2 from 0 of a dimension of 4"),
    "dynamic_rows_agree": (dynamic_rows("agree"), "run: operands of 0 and 6 rows"),
    "dynamic_rows_declared": (dynamic_rows("declared"), "run: 6 places along a dimension of 7"),
    "dynamic_rows_gather": (dynamic_rows("gather"), "run: index 0 of a dimension of 0"),
    "dynamic_rows_top": (dynamic_rows("top"), "run: the 2 largest of 0"),
    "dynamic_rows_pad": (dynamic_rows("pad"), "run: paddings 0 and -1 of 6 places"),
    "dynamic_rows_fill": (dynamic_rows("fill"), "run: shape of -1"),
    "dynamic_rows_reshape": (dynamic_rows("reshape"), "run: shape with 6, where 5 are left"),
    "dynamic_refused_sum": (dynamic_refused("sum"), "ADD: scales for which LiteRT rounds by the place"),
    "dynamic_refused_product": (dynamic_refused("product"), "MUL: scales for which LiteRT rounds by the place"),
    "dynamic_refused_layer": (dynamic_refused("layer"), "int8[4 6] as a layer's input"),
    "dynamic_refused_stack": (dynamic_refused("stack"), "int8[4 6] beside rows"),
    "dynamic_refused_split": (dynamic_refused("split"), "parts along dimension 0 of rows"),
    "divide_far": (divide_far(T.INT8, 2**23), "quotient to output scale 8.388608e+06"),
    "divide_far16": (divide_far(T.INT16, 2**16), "quotient to output scale 65536"),
    "softmax_negative": (softmax_beta(-1000.0), "beta -1000"),
    "divide_by_zero": (divide_by_zero(), "run: division by 0"),
    "overlapping": (overlapping(), "external buffer at"),
    "zip_behind": (zip_behind(), "from [1 4]"),
    "transpose_conv_stride": (transpose_conv_stride(), "stride [0 0]"),
    "mirror_pad_huge": (mirror_pad_huge(), "places: "),
    "detect_options": (detect_options(), "flexbuffer: "),
    "unsupported": (unsupported(), "BUCKETIZE version 1; ROUND: types int8 -> int8"),
    "unsupported_type": (unsupported_type(), "tensor type complex128"),
    "cycle": (cycle(), "before it is written"),
    "two_writers": (two_writers(), "two writers"),
    "never_written": (never_written(), "never written"),
    "index_input": (index("input"), "operator input 99"),
    "index_output": (index("output"), "operator output 99"),
    "index_graph": (index("graph"), "subgraph output 99"),
    "huge_dims": (huge((1, 2**31 - 1, 2**31 - 1, 8)), "larger than 2 GiB"),
    "huge_tensor": (huge((1, 2**30)), "memory limit"),
    "negative_dim": (huge((1, -5)), "dimension -5"),
    "zero_dim": (huge((1, 0)), "empty shape"),
    "rank": (huge((1,) * 9), "rank 9"),
    "arena": (arena(), "memory limit"),
    "work": (work(), "step limit"),
    "short_constant": (short_constant(), "constant of 3 bytes"),
    "external_buffer": (external_buffer(), "external buffer"),
    "stride_zero": (stride_zero(), "stride"),
    "scale_nan": (bad_scale(float("nan")), "scale"),
    "scale_zero": (bad_scale(0.0), "scale"),
    "scale_negative": (bad_scale(-1.0), "scale"),
    "scales_mismatch": (scales_mismatch(), "3 scales"),
    "wrong_output_shape": (wrong_output_shape(), "does not follow"),
    "call_once_self": (call_once(0), "CALL_ONCE of subgraph 0 of 2"),
    "call_once_outside": (call_once(7), "CALL_ONCE of subgraph 7 of 2"),
    "no_initial_value": (call_once(1), "no initial value"),
    "version": (version(), "schema version 2"),
    "labels_crowd": (labelled(crowd), "appended archive of more than 64 files"),
    "labels_bomb": (labelled(bomb), "is over 1048576 bytes"),
    "labels_cut": (labelled(cut_archive), "appended archive: zip"),
    "shared_constant": (shared_constant(), "memory limit"),
    "overlapping_vectors": (overlapping_vectors(), "overlapping vectors"),
    "dilation_huge": (window_huge(dilationHFactor=2**31 - 1), "dilation [2147483647 1]"),
    "stride_huge": (window_huge(strideW=2**31 - 1), "stride [1 2147483647]"),
    "pad_huge": (pad_huge(), "paddings [2147483647"),
    "tile_huge": (tile_huge(), "multiples [2147483647"),
}

if __name__ == "__main__":
    with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for name, (data, want) in CASES.items():
            for suffix, body in ((".tflite", data), (".want", want.encode())):
                z.writestr(zipfile.ZipInfo(name + suffix, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)
