#!/usr/bin/env python3
"""Make one-operator int8 models with drawn parameters and record LiteRT.

    python scripts/golden/ops.py inference/testdata/ops.zip
    python scripts/golden/ops.py /tmp/ops.zip --seed 777 --times 10

The archive holds, per case NAME: NAME.tflite, and NAME.golden with a text
header and the raw output bytes of CASES seeded inputs (see models.py). The
draw is seeded: the same versions make the same archive. With another seed it makes
models nobody has tuned anything to; DUNLIN_OPS=FILE points the test at them.
"""
import argparse
import ctypes
import importlib.metadata
import zipfile

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s
from ai_edge_litert.interpreter import Interpreter

from models import seeded_input

CASES = 4
rng = None  # set by main
T, OP = s.TensorType, s.BuiltinOperator
NUMPY = {T.INT8: np.int8, T.UINT8: np.uint8, T.INT32: np.int32, T.FLOAT32: np.float32}


class Model:
    """One subgraph under construction."""

    def __init__(self):
        self.m = s.ModelT()
        self.m.version = 3
        self.m.description = "dunlin golden"
        self.m.buffers = [s.BufferT()]
        self.m.operatorCodes = []
        self.g = s.SubGraphT()
        self.g.name, self.g.tensors, self.g.operators = "main", [], []
        self.m.subgraphs = [self.g]

    def tensor(self, name, typ, shape, scale=None, zero=None, axis=0, data=None):
        t = s.TensorT()
        t.name, t.type, t.shape = name, typ, list(shape)
        t.buffer = 0
        if data is not None:
            b = s.BufferT()
            b.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.m.buffers.append(b)
            t.buffer = len(self.m.buffers) - 1
        if scale is not None:
            q = s.QuantizationParametersT()
            q.scale = np.atleast_1d(np.asarray(scale, np.float32))
            q.zeroPoint = np.atleast_1d(np.asarray(zero, np.int64))
            q.quantizedDimension = axis
            t.quantization = q
        self.g.tensors.append(t)
        return len(self.g.tensors) - 1

    def op(self, code, version, inputs, outputs, kind=None, options=None):
        c = s.OperatorCodeT()
        c.builtinCode, c.deprecatedBuiltinCode, c.version = code, min(code, 127), version
        self.m.operatorCodes.append(c)
        o = s.OperatorT()
        o.opcodeIndex = len(self.m.operatorCodes) - 1
        o.inputs, o.outputs = inputs, outputs
        if kind is not None:
            o.builtinOptionsType, o.builtinOptions = kind, options
        self.g.operators.append(o)

    def bytes(self, inputs, outputs):
        self.g.inputs, self.g.outputs = inputs, outputs
        b = flatbuffers.Builder(1024)
        b.Finish(self.m.Pack(b), b"TFL3")
        return bytes(b.Output())


def scale(lo=0.004, hi=0.2):
    return np.float32(np.exp(rng.uniform(np.log(lo), np.log(hi))))


def zero(t=T.INT8):
    z = int(rng.choice([-128, 127, 0, rng.integers(-128, 128)]))
    return z + 128 if t == T.UINT8 else z


def options(cls, **kw):
    o = cls()
    for k, v in kw.items():
        setattr(o, k, v)
    return o


def window(size, k, stride, dilation, same):
    span = (k - 1) * dilation + 1
    return (size + stride - 1) // stride if same else (size - span) // stride + 1


def geometry():
    """Draw a window that fits: returns h, w, kh, kw, sh, sw, dh, dw, same, oh, ow."""
    while True:
        h, w = (int(v) for v in rng.integers(1, 14, 2))
        kh, kw = (int(v) for v in rng.choice([1, 1, 2, 3, 3, 5], 2))
        sh, sw = (int(v) for v in rng.choice([1, 1, 2, 3], 2))
        dh, dw = (int(v) for v in rng.choice([1, 1, 1, 2], 2))
        same = bool(rng.integers(2))
        oh, ow = window(h, kh, sh, dh, same), window(w, kw, sw, dw, same)
        if oh >= 1 and ow >= 1:
            return h, w, kh, kw, sh, sw, dh, dw, same, oh, ow


