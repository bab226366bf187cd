#!/usr/bin/env python3
"""Make models of rarer ways to keep weights and record LiteRT: int4, int8 under
float values by TFLite's kernels, sparse behind DENSIFY, buffers outside the
flatbuffer.

    python scripts/golden/ops_types.py inference/testdata/ops_types.zip

The archive has the form ops.py gives it.
"""
import argparse
import importlib.metadata
import itertools
import zipfile

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s

import ops
from ops import CASES, OP, T, Model, geometry, options, run, scale, window, zero
from ops_float import tiny

F, KIND = T.FLOAT32, s.BuiltinOptions


def draw(lo, hi):
    return int(ops.rng.integers(lo, hi))


def nibbles(w):
    """int4 values, two a byte, the first in the low half."""
    v = (w.reshape(-1) & 15).astype(np.uint8)
    v = np.append(v, np.zeros(len(v) % 2, np.uint8))
    return v[0::2] | v[1::2] << 4


def weights(m, bits, shape, axis, channels, spread=(0.002, 0.02)):
    """A filter of drawn numbers; every second one has a scale a channel."""
    n = channels if draw(0, 2) else 1
    ws = np.array([scale(*spread) for _ in range(n)], np.float32)
    if bits == 4:
        w = ops.rng.integers(-7, 8, shape).astype(np.int8)
        f = m.tensor("filter", T.INT4, shape, ws, [0] * n, axis if n > 1 else 0, nibbles(w))
    else:
        f = m.tensor("filter", T.INT8, shape, ws, [0] * n, axis if n > 1 else 0, ops.rng.integers(-127, 128, shape).astype(np.int8))
    return f, ws


def conv_options(g, act):
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = g
    return options(s.Conv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, dilationHFactor=dh, dilationWFactor=dw,
                   fusedActivationFunction=act)


def depth_options(g, mult, act):
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = g
    return options(s.DepthwiseConv2DOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, depthMultiplier=mult,
                   dilationHFactor=dh, dilationWFactor=dw, fusedActivationFunction=act)


def one_stride(g):
    """The window with a stride of 1 where it is dilated."""
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = g
    if dh > 1 or dw > 1:
        sh = sw = 1
        oh, ow = window(h, kh, 1, dh, same), window(w, kw, 1, dw, same)
    return h, w, kh, kw, sh, sw, dh, dw, same, oh, ow


def quantized_layer(m, t, bits, x_shape, shape, axis, channels, depth, out_shape, bias=True):
    """x, filter, bias and y of an int8 layer whose sums use the output range."""
    xs = scale()
    x = m.tensor("x", t, x_shape, xs, zero(t))
    f, ws = weights(m, bits, shape, axis, channels)
    span = xs * ws.mean() * (4 if bits == 4 else 73) * 60 * np.sqrt(depth)
    y = m.tensor("y", t, out_shape, np.float32(span / ops.rng.uniform(40, 400)), zero(t))
    ins = [x, f]
    if bias:
        ins.append(m.tensor("bias", T.INT32, [channels], xs * ws, [0] * len(ws), 0, ops.rng.integers(-300, 300, channels).astype(np.int32)))
    return x, ins, y


def conv4(i):
    m, g = Model(), geometry()
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = g
    groups = 2 if i % 4 == 3 else 1
    ci, co, n = draw(1, 20), draw(1, 20) * groups, draw(1, 3)
    x, ins, y = quantized_layer(m, T.INT8, 4, [n, h, w, ci * groups], [co, kh, kw, ci], 0, co, kh * kw * ci, [n, oh, ow, co])
    m.op(OP.CONV_2D, 7, ins, [y], KIND.Conv2DOptions, conv_options(g, draw(0, 4)))
    return m.bytes([x], [y])


