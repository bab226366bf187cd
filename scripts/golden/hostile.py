#!/usr/bin/env python3
"""Make crafted models that must be refused with an error, never a panic.

    python scripts/golden/hostile.py inference/testdata/hostile.zip

Each NAME.tflite comes with NAME.want: a text that the error must contain.
"""
import sys
import zipfile

import numpy as np
from ai_edge_litert import schema_py_generated as s

from ops import OP, T, Model, options


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
    """Small tensors, 2^48 multiply-accumulates."""
    m = Model()
    x = m.tensor("x", T.INT8, (1, 4096, 4096, 1), 0.1, 0)
    f = m.tensor("f", T.INT8, (1, 4097, 4097, 1), 0.1, 0, 0, np.zeros((1, 4097, 4097, 1), np.int8))
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


CASES = {
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
}

if __name__ == "__main__":
    with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for name, (data, want) in CASES.items():
            for suffix, body in ((".tflite", data), (".want", want.encode())):
                z.writestr(zipfile.ZipInfo(name + suffix, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)