def layer(m, t, x, filter_shape, axis, channels, depth, xs, out_shape):
    """Filter, bias and output tensors whose sums use the output range."""
    per_channel = t == T.INT8 and bool(rng.integers(2))
    ws = np.array([scale(0.002, 0.02) for _ in range(channels if per_channel else 1)], np.float32)
    wz = 0 if t == T.INT8 else int(rng.integers(0, 256))
    w = rng.integers(-127, 128, filter_shape).astype(np.int8) if t == T.INT8 else rng.integers(0, 256, filter_shape).astype(np.uint8)
    spread = np.float32(xs * ws.mean() * 73 * 60 * np.sqrt(depth))
    os_ = np.float32(spread / rng.uniform(40, 400))
    bias = rng.integers(-3000, 3000, channels).astype(np.int32)
    f = m.tensor("filter", t, filter_shape, ws, [wz] * len(ws), axis if per_channel else 0, w)
    b = m.tensor("bias", T.INT32, [channels], np.float32(xs) * ws, [0] * len(ws), 0, bias)
    y = m.tensor("y", t, out_shape, os_, zero(t))
    return [x, f, b], y


def conv(i, t=T.INT8):
    m = Model()
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = geometry()
    groups = int(rng.choice([1, 1, 1, 2]))
    ci, co, n = int(rng.integers(1, 20)), int(rng.integers(1, 20)) * groups, int(rng.integers(1, 3))
    xs = scale()
    x = m.tensor("x", t, [n, h, w, ci * groups], xs, zero(t))
    ins, y = layer(m, t, x, [co, kh, kw, ci], 0, co, kh * kw * ci, xs, [n, oh, ow, co])
    act = int(rng.integers(0, 4))
    m.op(OP.CONV_2D, 3, ins, [y], s.BuiltinOptions.Conv2DOptions, options(
        s.Conv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, dilationHFactor=dh, dilationWFactor=dw,
        fusedActivationFunction=act))
    return m.bytes([x], [y])


def depthwise(i, t=T.INT8):
    m = Model()
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = geometry()
    if dh > 1 or dw > 1:
        sh = sw = 1
        oh, ow = window(h, kh, 1, dh, same), window(w, kw, 1, dw, same)
        if oh < 1 or ow < 1:
            return depthwise(i, t)
    ci, mult, n = int(rng.integers(1, 20)), int(rng.choice([1, 1, 2, 3, 8])), int(rng.integers(1, 3))
    xs = scale()
    x = m.tensor("x", t, [n, h, w, ci], xs, zero(t))
    ins, y = layer(m, t, x, [1, kh, kw, ci * mult], 3, ci * mult, kh * kw, xs, [n, oh, ow, ci * mult])
    m.op(OP.DEPTHWISE_CONV_2D, 3, ins, [y], s.BuiltinOptions.DepthwiseConv2DOptions, options(
        s.DepthwiseConv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, depthMultiplier=mult,
        dilationHFactor=dh, dilationWFactor=dw, fusedActivationFunction=int(rng.integers(0, 4))))
    return m.bytes([x], [y])


def fully_connected(i, t=T.INT8):
    m = Model()
    n, k, u = int(rng.integers(1, 6)), int(rng.integers(1, 200)), int(rng.integers(1, 40))
    xs = scale()
    x = m.tensor("x", t, [n, k], xs, zero(t))
    ins, y = layer(m, t, x, [u, k], 0, u, k, xs, [n, u])
    if rng.integers(4) == 0:
        ins[2] = -1
    m.op(OP.FULLY_CONNECTED, 4, ins, [y], s.BuiltinOptions.FullyConnectedOptions, options(
        s.FullyConnectedOptionsT, fusedActivationFunction=int(rng.integers(0, 4))))
    return m.bytes([x], [y])


