#!/usr/bin/env python3
"""Make one-operator models of int16 and of rarer operators; record LiteRT.

    python scripts/golden/ops_more.py inference/testdata/ops_more.zip
    python scripts/golden/ops_more.py /tmp/more.zip --seed 777 --times 10

The archive is like that of ops.py, and DUNLIN_OPS=FILE points the same test at
another one.
"""
import argparse

import numpy as np
from flatbuffers import flexbuffers
from ai_edge_litert import schema_py_generated as s

import ops
from ops import OP, T, Model, geometry, ints, options, scale, some_shape, window, zero

ops.NUMPY[T.INT16], ops.NUMPY[T.INT64] = np.int16, np.int64


def rng():
    return ops.rng


def draw(*a):
    return int(ops.rng.integers(*a))


def full(t, shape):
    """Constants over the whole range of a type."""
    info = np.iinfo(ops.NUMPY[t])
    return rng().integers(info.min, info.max, shape, endpoint=True).astype(ops.NUMPY[t])


def scale16():
    return scale(1e-4, 2e-2)


def layer16(m, x, filter_shape, axis, channels, depth, xs, out_shape, per_channel=None, bare=True):
    """Filter, int64 bias and output of a layer of int16 activations."""
    if per_channel is None:
        per_channel = bool(draw(2))
    ws = np.array([scale(0.002, 0.02) for _ in range(channels if per_channel else 1)], np.float32)
    w = rng().integers(-127, 128, filter_shape).astype(np.int8)
    spread = np.float32(xs * ws.mean() * 73 * 12000 * np.sqrt(depth))
    bias = rng().integers(-500000, 500000, channels).astype(np.int64)
    f = m.tensor("filter", T.INT8, filter_shape, ws, [0] * len(ws), axis if per_channel else 0, w)
    b = m.tensor("bias", T.INT64, [channels], np.float32(xs) * ws, [0] * len(ws), 0, bias)
    y = m.tensor("y", T.INT16, out_shape, np.float32(spread / rng().uniform(4000, 90000)), 0)
    return [x, f] if bare and draw(4) == 0 else [x, f, b], y


def conv16(i):
    m = Model()
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = geometry()
    groups = int(rng().choice([1, 1, 1, 2]))
    ci, co, n = draw(1, 20), draw(1, 20) * groups, draw(1, 3)
    xs = scale16()
    x = m.tensor("x", T.INT16, [n, h, w, ci * groups], xs, 0)
    ins, y = layer16(m, x, [co, kh, kw, ci], 0, co, kh * kw * ci, xs, [n, oh, ow, co], bare=False)
    m.op(OP.CONV_2D, 4, ins, [y], s.BuiltinOptions.Conv2DOptions, options(
        s.Conv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, dilationHFactor=dh, dilationWFactor=dw,
        fusedActivationFunction=draw(4)))
    return m.bytes([x], [y])


def depthwise16(i):
    m = Model()
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = geometry()
    ci, mult, n = draw(1, 12), int(rng().choice([1, 1, 2, 3])), draw(1, 3)
    xs = scale16()
    x = m.tensor("x", T.INT16, [n, h, w, ci], xs, 0)
    # LiteRT wants one scale a channel here.
    ins, y = layer16(m, x, [1, kh, kw, ci * mult], 3, ci * mult, kh * kw, xs, [n, oh, ow, ci * mult], True)
    m.op(OP.DEPTHWISE_CONV_2D, 5, ins, [y], s.BuiltinOptions.DepthwiseConv2DOptions, options(
        s.DepthwiseConv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, depthMultiplier=mult,
        dilationHFactor=dh, dilationWFactor=dw, fusedActivationFunction=draw(4)))
    return m.bytes([x], [y])


def fully_connected16(i):
    m = Model()
    n, k, u = draw(1, 6), draw(1, 200), draw(1, 40)
    xs = scale16()
    x = m.tensor("x", T.INT16, [n, k], xs, 0)
    ins, y = layer16(m, x, [u, k], 0, u, k, xs, [n, u], bare=False)
    m.op(OP.FULLY_CONNECTED, 7, ins, [y], s.BuiltinOptions.FullyConnectedOptions, options(
        s.FullyConnectedOptionsT, fusedActivationFunction=draw(4)))
    return m.bytes([x], [y])