def depthwise4(i):
    m, g = Model(), one_stride(geometry())
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = g
    if oh < 1 or ow < 1:
        return depthwise4(i)
    ci, mult, n = draw(1, 20), [1, 1, 2, 3, 8][i % 5], draw(1, 3)
    x, ins, y = quantized_layer(m, T.INT8, 4, [n, h, w, ci], [1, kh, kw, ci * mult], 3, ci * mult, kh * kw, [n, oh, ow, ci * mult])
    m.op(OP.DEPTHWISE_CONV_2D, 7, ins, [y], KIND.DepthwiseConv2DOptions, depth_options(g, mult, draw(0, 4)))
    return m.bytes([x], [y])


def fully_connected4(i):
    """Even and odd depths: the delegate takes the even ones."""
    m = Model()
    n, k, u = draw(1, 6), draw(1, 100) * 2 - i % 2, draw(1, 40)
    x, ins, y = quantized_layer(m, T.INT8, 4, [n, k], [u, k], 0, u, k, [n, u], i % 5 != 4)
    m.op(OP.FULLY_CONNECTED, 10, ins, [y], KIND.FullyConnectedOptions, options(s.FullyConnectedOptionsT, fusedActivationFunction=draw(0, 4)))
    return m.bytes([x], [y])


def hybrid_layer(m, bits, x_shape, shape, axis, channels, out_shape):
    x, y = m.tensor("x", F, x_shape), m.tensor("y", F, out_shape)
    f, _ = weights(m, bits, shape, axis, channels, (0.01, 0.1) if bits == 4 else (0.001, 0.01))
    return x, [x, f, m.tensor("bias", F, [channels], data=ops.rng.normal(0, 1, [channels]).astype(np.float32))], y


def conv4_float(i):
    m, g = Model(), geometry()
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = g
    ci, co, n = draw(1, 20), draw(1, 20), draw(1, 3)
    x, ins, y = hybrid_layer(m, 4, [n, h, w, ci], [co, kh, kw, ci], 0, co, [n, oh, ow, co])
    m.op(OP.CONV_2D, 7, ins, [y], KIND.Conv2DOptions, conv_options(g, draw(0, 4)))
    return m.bytes([x], [y])


def fully_connected4_float(i):
    m = Model()
    n, k, u = draw(1, 6), draw(1, 100) * 2, draw(1, 40)
    x, ins, y = hybrid_layer(m, 4, [n, k], [u, k], 0, u, [n, u])
    m.op(OP.FULLY_CONNECTED, 10, ins, [y], KIND.FullyConnectedOptions, options(s.FullyConnectedOptionsT, fusedActivationFunction=draw(0, 4)))
    return m.bytes([x], [y])


def depthwise_float(i):
    """int8 weights under float values, which the delegate leaves alone."""
    m, g = Model(), one_stride(geometry())
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = g
    if oh < 1 or ow < 1:
        return depthwise_float(i)
    ci, mult, n = draw(1, 20), [1, 1, 2, 3, 8][i % 5], draw(1, 3)
    x, y = m.tensor("x", F, [n, h, w, ci]), m.tensor("y", F, [n, oh, ow, ci * mult])
    co = ci * mult
    ws = np.array([scale(0.001, 0.01) for _ in range(co)], np.float32)
    f = m.tensor("filter", T.INT8, [1, kh, kw, co], ws, [0] * co, 3, ops.rng.integers(-127, 128, [1, kh, kw, co]).astype(np.int8))
    b = m.tensor("bias", F, [co], data=ops.rng.normal(0, 1, [co]).astype(np.float32))
    m.op(OP.DEPTHWISE_CONV_2D, 6, [x, f, b], [y], KIND.DepthwiseConv2DOptions, depth_options(g, mult, draw(0, 4)))
    return m.bytes([x], [y])


def index_vector(values):
    """Segments or indices in the smallest type, as converters write them."""
    top = max(values, default=0)
    for limit, kind, cls in ((256, s.SparseIndexVector.Uint8Vector, s.Uint8VectorT), (65536, s.SparseIndexVector.Uint16Vector, s.Uint16VectorT),
                             (1 << 31, s.SparseIndexVector.Int32Vector, s.Int32VectorT)):
        if top < limit and (limit == 1 << 31 or draw(0, 3)):
            return kind, options(cls, values=np.array(values, [np.uint8, np.uint16, np.int32][(limit > 256) + (limit > 65536)]))