def add(i, t=T.INT8, op=OP.ADD, kind=s.BuiltinOptions.AddOptions, cls=s.AddOptionsT):
    m = Model()
    shape = [1, int(rng.integers(1, 6)), int(rng.integers(1, 6)), int(rng.integers(1, 20))]
    # Equal shapes, one element, one or more dimensions repeated, a lower rank.
    other = [shape, [1, 1, 1, 1], [d if rng.integers(2) else 1 for d in shape], shape[int(rng.integers(1, 4)):]][i % 4]
    a = m.tensor("a", t, shape, scale(), zero(t))
    if i % 5 == 4:
        b = m.tensor("b", t, other, scale(), zero(t), 0, rng.integers(-128, 128, other).astype(np.int8))
    else:
        b = m.tensor("b", t, other, scale(), zero(t))
    y = m.tensor("y", t, shape, scale(0.01, 0.4), zero(t))
    ins = [a, b] if i % 2 else [b, a]
    m.op(op, 2, ins, [y], kind, options(cls, fusedActivationFunction=int(rng.integers(0, 4))))
    return m.bytes([a] if i % 5 == 4 else [a, b], [y])


def pool(i, t=T.INT8):
    m = Model()
    h, w, kh, kw, sh, sw, _, _, same, _, _ = geometry()
    oh, ow = window(h, kh, sh, 1, same), window(w, kw, sw, 1, same)
    if oh < 1 or ow < 1:
        return pool(i, t)
    c, n = int(rng.integers(1, 30)), int(rng.integers(1, 3))
    sc, z = scale(), zero(t)
    x = m.tensor("x", t, [n, h, w, c], sc, z)
    y = m.tensor("y", t, [n, oh, ow, c], sc, z)
    m.op(OP.AVERAGE_POOL_2D if i % 2 else OP.MAX_POOL_2D, 2, [x], [y], s.BuiltinOptions.Pool2DOptions, options(
        s.Pool2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, filterHeight=kh, filterWidth=kw,
        fusedActivationFunction=int(rng.integers(0, 4))))
    return m.bytes([x], [y])


def mean(i, t=T.INT8):
    m = Model()
    shape = [int(rng.integers(1, 3))] + [int(v) for v in rng.integers(1, 12, 3)]
    axes = [[1, 2], [3], [1], [2, 3], [-1], [0, 1, 2]][i % 6]
    keep = bool(rng.integers(2))
    norm = {a % 4 for a in axes}
    out = [1 if d in norm else v for d, v in enumerate(shape) if keep or d not in norm]
    x = m.tensor("x", t, shape, scale(), zero(t))
    ax = m.tensor("axes", T.INT32, [len(axes)], data=np.array(axes, np.int32))
    y = m.tensor("y", t, out, scale(), zero(t))
    m.op(OP.MEAN, 2, [x, ax], [y], s.BuiltinOptions.ReducerOptions, options(s.ReducerOptionsT, keepDims=keep))
    return m.bytes([x], [y])


def pad(i):
    m = Model()
    shape = [1] + [int(v) for v in rng.integers(1, 6, 3)]
    amount = rng.integers(0, 4, (4, 2)).astype(np.int32)
    sc, z = scale(), zero()
    x = m.tensor("x", T.INT8, shape, sc, z)
    p = m.tensor("paddings", T.INT32, [4, 2], data=amount)
    y = m.tensor("y", T.INT8, [d + int(a[0] + a[1]) for d, a in zip(shape, amount)], sc, z)
    m.op(OP.PAD, 2, [x, p], [y], s.BuiltinOptions.PadOptions, s.PadOptionsT())
    return m.bytes([x], [y])


def requantize(i):
    m = Model()
    a, b = [(T.INT8, T.INT8), (T.UINT8, T.INT8), (T.INT8, T.UINT8), (T.UINT8, T.UINT8)][i % 4]
    zx = zero() + (128 if a == T.UINT8 else 0)
    zy = zero() + (128 if b == T.UINT8 else 0)
    sx = scale()
    # A third straddles the delegate's range of ratios, 1/256 to 128.
    sy = sx * np.float32(rng.choice([300, 1 / 200, 256, 1 / 128])) if i % 3 == 2 else scale()
    n = int(rng.choice([64, 256, 250, 13]))  # whole blocks of 16, and tails
    x = m.tensor("x", a, [1, n], sx, zx)
    y = m.tensor("y", b, [1, n], sy, zy)
    m.op(OP.QUANTIZE, 2, [x], [y], s.BuiltinOptions.QuantizeOptions, s.QuantizeOptionsT())
    return m.bytes([x], [y])