def transpose_conv16(i):
    m = Model()
    h, w, kh, kw, sh, sw, _, _, same, _, _ = geometry()
    oh, ow = window(h, kh, sh, 1, same), window(w, kw, sw, 1, same)
    if oh < 1 or ow < 1:
        return transpose_conv16(i)
    ci, co, n = draw(1, 12), draw(1, 12), draw(1, 3)
    xs = scale16()
    shape = ints(m, "shape", [n, h, w, co])
    x = m.tensor("x", T.INT16, [n, oh, ow, ci], xs, 0)
    (x, f, *b), y = layer16(m, x, [co, kh, kw, ci], 0, co, kh * kw * ci, xs, [n, h, w, co])
    m.op(OP.TRANSPOSE_CONV, 4, [shape, f, x] + b, [y], s.BuiltinOptions.TransposeConvOptions, options(
        s.TransposeConvOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, fusedActivationFunction=draw(4)))
    return m.bytes([x], [y])


def broadcast_pair(i):
    shape = [1, draw(1, 6), draw(1, 6), draw(1, 20)]
    other = [shape, [1, 1, 1, 1], [d if draw(2) else 1 for d in shape], shape[draw(1, 4):]][i % 4]
    return shape, other


def binary16(op, kind, cls, product=False):
    def make(i):
        m = Model()
        shape, other = broadcast_pair(i)
        sa, sb = scale16(), scale16()
        if i % 7 == 6 and not product:
            sb = np.float32(sa * rng().choice([1e-5, 1e5]))
        spread = sa * sb * 32767 if product else max(sa, sb)
        a = m.tensor("a", T.INT16, shape, sa, 0)
        fixed = i % 3 == 2
        b = m.tensor("b", T.INT16, other, sb, 0, 0, full(T.INT16, other) if fixed else None)
        y = m.tensor("y", T.INT16, shape, np.float32(spread * rng().uniform(0.3, 3)), 0)
        opt = {"fusedActivationFunction": draw(4)}
        if not product:
            opt["potScaleInt16"] = bool(i % 2)
        m.op(op, 4, [a, b] if draw(2) else [b, a], [y], kind, options(cls, **opt))
        return m.bytes([a] if fixed else [a, b], [y])
    return make


add16 = binary16(OP.ADD, s.BuiltinOptions.AddOptions, s.AddOptionsT)
sub16 = binary16(OP.SUB, s.BuiltinOptions.SubOptions, s.SubOptionsT)
mul16 = binary16(OP.MUL, s.BuiltinOptions.MulOptions, s.MulOptionsT, True)


def leaky_relu16(i):
    m = Model()
    n = int(rng().choice([64, 256, 250, 13]))
    xs = scale16()
    x = m.tensor("x", T.INT16, [1, n], xs, 0)
    y = m.tensor("y", T.INT16, [1, n], np.float32(xs * rng().uniform(0.3, 4)), 0)
    m.op(OP.LEAKY_RELU, 2, [x], [y], s.BuiltinOptions.LeakyReluOptions,
         options(s.LeakyReluOptionsT, alpha=float(rng().choice([0.1, 0.3, 0.01, 1.5, -0.4]))))
    return m.bytes([x], [y])


def quantize_wide(i):
    m = Model()
    a, b = [(T.INT32, T.INT8), (T.INT32, T.INT16), (T.INT16, T.INT8), (T.INT16, T.INT16), (T.INT16, T.INT32),
            (T.INT8, T.INT16), (T.UINT8, T.INT16)][i % 7]
    zx = zero(a) if a in (T.INT8, T.UINT8) else 0
    zy = zero(b) if b in (T.INT8, T.UINT8) else 0
    width = {T.INT8: 1, T.UINT8: 1, T.INT16: 129, T.INT32: 1}
    sx = scale16()
    sy = sx * np.float32(width[a] / width[b] * rng().choice([0.01, 0.1, 0.5, 1, 2, 3]) * rng().uniform(0.5, 2))
    x = m.tensor("x", a, [1, 250], sx, zx)
    y = m.tensor("y", b, [1, 250], np.float32(sy), zy)
    m.op(OP.QUANTIZE, 3, [x], [y], s.BuiltinOptions.QuantizeOptions, s.QuantizeOptionsT())
    return m.bytes([x], [y])