def compress(w, order, formats, block_map, blocks):
    """The values and dimensions of w in the given traversal order: 0 dense, 1 compressed."""
    rank = w.ndim
    sizes = list(w.shape) + list(blocks)
    for k, d in enumerate(block_map):
        sizes[d] //= blocks[k]
    view = np.zeros(sizes, w.dtype)
    for at in itertools.product(*map(range, sizes)):
        place = list(at[:rank])
        for k, d in enumerate(block_map):
            place[d] = place[d] * blocks[k] + at[rank + k]
        view[at] = w[tuple(place)]
    view = view.transpose(order)
    segments, indices = {l: [0] for l in range(len(order))}, {l: [] for l in range(len(order))}
    values = []

    def walk(part, level):
        if level == len(order):
            values.append(part[()])
            return
        for k in range(part.shape[0]):
            if formats[level] == 1:
                if not part[k].any():
                    continue
                indices[level].append(k)
            walk(part[k], level + 1)
        segments[level].append(len(indices[level]))

    walk(view, 0)
    dims = []
    for level, d in enumerate(order):
        if formats[level] == 0:
            dims.append(options(s.DimensionMetadataT, format=0, denseSize=sizes[d]))
        else:
            st, sv = index_vector(segments[level])
            it, iv = index_vector(indices[level])
            dims.append(options(s.DimensionMetadataT, format=1, arraySegmentsType=st, arraySegments=sv, arrayIndicesType=it, arrayIndices=iv))
    p = options(s.SparsityParametersT, traversalOrder=np.array(order, np.int32), dimMetadata=dims)
    if block_map:
        p.blockMap = np.array(block_map, np.int32)
    return np.array(values, w.dtype), p


def sparse_plan(i, rank):
    """Traversal order, formats, block map and blocks."""
    if rank == 2:
        return [([0, 1], [0, 1], [], []), ([0, 1], [1, 1], [], []), ([1, 0], [0, 1], [], []),
                ([0, 1, 2], [0, 1, 0], [1], [4]), ([0, 1, 2, 3], [0, 1, 0, 0], [0, 1], [2, 4]), ([0, 1, 3, 2], [0, 1, 0, 0], [0, 1], [2, 4])][i % 6]
    return [([0, 1, 2, 3], [0, 0, 0, 1], [], []), ([0, 1, 2, 3], [0, 1, 1, 1], [], []), ([0, 1, 2, 3, 4], [0, 0, 0, 1, 0], [3], [2])][i % 3]


def sparse(m, name, t, w, plan, **quant):
    """A sparse constant and the DENSIFY behind it."""
    order, formats, block_map, blocks = plan
    values, p = compress(w, order, formats, block_map, blocks)
    x = m.tensor(name + "_sparse", t, w.shape, data=values, **quant)
    m.g.tensors[x].sparsity = p
    y = m.tensor(name, t, w.shape, **quant)
    m.op(OP.DENSIFY, 1, [x], [y], KIND.DensifyOptions, s.DensifyOptionsT())
    return y


def thin(shape, dtype, lo=-127):
    w = ops.rng.integers(lo, 128, shape) * (ops.rng.random(shape) < 0.3)
    return w.astype(dtype)