def float_edge(i):
    """int8 -> float32 -> int8: DEQUANTIZE and QUANTIZE of float in one model."""
    m = Model()
    a, b = [(T.INT8, T.INT8), (T.UINT8, T.INT8), (T.INT8, T.UINT8)][i % 3]
    x = m.tensor("x", a, [1, 64], scale(), zero() + (128 if a == T.UINT8 else 0))
    f = m.tensor("f", T.FLOAT32, [1, 64])
    y = m.tensor("y", b, [1, 64], scale(), zero() + (128 if b == T.UINT8 else 0))
    m.op(OP.DEQUANTIZE, 2, [x], [f], s.BuiltinOptions.DequantizeOptions, s.DequantizeOptionsT())
    m.op(OP.QUANTIZE, 1, [f], [y], s.BuiltinOptions.QuantizeOptions, s.QuantizeOptionsT())
    return m.bytes([x], [f, y])


def softmax(i, t=T.INT8, u=T.INT8):
    m = Model()
    shape = [int(rng.integers(1, 4)), int(rng.choice([1, 2, 3, 10, 100, 1001]))]
    x = m.tensor("x", t, shape, scale(0.01, 0.5), zero(t))
    y = m.tensor("y", u, shape, np.float32(1 / 256), -128 if u == T.INT8 else 0)
    beta = float(rng.choice([1.0, 1.0, 0.5, 2.0]))
    m.op(OP.SOFTMAX, 2, [x], [y], s.BuiltinOptions.SoftmaxOptions, options(s.SoftmaxOptionsT, beta=beta))
    return m.bytes([x], [y])


def reshape(i):
    m = Model()
    sc, z = scale(), zero()
    x = m.tensor("x", T.INT8, [2, 3, 4], sc, z)
    to = [[6, 4], [24], [1, 2, 12], [2, 1, 3, 4]][i % 4]
    p = m.tensor("shape", T.INT32, [len(to)], data=np.array(to, np.int32))
    y = m.tensor("y", T.INT8, to, sc, z)
    m.op(OP.RESHAPE, 1, [x, p], [y], s.BuiltinOptions.ReshapeOptions, options(s.ReshapeOptionsT, newShape=to))
    return m.bytes([x], [y])


def some_type(i):
    """A type that operators which only move elements take, with quantization."""
    t = [T.INT8, T.UINT8, T.FLOAT32, T.INT32, T.INT16][i % 5]
    if t in (T.FLOAT32, T.INT32):
        return t, {}
    z = 0 if t == T.INT16 else zero() + (128 if t == T.UINT8 else 0)
    return t, {"scale": scale(), "zero": z}


def some_shape(rank, hi=6):
    return [int(v) for v in rng.integers(1, hi, rank)]


def ints(m, name, values):
    return m.tensor(name, T.INT32, [len(values)], data=np.array(values, np.int32))


def transpose(i):
    m = Model()
    t, q = some_type(i)
    shape = some_shape(int(rng.integers(2, 5)))
    perm = [int(v) for v in rng.permutation(len(shape))]
    x = m.tensor("x", t, shape, **q)
    y = m.tensor("y", t, [shape[p] for p in perm], **q)
    m.op(OP.TRANSPOSE, 2, [x, ints(m, "perm", perm)], [y], s.BuiltinOptions.TransposeOptions, s.TransposeOptionsT())
    return m.bytes([x], [y])


def slice_(i):
    m = Model()
    t, q = some_type(i)
    shape = some_shape(int(rng.integers(1, 5)), 8)
    begin = [int(rng.integers(0, d)) for d in shape]
    size = [int(rng.integers(1, d - b + 1)) for d, b in zip(shape, begin)]
    out = list(size)
    if i % 2:
        size[-1], out[-1] = -1, shape[-1] - begin[-1]
    x = m.tensor("x", t, shape, **q)
    y = m.tensor("y", t, out, **q)
    m.op(OP.SLICE, 2, [x, ints(m, "begin", begin), ints(m, "size", size)], [y], s.BuiltinOptions.SliceOptions, s.SliceOptionsT())
    return m.bytes([x], [y])