def batch_matmul16(i):
    m = Model()
    depth, rows, cols = draw(1, 40), draw(1, 9), draw(1, 9)
    lead = some_shape(draw(0, 4), 4)
    adj_x, adj_y = bool(draw(2)), bool(draw(2))
    sa = lead + ([depth, rows] if adj_x else [rows, depth])
    sb = [1 if draw(3) == 0 else v for v in lead][draw(0, len(lead) + 1):] + ([cols, depth] if adj_y else [depth, cols])
    t = T.INT8 if i % 3 == 2 else T.INT16
    xs, ws = scale16(), scale16()
    top = 127 if t == T.INT8 else 32767
    x = m.tensor("x", T.INT16, sa, xs, 0)
    fixed = bool(draw(2))
    w = m.tensor("w", t, sb, ws, 0, 0, full(t, sb) if fixed else None)
    y = m.tensor("y", T.INT16, lead + [rows, cols], np.float32(xs * ws * top * np.sqrt(depth) * rng().uniform(0.2, 1)), 0)
    m.op(OP.BATCH_MATMUL, 4, [x, w], [y], s.BuiltinOptions.BatchMatMulOptions,
         options(s.BatchMatMulOptionsT, adjX=adj_x, adjY=adj_y))
    return m.bytes([x] if fixed else [x, w], [y])


def concat_scaled(i):
    """uint8 parts, of which some are quantized unlike the output."""
    m = Model()
    shape = some_shape(draw(1, 5))
    axis, sy, zy, xs, total = draw(len(shape)), scale(0.02, 0.1), zero(T.UINT8), [], 0
    for k in range(draw(2, 5)):
        sh = list(shape)
        sh[axis] = draw(1, 9)
        total += sh[axis]
        alike = k and draw(3) == 0
        xs.append(m.tensor("x%d" % k, T.UINT8, sh, sy if alike else scale(0.005, 0.2), zy if alike else zero(T.UINT8)))
    y = m.tensor("y", T.UINT8, [total if d == axis else v for d, v in enumerate(shape)], sy, zy)
    m.op(OP.CONCATENATION, 2, xs, [y], s.BuiltinOptions.ConcatenationOptions, options(s.ConcatenationOptionsT, axis=axis))
    return m.bytes(xs, [y])


def detect(i):
    m = Model()
    t = [T.UINT8, T.FLOAT32][i % 2]
    anchors, classes, limit = draw(20, 200), draw(1, 8), draw(1, 12)
    rows = classes + draw(2)
    q = {"zero": 128, "scale": 0.05} if t == T.UINT8 else {}
    enc = m.tensor("enc", t, [1, anchors, 4], **q)
    q = {"zero": 0, "scale": 1 / 256} if t == T.UINT8 else {}
    scores = m.tensor("scores", t, [1, anchors, rows], **q)
    if t == T.UINT8:
        a = m.tensor("anchors", t, [anchors, 4], 0.005, 10, 0, rng().integers(20, 200, (anchors, 4)).astype(np.uint8))
    else:
        a = m.tensor("anchors", t, [anchors, 4], data=rng().uniform(0.05, 0.9, (anchors, 4)).astype(np.float32))
    b = flexbuffers.Builder()
    with b.Map():
        b.Int("max_detections", limit)
        b.Int("max_classes_per_detection", 1)
        b.Int("num_classes", classes)
        b.Float("nms_score_threshold", [1e-8, 0.01][i % 3 == 2])
        b.Float("nms_iou_threshold", float(rng().choice([0.1, 0.3, 0.6])))
        for k, v in (("y", 10.0), ("x", 10.0), ("h", 5.0), ("w", 5.0)):
            b.Float(k + "_scale", v)
        b.Bool("use_regular_nms", False)
    ys = [m.tensor("y%d" % k, T.FLOAT32, []) for k in range(4)]
    m.op(OP.CUSTOM, 1, [enc, scores, a], ys)
    m.m.operatorCodes[-1].customCode = "TFLite_Detection_PostProcess"
    m.g.operators[-1].customOptions = np.frombuffer(bytes(b.Finish()), np.uint8)
    data = m.bytes([enc, scores], ys)
    # Behind the last detection LiteRT leaves what was there: such cases compare
    # the number alone.
    counts = np.frombuffer(ops.run(data), np.float32).reshape(ops.CASES, -1)[:, -1]
    return data if (counts == limit).all() else m.bytes([enc, scores], ys[3:])