def densify(i):
    """Sparse weights of float32, float16 and int8."""
    m = Model()
    kind = i % 3
    if i // 3 % 2 or kind == 2:  # LiteRT does not prepare int8 FULLY_CONNECTED behind DENSIFY
        h, w, ci, co = draw(3, 9), draw(3, 9), 2 * draw(1, 6), draw(1, 10)
        shape, xs, ys = [co, 3, 3, ci], [1, h, w, ci], [1, h, w, co]
        plan, op, o = sparse_plan(i // 6, 4), OP.CONV_2D, (KIND.Conv2DOptions, options(s.Conv2DOptionsT, padding=0, strideH=1, strideW=1))
    else:
        n, k, u = draw(1, 4), 4 * draw(1, 20), 2 * draw(1, 10)
        shape, xs, ys = [u, k], [n, k], [n, u]
        plan, op, o = sparse_plan(i // 6, 2), OP.FULLY_CONNECTED, (KIND.FullyConnectedOptions, s.FullyConnectedOptionsT())
    co = shape[0]
    if kind == 2:
        sx, sw = scale(), scale(0.002, 0.02)
        x = m.tensor("x", T.INT8, xs, sx, zero())
        f = sparse(m, "f", T.INT8, thin(shape, np.int8), plan, scale=sw, zero=0)
        b = m.tensor("b", T.INT32, [co], sx * sw, 0, 0, ops.rng.integers(-3000, 3000, co).astype(np.int32))
        y = m.tensor("y", T.INT8, ys, sx * sw * np.float32(1500), zero())
    else:
        x, y = m.tensor("x", F, xs), m.tensor("y", F, ys)
        if kind == 0:
            f = sparse(m, "f", F, thin(shape, np.float32) / np.float32(64), plan)
        else:
            h = sparse(m, "h", T.FLOAT16, thin(shape, np.float16) / np.float16(64), plan)
            f = m.tensor("f", F, shape)
            m.op(OP.DEQUANTIZE, 2, [h], [f], KIND.DequantizeOptions, s.DequantizeOptionsT())
        b = m.tensor("b", F, [co], data=ops.rng.normal(0, 1, [co]).astype(np.float32))
    m.op(op, 3 if op == OP.CONV_2D else 4, [x, f, b], [y], *o)
    return m.bytes([x], [y])


def outside(i):
    """A model whose constants lie behind the flatbuffer, as in files over 2 GB."""
    m, g = Model(), geometry()
    h, w, kh, kw, sh, sw, dh, dw, same, oh, ow = g
    ci, co = draw(1, 20), draw(1, 20)
    x, ins, y = quantized_layer(m, T.INT8, 8, [1, h, w, ci], [co, kh, kw, ci], 0, co, kh * kw * ci, [1, oh, ow, co])
    m.op(OP.CONV_2D, 3, ins, [y], KIND.Conv2DOptions, conv_options(g, 0))
    m.g.inputs, m.g.outputs = [x], [y]
    return external(m)


def external(m):
    data = {k: bytes(b.data) for k, b in enumerate(m.m.buffers) if b.data is not None}
    for k in data:
        m.m.buffers[k].data = None
        m.m.buffers[k].offset, m.m.buffers[k].size = 2, 2  # so that the fields exist

    def pack():
        b = flatbuffers.Builder(1024)
        b.Finish(m.m.Pack(b), b"TFL3")
        return bytes(b.Output())

    at = (len(pack()) + 63) // 64 * 64
    body = b""
    for k, d in data.items():
        m.m.buffers[k].offset, m.m.buffers[k].size = at + len(body), len(d)
        body += d + bytes(-len(d) % 16)
    head = pack()
    assert len(head) <= at
    return head + bytes(at - len(head)) + body


PLAN = [(conv4, 24), (depthwise4, 30), (fully_connected4, 20), (conv4_float, 24), (fully_connected4_float, 12), (depthwise_float, 30),
        (densify, 36), (outside, 6)]
LAYERS = (conv4_float, fully_connected4_float, depthwise_float)


def main(path, seed, times):
    ops.rng = np.random.default_rng(seed)
    version = importlib.metadata.version("ai-edge-litert")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        def write(name, data):
            z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
        for make, count in PLAN:
            for i in range(count * times):
                name, data = "%s_%03d" % (make.__name__, i), make(i)
                golden = run(data)
                while make in LAYERS and tiny(golden):
                    data = make(i)
                    golden = run(data)
                head = "model %s.tflite\nlitert %s\ncases %d\n\n" % (name, version, CASES)
                write(name + ".tflite", data)
                write(name + ".golden", head.encode() + golden)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261128)
    p.add_argument("--times", type=int, default=1, help="cases relative to the committed archive")
    a = p.parse_args()
    main(a.out, a.seed, a.times)