def strided_slice(i):
    m = Model()
    t, q = some_type(i)
    while True:
        shape = some_shape(int(rng.integers(1, 5)), 9)
        rank = len(shape)
        begin = [int(v) for v in rng.integers(-10, 10, rank)]
        end = [int(v) for v in rng.integers(-10, 10, rank)]
        stride = [int(v) for v in rng.choice([1, 1, 2, 3, -1, -2], rank)]
        bm, em, sm = (int(v) for v in rng.integers(0, 1 << rank, 3))
        sm &= int(rng.integers(0, 1 << rank))
        index, ok = [], True
        for d in range(rank):
            if sm >> d & 1:
                stride[d] = 1
                ok = ok and -shape[d] <= begin[d] < shape[d]
                index.append(begin[d])
                end[d] = begin[d] + 1
            else:
                index.append(slice(None if bm >> d & 1 else begin[d], None if em >> d & 1 else end[d], stride[d]))
        if not ok:
            continue
        out = np.zeros(shape)[tuple(index)].shape
        if 0 not in out and len(out) > 0:
            break
    x = m.tensor("x", t, shape, **q)
    y = m.tensor("y", t, out, **q)
    m.op(OP.STRIDED_SLICE, 2, [x] + [ints(m, n, v) for n, v in (("begin", begin), ("end", end), ("strides", stride))], [y],
         s.BuiltinOptions.StridedSliceOptions, options(s.StridedSliceOptionsT, beginMask=bm, endMask=em, shrinkAxisMask=sm))
    return m.bytes([x], [y])


def concatenation(i):
    m = Model()
    t, q = some_type(i)
    shape = some_shape(int(rng.integers(1, 5)))
    axis = int(rng.integers(-len(shape), len(shape)))
    xs, total = [], 0
    for k in range(int(rng.integers(1, 5))):
        sh = list(shape)
        sh[axis] = int(rng.integers(1, 6))
        total += sh[axis]
        xs.append(m.tensor("x%d" % k, t, sh, **q))
    out = list(shape)
    out[axis] = total
    y = m.tensor("y", t, out, **q)
    m.op(OP.CONCATENATION, 2, xs, [y], s.BuiltinOptions.ConcatenationOptions, options(s.ConcatenationOptionsT, axis=axis))
    return m.bytes(xs, [y])


def pack(i):
    m = Model()
    t, q = some_type(i)
    shape = some_shape(int(rng.integers(1, 4)))
    axis, n = int(rng.integers(-len(shape) - 1, len(shape) + 1)), int(rng.integers(1, 5))
    xs = [m.tensor("x%d" % k, t, shape, **q) for k in range(n)]
    out = list(shape)
    out.insert(axis % (len(shape) + 1), n)
    y = m.tensor("y", t, out, **q)
    m.op(OP.PACK, 2, xs, [y], s.BuiltinOptions.PackOptions, options(s.PackOptionsT, valuesCount=n, axis=axis))
    return m.bytes(xs, [y])


def unpack(i):
    m = Model()
    t, q = some_type(i)
    shape = some_shape(int(rng.integers(2, 5)))
    axis = int(rng.integers(-len(shape), len(shape)))
    x = m.tensor("x", t, shape, **q)
    out = list(shape)
    n = out.pop(axis)
    ys = [m.tensor("y%d" % k, t, out, **q) for k in range(n)]
    m.op(OP.UNPACK, 2, [x], ys, s.BuiltinOptions.UnpackOptions, options(s.UnpackOptionsT, num=n, axis=axis))
    return m.bytes([x], ys)


def split(i):
    m = Model()
    t, q = some_type(i)
    shape = some_shape(int(rng.integers(1, 5)))
    axis, n = int(rng.integers(-len(shape), len(shape))), int(rng.integers(1, 4))
    out = list(shape)
    shape[axis] *= n
    ax = m.tensor("axis", T.INT32, [], data=np.array([axis], np.int32))
    x = m.tensor("x", t, shape, **q)
    ys = [m.tensor("y%d" % k, t, out, **q) for k in range(n)]
    m.op(OP.SPLIT, 2, [ax, x], ys, s.BuiltinOptions.SplitOptions, options(s.SplitOptionsT, numSplits=n))
    return m.bytes([x], ys)