def transpose_conv8(i):
    m = Model()
    h, w, kh, kw, sh, sw, _, _, same, _, _ = geometry()
    oh, ow = window(h, kh, sh, 1, same), window(w, kw, sw, 1, same)
    if oh < 1 or ow < 1 or same and (kh < sh or kw < sw):
        return transpose_conv8(i)
    ci, co, n = draw(1, 12), draw(1, 12), draw(1, 3)
    xs = scale()
    shape = ints(m, "shape", [n, h, w, co])
    x = m.tensor("x", T.INT8, [n, oh, ow, ci], xs, zero())
    (x, f, b), y = ops.layer(m, T.INT8, x, [co, kh, kw, ci], 0, co, kh * kw * ci, xs, [n, h, w, co])
    m.op(OP.TRANSPOSE_CONV, 3, [shape, f, x, b] if draw(4) else [shape, f, x], [y], s.BuiltinOptions.TransposeConvOptions, options(
        s.TransposeConvOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, fusedActivationFunction=draw(4)))
    return m.bytes([x], [y])


def pair(i, types, product=False):
    """Two operands of one integer type, b a constant in every third."""
    t = types[i % len(types)]
    shape, other = broadcast_pair(i // len(types))
    q = {"scale": 0.1, "zero": 0} if t in (T.INT8, T.UINT8, T.INT16) else {}
    return t, shape, other, q, i % 3 == 2


def binary_int(table, types):
    """An operator of two integers; table holds code, options kind, class, output type."""
    def make(i):
        m = Model()
        code, kind, cls, to = table[i % len(table)]
        t, shape, other, q, fixed = pair(i // len(table), types)
        t = T.INT32 if code == OP.FLOOR_DIV else t  # LiteRT has no other
        div = code in (OP.FLOOR_DIV, OP.FLOOR_MOD)
        data = full(t, other) if fixed or div else None
        if div:
            data = rng().choice([-128, -7, -3, -1, 1, 2, 5, 127], other).astype(ops.NUMPY[t])
        a = m.tensor("a", t, shape, **q)
        b = m.tensor("b", t, other, data=data, **q)
        y = m.tensor("y", t if to is None else to, shape, **q)
        ins = [b, a] if not div and draw(2) else [a, b]
        m.op(code, 2, ins, [y], kind, cls())
        return m.bytes([a] if data is not None else [a, b], [y])
    return make


B = s.BuiltinOptions
extremum = binary_int([(OP.MAXIMUM, B.MaximumMinimumOptions, s.MaximumMinimumOptionsT, None),
                       (OP.MINIMUM, B.MaximumMinimumOptions, s.MaximumMinimumOptionsT, None)],
                      [T.INT8, T.UINT8, T.INT16, T.INT32, T.INT64])
arithmetic = binary_int([(OP.ADD, B.AddOptions, s.AddOptionsT, None), (OP.SUB, B.SubOptions, s.SubOptionsT, None),
                         (OP.MUL, B.MulOptions, s.MulOptionsT, None), (OP.FLOOR_DIV, B.FloorDivOptions, s.FloorDivOptionsT, None),
                         (OP.FLOOR_MOD, B.FloorModOptions, s.FloorModOptionsT, None)], [T.INT32, T.INT64])
comparison = binary_int([(OP.EQUAL, B.EqualOptions, s.EqualOptionsT, T.BOOL), (OP.NOT_EQUAL, B.NotEqualOptions, s.NotEqualOptionsT, T.BOOL),
                         (OP.LESS, B.LessOptions, s.LessOptionsT, T.BOOL), (OP.LESS_EQUAL, B.LessEqualOptions, s.LessEqualOptionsT, T.BOOL),
                         (OP.GREATER, B.GreaterOptions, s.GreaterOptionsT, T.BOOL),
                         (OP.GREATER_EQUAL, B.GreaterEqualOptions, s.GreaterEqualOptionsT, T.BOOL)], [T.INT32, T.INT64])


def prelu8(i):
    m = Model()
    t = [T.INT8, T.UINT8][i % 2]
    shape = [draw(1, 3), draw(1, 6), draw(1, 6), draw(1, 20)]
    other = [shape, [1, 1, shape[3]], [1, shape[1], shape[2], shape[3]], [1]][i // 2 % 4]
    x = m.tensor("x", t, shape, scale(), zero(t))
    a = m.tensor("alpha", t, other, scale(0.002, 0.02), zero(t), 0, full(t, other))
    y = m.tensor("y", t, shape, scale(), zero(t))
    m.op(OP.PRELU, 1, [x, a], [y])
    return m.bytes([x], [y])


def hard_swish8(i):
    m = Model()
    t = [T.INT8, T.UINT8][i % 2]
    n = int(rng().choice([64, 256, 250, 13, 39]))
    xs = scale(0.004, 0.4)
    x = m.tensor("x", t, [1, n], xs, zero(t))
    y = m.tensor("y", t, [1, n], np.float32(xs * rng().uniform(0.1, 2)), zero(t))
    m.op(OP.HARD_SWISH, 1, [x], [y], B.HardSwishOptions, s.HardSwishOptionsT())
    return m.bytes([x], [y])


def unary_int(i):
    m = Model()
    code, t = [(OP.ABS, T.INT32), (OP.NEG, T.INT32), (OP.NEG, T.INT64)][i % 3]
    x, y = m.tensor("x", t, [3, 50]), m.tensor("y", t, [3, 50])
    m.op(code, 4 if code == OP.ABS else 1, [x], [y])
    return m.bytes([x], [y])


def cast(i):
    m = Model()
    types = [T.INT8, T.UINT8, T.INT16, T.INT32, T.INT64, T.BOOL]
    a, b = types[i % 6], (types + [T.FLOAT32])[i // 6 % 7]
    x, y = m.tensor("x", a, [3, 50]), m.tensor("y", b, [3, 50])
    m.op(OP.CAST, 5, [x], [y], B.CastOptions, options(s.CastOptionsT, inDataType=a, outDataType=b))
    return m.bytes([x], [y])


extremum.__name__, arithmetic.__name__, comparison.__name__ = "extremum", "arithmetic", "comparison"
def float_edge16(i):
    """float32 -> int16 -> float32, with ties and values beyond int16 and int32."""
    m = Model()
    n = int(rng().choice([64, 250, 13, 7]))
    sc = [scale16(), np.float32(0.25), np.float32(0.0625), scale(1e-10, 1e-3)][i % 4]
    x = m.tensor("x", T.FLOAT32, [1, n])
    q = m.tensor("q", T.INT16, [1, n], sc, 0)
    y = m.tensor("y", T.FLOAT32, [1, n])
    m.op(OP.QUANTIZE, 3, [x], [q], B.QuantizeOptions, s.QuantizeOptionsT())
    m.op(OP.DEQUANTIZE, 3, [q], [y], B.DequantizeOptions, s.DequantizeOptionsT())
    return m.bytes([x], [q, y])


def pool16(i):
    m = Model()
    h, w, kh, kw, sh, sw, _, _, same, _, _ = geometry()
    oh, ow = window(h, kh, sh, 1, same), window(w, kw, sw, 1, same)
    if oh < 1 or ow < 1:
        return pool16(i)
    c, n, sc = draw(1, 30), draw(1, 3), scale16()
    x, y = m.tensor("x", T.INT16, [n, h, w, c], sc, 0), m.tensor("y", T.INT16, [n, oh, ow, c], sc, 0)
    m.op(OP.AVERAGE_POOL_2D if i % 2 else OP.MAX_POOL_2D, 3, [x], [y], B.Pool2DOptions, options(
        s.Pool2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, filterHeight=kh, filterWidth=kw,
        fusedActivationFunction=draw(4)))
    return m.bytes([x], [y])


def gather(i):
    m = Model()
    t, q = ops.some_type(i)
    shape = some_shape(draw(1, 5))
    axis = draw(-len(shape), len(shape))
    index = rng().integers(0, shape[axis], some_shape(draw(1, 3))).astype(np.int32)
    d = axis % len(shape)
    x = m.tensor("x", t, shape, **q)
    k = m.tensor("index", T.INT32, index.shape, data=index)
    y = m.tensor("y", t, shape[:d] + list(index.shape) + shape[d + 1:], **q)
    m.op(OP.GATHER, 4, [x, k], [y], B.GatherOptions, options(s.GatherOptionsT, axis=axis))
    return m.bytes([x], [y])


def gather_nd(i):
    """Coordinates come from ARG_MAX, so that any input gives good ones."""
    m = Model()
    t, q = ops.some_type(i)
    shape, rows = some_shape(draw(1, 5)), draw(1, 6)
    depth = draw(1, len(shape) + 1)
    x = m.tensor("x", t, shape, **q)
    ins, parts = [x], []
    axis = m.tensor("axis", T.INT32, [], data=np.array(1, np.int32))
    for d in range(depth):
        a = m.tensor("a%d" % d, T.INT8, [rows, shape[d]], 0.1, 0)
        k = m.tensor("k%d" % d, T.INT32, [rows])
        m.op(OP.ARG_MAX, 2, [a, axis], [k], B.ArgMaxOptions, options(s.ArgMaxOptionsT, outputType=T.INT32))
        ins.append(a)
        parts.append(k)
    index = m.tensor("index", T.INT32, [rows, depth])
    m.op(OP.PACK, 2, parts, [index], B.PackOptions, options(s.PackOptionsT, valuesCount=depth, axis=1))
    y = m.tensor("y", t, [rows] + shape[depth:], **q)
    m.op(OP.GATHER_ND, 2, [x, index], [y], B.GatherNdOptions, s.GatherNdOptionsT())
    return m.bytes(ins, [y])


def sub8_tflite(i):
    """Differences at scales that the delegate leaves to TFLite's kernel."""
    m = Model()
    t = T.UINT8 if i % 3 == 2 else T.INT8
    shape = [1, draw(1, 6), draw(1, 6), draw(1, 20)]
    other = [shape, [1, 1, 1, 1], shape[2:]][i % 3]
    small, large = float(scale(1e-7, 9e-5)), float(scale(0.1, 1))
    sa, sb = (large, small) if i % 2 else (small, large)
    a, b = m.tensor("a", t, shape, sa, zero(t)), m.tensor("b", t, other, sb, zero(t))
    y = m.tensor("y", t, shape, scale(0.1, 1), zero(t))
    m.op(OP.SUB, 2, [a, b], [y], B.SubOptions, options(s.SubOptionsT, fusedActivationFunction=draw(4)))
    return m.bytes([a, b], [y])


def mirror_pad(i):
    m = Model()
    t, q = ops.some_type(i)
    shape, mode = some_shape(draw(1, 5)), draw(2)
    amount = np.array([rng().integers(0, v + mode, 2) for v in shape], np.int32)
    x = m.tensor("x", t, shape, **q)
    p = m.tensor("paddings", T.INT32, amount.shape, data=amount)
    y = m.tensor("y", t, [v + int(a.sum()) for v, a in zip(shape, amount)], **q)
    m.op(OP.MIRROR_PAD, 3, [x, p], [y], B.MirrorPadOptions, options(s.MirrorPadOptionsT, mode=mode))
    return m.bytes([x], [y])


add16.__name__, sub16.__name__, mul16.__name__ = "add16", "sub16", "mul16"

PLAN = [(conv16, 24), (depthwise16, 20), (fully_connected16, 20), (transpose_conv16, 20), (add16, 24), (sub16, 24), (mul16, 20),
        (leaky_relu16, 20), (quantize_wide, 21), (batch_matmul16, 20), (concat_scaled, 20), (detect, 20),
        (transpose_conv8, 24), (extremum, 30), (arithmetic, 30), (comparison, 24), (prelu8, 24), (hard_swish8, 24), (unary_int, 6),
        (cast, 42), (gather, 20), (mirror_pad, 20), (float_edge16, 20),
        (pool16, 24), (gather_nd, 24), (sub8_tflite, 24)]

if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261123)
    p.add_argument("--times", type=int, default=1, help="cases relative to the committed archive")
    p.add_argument("--only", default="", help="families to make, by comma")
    a = p.parse_args()
    ops.PLAN = [e for e in PLAN if not a.only or e[0].__name__ in a.only.split(",")]
    ops.main(a.out, a.seed, a.times)