def split_v(i):
    m = Model()
    t, q = [(T.INT8, {"scale": 0.1, "zero": 3}), (T.FLOAT32, {}), (T.UINT8, {"scale": 0.1, "zero": 3})][i % 3]
    shape = some_shape(int(rng.integers(1, 5)))
    axis = int(rng.integers(-len(shape), len(shape)))
    sizes = some_shape(int(rng.integers(1, 4)))
    shape[axis] = sum(sizes)
    outs = [[k if d == axis % len(shape) else v for d, v in enumerate(shape)] for k in sizes]
    if i % 2:
        sizes[int(rng.integers(len(sizes)))] = -1
    x = m.tensor("x", t, shape, **q)
    ax = m.tensor("axis", T.INT32, [], data=np.array([axis], np.int32))
    ys = [m.tensor("y%d" % k, t, o, **q) for k, o in enumerate(outs)]
    m.op(OP.SPLIT_V, 2, [x, ints(m, "sizes", sizes), ax], ys, s.BuiltinOptions.SplitVOptions, options(s.SplitVOptionsT, numSplits=len(sizes)))
    return m.bytes([x], ys)


def tile(i):
    m = Model()
    t, q = [(T.INT8, {"scale": 0.1, "zero": 3}), (T.FLOAT32, {}), (T.INT32, {})][i % 3]
    shape = some_shape(int(rng.integers(1, 4)))
    times = [int(v) for v in rng.integers(1, 4, len(shape))]
    x = m.tensor("x", t, shape, **q)
    y = m.tensor("y", t, [a * b for a, b in zip(shape, times)], **q)
    m.op(OP.TILE, 1, [x, ints(m, "times", times)], [y], s.BuiltinOptions.TileOptions, s.TileOptionsT())
    return m.bytes([x], [y])


def broadcast_to(i):
    m = Model()
    t, q = [(T.INT8, {"scale": 0.1, "zero": 3}), (T.FLOAT32, {}), (T.INT32, {})][i % 3]
    out = some_shape(int(rng.integers(1, 5)))
    shape = [1 if rng.integers(2) else v for v in out][int(rng.integers(0, len(out))):]
    x = m.tensor("x", t, shape, **q)
    y = m.tensor("y", t, out, **q)
    m.op(OP.BROADCAST_TO, 2, [x, ints(m, "shape", out)], [y], s.BuiltinOptions.BroadcastToOptions, s.BroadcastToOptionsT())
    return m.bytes([x], [y])


def reverse(i):
    m = Model()
    t = [T.FLOAT32, T.INT32, T.UINT8, T.INT16][i % 4]
    shape = some_shape(int(rng.integers(1, 5)))
    x, y = m.tensor("x", t, shape), m.tensor("y", t, shape)
    m.op(OP.REVERSE_V2, 1, [x, ints(m, "axis", [int(rng.integers(len(shape)))])], [y], s.BuiltinOptions.ReverseV2Options, s.ReverseV2OptionsT())
    return m.bytes([x], [y])


def squares(i):
    m = Model()
    t, q = [(T.INT8, {"scale": 0.1, "zero": 3}), (T.FLOAT32, {}), (T.UINT8, {"scale": 0.1, "zero": 3})][i % 3]
    n, h, w, c = some_shape(4)
    b = int(rng.integers(1, 4))
    wide, deep = [n, h * b, w * b, c], [n, h, w, c * b * b]
    if i % 2:
        x, y = m.tensor("x", t, deep, **q), m.tensor("y", t, wide, **q)
        m.op(OP.DEPTH_TO_SPACE, 1, [x], [y], s.BuiltinOptions.DepthToSpaceOptions, options(s.DepthToSpaceOptionsT, blockSize=b))
    else:
        x, y = m.tensor("x", t, wide, **q), m.tensor("y", t, deep, **q)
        m.op(OP.SPACE_TO_DEPTH, 1, [x], [y], s.BuiltinOptions.SpaceToDepthOptions, options(s.SpaceToDepthOptionsT, blockSize=b))
    return m.bytes([x], [y])


def rename(i):
    m = Model()
    t, q = some_type(i)
    if i % 2:
        x, y = m.tensor("x", t, [1, 3, 1, 4], **q), m.tensor("y", t, [3, 4], **q)
        m.op(OP.SQUEEZE, 1, [x], [y], s.BuiltinOptions.SqueezeOptions, options(s.SqueezeOptionsT, squeezeDims=[0, 2]))
    else:
        x, y = m.tensor("x", t, [3, 4], **q), m.tensor("y", t, [3, 1, 4], **q)
        ax = m.tensor("axis", T.INT32, [], data=np.array([1], np.int32))
        m.op(OP.EXPAND_DIMS, 1, [x, ax], [y], s.BuiltinOptions.ExpandDimsOptions, s.ExpandDimsOptionsT())
    return m.bytes([x], [y])


def pad_any(i):
    """PAD and PADV2 of any type, ranks 1 to 4."""
    m = Model()
    t, q = [(T.INT8, {"scale": 0.1, "zero": -3}), (T.FLOAT32, {}), (T.UINT8, {"scale": 0.1, "zero": 7}), (T.INT32, {})][i % 4]
    shape = some_shape(int(rng.integers(1, 5)))
    amount = rng.integers(0, 4, (len(shape), 2)).astype(np.int32)
    x = m.tensor("x", t, shape, **q)
    p = m.tensor("paddings", T.INT32, [len(shape), 2], data=amount)
    y = m.tensor("y", t, [d + int(a[0] + a[1]) for d, a in zip(shape, amount)], **q)
    if i % 3 == 0:
        v = m.tensor("value", t, [1], data=np.array([5], NUMPY[t]), **q)
        m.op(OP.PADV2, 2, [x, p, v], [y], s.BuiltinOptions.PadV2Options, s.PadV2OptionsT())
    else:
        m.op(OP.PAD, 2, [x, p], [y], s.BuiltinOptions.PadOptions, s.PadOptionsT())
    return m.bytes([x], [y])


def sub(i, t=T.INT8):
    return add(i, t, OP.SUB, s.BuiltinOptions.SubOptions, s.SubOptionsT)


def mul(i, t=T.INT8):
    return add(i, t, OP.MUL, s.BuiltinOptions.MulOptions, s.MulOptionsT)


LIBM = ctypes.CDLL("libm.so.6")
LIBM.tanhf.restype, LIBM.tanhf.argtypes = ctypes.c_float, [ctypes.c_float]


def tanh_agrees(xs, zx):
    """Whether LiteRT's TANH of this quantization is the correctly rounded one.

    LiteRT calls the C library's tanhf, which is off by a unit in the last place
    here and there (glibc 2.36), and another one elsewhere. NUMERICS.md rounds
    correctly.
    """
    for q in range(-128, 256):
        x = np.float32(np.float32(q - zx) * np.float32(xs))
        if np.rint(np.float32(LIBM.tanhf(float(x))) * np.float32(128)) != np.rint(np.float32(np.tanh(np.float64(x))) * np.float32(128)):
            return False
    return True


def unary(i, t=T.INT8):
    """LOGISTIC, TANH, LEAKY_RELU and the activations that stand alone."""
    m = Model()
    op = [OP.LOGISTIC, OP.TANH, OP.LEAKY_RELU, OP.RELU, OP.RELU6, OP.RELU_N1_TO_1, OP.RELU_0_TO_1][i % 7]
    n = int(rng.choice([64, 256, 250, 13]))
    kind, opt = None, None
    sy, zy = scale(0.01, 0.2), zero(t)
    if op == OP.LOGISTIC:
        sy, zy = np.float32(1 / 256), -128 if t == T.INT8 else 0
    if op == OP.TANH:
        sy, zy = np.float32(1 / 128), 0 if t == T.INT8 else 128
    if op == OP.LEAKY_RELU:
        kind, opt = s.BuiltinOptions.LeakyReluOptions, options(s.LeakyReluOptionsT, alpha=float(rng.choice([0.1, 0.3, 1.5, -0.4])))
    if op == OP.RELU_0_TO_1 and t == T.UINT8:
        op = OP.RELU  # LiteRT has no uint8 kernel of it
    sx, zx = scale(0.01, 0.2), zero(t)
    while op == OP.TANH and not tanh_agrees(sx, zx):
        sx = scale(0.01, 0.2)
    x = m.tensor("x", t, [1, n], sx, zx)
    y = m.tensor("y", t, [1, n], sy, zy)
    m.op(op, 1 if op in (OP.RELU_N1_TO_1, OP.RELU_0_TO_1) else 2, [x], [y], kind, opt)
    return m.bytes([x], [y])


def resize(i, t=T.INT8):
    m = Model()
    n, h, w, c = 1 + i % 2, *some_shape(3, 12)
    oh, ow = some_shape(2, 20)
    align, half = [(False, False), (True, False), (False, True)][i % 3]
    q = {"scale": 0.1, "zero": 3}
    x, y = m.tensor("x", t, [n, h, w, c], **q), m.tensor("y", t, [n, oh, ow, c], **q)
    size = ints(m, "size", [oh, ow])
    if i % 2:
        m.op(OP.RESIZE_BILINEAR, 3, [x, size], [y], s.BuiltinOptions.ResizeBilinearOptions,
             options(s.ResizeBilinearOptionsT, alignCorners=align, halfPixelCenters=half))
    else:
        m.op(OP.RESIZE_NEAREST_NEIGHBOR, 3, [x, size], [y], s.BuiltinOptions.ResizeNearestNeighborOptions,
             options(s.ResizeNearestNeighborOptionsT, alignCorners=align, halfPixelCenters=half))
    return m.bytes([x], [y])


def arg_max(i):
    m = Model()
    t = [T.INT8, T.UINT8, T.INT32][i % 3]
    shape = some_shape(int(rng.integers(1, 5)), 8)
    axis = int(rng.integers(-len(shape), len(shape)))
    out = list(shape)
    out.pop(axis)
    o = [T.INT32, T.INT64][i % 2]
    x = m.tensor("x", t, shape)
    a = m.tensor("axis", T.INT32, [], data=np.array([axis], np.int32))
    y = m.tensor("y", o, out)
    m.op(OP.ARG_MAX, 2, [x, a], [y], s.BuiltinOptions.ArgMaxOptions, options(s.ArgMaxOptionsT, outputType=o))
    return m.bytes([x], [y])


def uint8(make):
    def made(i):
        return make(i, T.UINT8)
    made.__name__ = make.__name__ + "_u8"
    return made


def softmax_u8(i):
    return softmax(i, T.UINT8, T.UINT8)


PLAN = [(conv, 40), (depthwise, 40), (fully_connected, 20), (add, 30), (pool, 30), (mean, 18), (pad, 8),
        (requantize, 48), (float_edge, 9), (softmax, 16), (reshape, 4),
        (transpose, 15), (slice_, 15), (strided_slice, 30), (concatenation, 15), (pack, 10), (unpack, 10), (split, 10),
        (split_v, 9), (tile, 9), (broadcast_to, 9), (reverse, 8), (squares, 12), (rename, 10), (pad_any, 16),
        (uint8(conv), 20), (uint8(depthwise), 20), (uint8(fully_connected), 10), (uint8(add), 15), (uint8(pool), 15),
        (uint8(mean), 12), (softmax_u8, 8),
        (sub, 20), (uint8(sub), 10), (mul, 20), (uint8(mul), 10), (unary, 42), (uint8(unary), 28),
        (resize, 36), (uint8(resize), 24), (arg_max, 12)]


def run(data):
    it = Interpreter(model_content=data, num_threads=1)
    it.allocate_tensors()
    body = b""
    for case in range(CASES):
        for k, d in enumerate(it.get_input_details()):
            it.set_tensor(d["index"], seeded_input(case, k, d["dtype"], d["shape"]))
        it.invoke()
        for d in it.get_output_details():
            body += np.ascontiguousarray(it.get_tensor(d["index"])).tobytes()
    return body


def main(path, seed, times):
    global rng
    rng = np.random.default_rng(seed)
    version = importlib.metadata.version("ai-edge-litert")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        def write(name, data):
            z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
        for make, count in PLAN:
            for i in range(count * times):
                name, data = "%s_%03d" % (make.__name__, i), make(i)
                head = "model %s.tflite\nlitert %s\ncases %d\n\n" % (name, version, CASES)
                write(name + ".tflite", data)
                write(name + ".golden", head.encode() + run(data))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261123)
    p.add_argument("--times", type=int, default=1, help="cases relative to the committed archive")
    a = p.parse_args()
    main(a.out, a.seed, a.times)
