#!/usr/bin/env python3
"""Make models of several subgraphs and record LiteRT: IF, WHILE, composites,
signatures; and shapes that are computed: WHERE, SHAPE into RESHAPE.

    python scripts/golden/ops_flow.py inference/testdata/ops_flow.zip

The archive has the form ops.py gives it; a golden of a model with signatures
names the one that ran.
"""
import argparse
import importlib.metadata
import zipfile

import flatbuffers
from flatbuffers import flexbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s
from ai_edge_litert.interpreter import Interpreter

import ops
from models import seeded_input
from ops import CASES, OP, T, Model, ints, options, scale, some_shape, zero

F, KIND = T.FLOAT32, s.BuiltinOptions


def draw(lo, hi):
    return int(ops.rng.integers(lo, hi))


class Sub(Model):
    """A further subgraph of a model under construction."""

    def __init__(self, top):
        self.m, self.g = top.m, s.SubGraphT()
        self.g.name, self.g.tensors, self.g.operators = "sub%d" % len(self.m.subgraphs), [], []
        self.index = len(self.m.subgraphs)
        self.m.subgraphs.append(self.g)

    def ends(self, inputs, outputs):
        self.g.inputs, self.g.outputs = inputs, outputs
        return self.index


def binary(g, op, a, b, y):
    kind, cls = {OP.ADD: (KIND.AddOptions, s.AddOptionsT), OP.MUL: (KIND.MulOptions, s.MulOptionsT), OP.SUB: (KIND.SubOptions, s.SubOptionsT)}[op]
    g.op(op, 2, [a, b], [y], kind, cls())
    return y


def values(g, t, shape, q, name="v"):
    return g.tensor(name, t, shape, **q)


def chain(g, x, t, shape, q, depth):
    """A few operators on x."""
    for k in range(depth):
        y = values(g, t, shape, q, "c%d" % k)
        if k % 2:
            g.op(OP.LEAKY_RELU, 2, [x], [y], KIND.LeakyReluOptions, options(s.LeakyReluOptionsT, alpha=0.3))
        elif t == F:
            binary(g, OP.MUL, x, g.tensor("k", F, [], data=np.array(ops.rng.uniform(-1, 1), np.float32)), y)
        else:
            binary(g, OP.ADD, x, values_const(g, t, shape, q), y)
        x = y
    return x


def values_const(g, t, shape, q):
    return g.tensor("const", t, shape, data=ops.rng.integers(-100, 100, shape).astype(np.int8), **q)


def some(i):
    """A type, a shape and quantization."""
    t = [F, T.INT8][i % 2]
    return t, some_shape(3, 7), {} if t == F else {"scale": scale(), "zero": zero()}


def dense(g, x, depth, units, q):
    """A layer of float32, or of int8 quantized by q."""
    if not q:
        f = g.tensor("f", F, [units, depth], data=ops.rng.normal(0, 0.5, [units, depth]).astype(np.float32))
        b, y = g.tensor("b", F, [units], data=ops.rng.normal(0, 1, [units]).astype(np.float32)), g.tensor("d", F, [1, units])
    else:
        ws = scale(0.002, 0.02)
        f = g.tensor("f", T.INT8, [units, depth], ws, 0, 0, ops.rng.integers(-127, 128, [units, depth]).astype(np.int8))
        b = g.tensor("b", T.INT32, [units], q["scale"] * ws, 0, 0, ops.rng.integers(-2000, 2000, units).astype(np.int32))
        y = g.tensor("d", T.INT8, [1, units], **q)
    g.op(OP.FULLY_CONNECTED, 4, [x, f, b], [y], KIND.FullyConnectedOptions, s.FullyConnectedOptionsT())
    return y


def if_(i):
    m = Model()
    t, shape, q = some(i)
    c, x, z = m.tensor("c", T.BOOL, []), values(m, t, shape, q, "x"), values(m, t, shape, q, "z")
    branch = []
    for k in range(2):
        g = Sub(m)
        a, b = values(g, t, shape, q, "a"), values(g, t, shape, q, "b")
        if i % 6 >= 4 and k:
            branch.append(g.ends([a, b], [b, a]))  # hands its operands on
            continue
        y = binary(g, OP.ADD if k else OP.SUB, a, b, values(g, t, shape, q))
        branch.append(g.ends([a, b], [chain(g, y, t, shape, q, 1 + i % 3), y]))
    y, w = values(m, t, shape, q, "y"), values(m, t, shape, q, "w")
    m.op(OP.IF, 1, [c, x, z], [y, w], KIND.IfOptions, options(s.IfOptionsT, thenSubgraphIndex=branch[0], elseSubgraphIndex=branch[1]))
    return m.bytes([c, x, z], [y, w])


def while_(i):
    """Turns counted by an input; one value is kept, two change places."""
    m = Model()
    t, n = [F, T.INT8][i % 2], draw(2, 9)
    shape, q = [1, n], {} if t == F else {"scale": scale(0.02, 0.1), "zero": zero()}
    names = [("i", T.INT32, [], {}), ("n", T.INT32, [], {}), ("x", t, shape, q), ("y", t, shape, q)]
    begin = m.tensor("begin", T.INT32, [], data=np.array(0, np.int32))
    limit, x, y = m.tensor("limit", T.INT32, []), values(m, t, shape, q, "x"), values(m, t, shape, q, "y")
    top = m.tensor("top", T.INT32, [])
    m.op(OP.MINIMUM, 1, [limit, m.tensor("most", T.INT32, [], data=np.array(6, np.int32))], [top], KIND.MaximumMinimumOptions, s.MaximumMinimumOptionsT())
    cond = Sub(m)
    cv = [cond.tensor(a, b, d, **e) for a, b, d, e in names]
    less = cond.tensor("less", T.BOOL, [])
    cond.op(OP.LESS, 1, cv[:2], [less], KIND.LessOptions, s.LessOptionsT())
    cond.ends(cv, [less])
    body = Sub(m)
    bv = [body.tensor(a, b, d, **e) for a, b, d, e in names]
    one, nxt = body.tensor("one", T.INT32, [], data=np.array(1, np.int32)), body.tensor("next", T.INT32, [])
    binary(body, OP.ADD, bv[0], one, nxt)
    new = dense(body, bv[3], n, n, q)
    if i % 4 >= 2:
        new = binary(body, OP.ADD, new, bv[2], values(body, t, shape, q))
    body.ends(bv, [nxt, bv[1], new, bv[2]])
    outs = [m.tensor(a + "_out", b, d, **e) for a, b, d, e in names]
    m.op(OP.WHILE, 1, [begin, top, x, y], outs, KIND.WhileOptions, options(s.WhileOptionsT, condSubgraphIndex=1, bodySubgraphIndex=2))
    return m.bytes([limit, x, y], [outs[0], outs[2], outs[3]])


def composite(g, name, index, ins, outs):
    g.op(OP.STABLEHLO_COMPOSITE, 1, ins, outs)
    o = g.g.operators[-1]
    o.builtinOptions2Type = s.BuiltinOptions2.StableHLOCompositeOptions
    o.builtinOptions2 = options(s.StableHLOCompositeOptionsT, name=name, decompositionSubgraphIndex=index, version=1,
                                compositeAttributes=np.frombuffer(flexbuffers.Dumps({}), np.uint8))


def composite_(i):
    """A composite, in every second model of another, with a constant operand in some."""
    m = Model()
    t, shape, q = some(i)
    x, y = values(m, t, shape, q, "x"), values(m, t, shape, q, "y")
    other = values_const(m, t, shape, q) if t != F else m.tensor("w", F, shape, data=ops.rng.normal(0, 1, shape).astype(np.float32))
    g = Sub(m)
    a, b = values(g, t, shape, q, "a"), values(g, t, shape, q, "b")
    index = g.ends([a, b], [chain(g, binary(g, OP.ADD, a, b, values(g, t, shape, q)), t, shape, q, i % 3)])
    if i % 4 >= 2:
        h = Sub(m)
        a, b, c, d = (values(h, t, shape, q, k) for k in "abcd")
        composite(h, "dunlin.inner", index, [a, b], [c])
        composite(h, "dunlin.inner", index, [c, a], [d])
        index = h.ends([a, b], [d])
    composite(m, "dunlin.outer", index, [x, other], [y])
    return m.bytes([x], [y])


def where(i):
    """The places of a condition that the run decides, or of a constant."""
    m = Model()
    t = [T.BOOL, T.INT32, F, T.INT8, T.INT64, T.UINT8][i % 6]
    shape = some_shape(draw(1, 4), 6)
    y = m.tensor("y", T.INT64, [1, len(shape)])
    if i % 4 == 3:
        c = m.tensor("c", T.BOOL, shape, data=np.append(ops.rng.integers(0, 2, int(np.prod(shape)) - 1), 1).astype(np.bool_))
        z, x = m.tensor("z", T.INT32, shape), m.tensor("x", T.INT32, shape)
        m.op(OP.NEG, 1, [x], [z], KIND.NegOptions, s.NegOptionsT())
        m.op(OP.WHERE, 1, [c], [y], KIND.WhereOptions, s.WhereOptionsT())
        return m.bytes([x], [z, y])
    x = m.tensor("x", t, shape)
    at = x
    if t in (T.INT32, T.INT64):
        half, at = m.tensor("half", t, [], data=np.array(64, np.int32 if t == T.INT32 else np.int64)), m.tensor("part", t, shape)
        m.op(OP.FLOOR_MOD, 2, [x, m.tensor("two", t, [], data=np.array(2, np.int32 if t == T.INT32 else np.int64))], [at],
             KIND.FloorModOptions, s.FloorModOptionsT())
    m.op(OP.WHERE, 1, [at], [y], KIND.WhereOptions, s.WhereOptionsT())
    return m.bytes([x], [y])


def computed_shape(i):
    """SHAPE, a part of it, and a number beside it make the shape of RESHAPE."""
    m = Model()
    t, _, q = some(i)
    shape = some_shape(3, 6)
    x = values(m, t, shape, q, "x")
    sh, first, rest, to = (m.tensor(n, T.INT32, d) for n, d in (("shape", [3]), ("first", []), ("rest", []), ("to", [2])))
    m.op(OP.SHAPE, 1, [x], [sh], KIND.ShapeOptions, options(s.ShapeOptionsT, outType=T.INT32))
    m.op(OP.STRIDED_SLICE, 1, [sh, ints(m, "b", [0]), ints(m, "e", [1]), ints(m, "s", [1])], [first], KIND.StridedSliceOptions,
         options(s.StridedSliceOptionsT, shrinkAxisMask=1))
    m.op(OP.REDUCE_PROD, 1, [sh, ints(m, "all", [0])], [rest], KIND.ReducerOptions, s.ReducerOptionsT())
    per = m.tensor("per", T.INT32, [])
    m.op(OP.FLOOR_DIV, 1, [rest, m.tensor("d", T.INT32, [], data=np.array(shape[0], np.int32))], [per], KIND.FloorDivOptions, s.FloorDivOptionsT())
    m.op(OP.PACK, 1, [first, per], [to], KIND.PackOptions, options(s.PackOptionsT, valuesCount=2, axis=0))
    y = m.tensor("y", t, [shape[0], shape[1] * shape[2]], **q)
    m.op(OP.RESHAPE, 1, [x, to], [y], KIND.ReshapeOptions, s.ReshapeOptionsT())
    return m.bytes([x], [y])


def signature_model(i):
    """Two entries with inputs of other names than the tensors."""
    m = Model()
    t, shape, q = some(i)
    x, z = values(m, t, shape, q, "x"), values(m, t, shape, q, "z")
    y = chain(m, binary(m, OP.ADD, x, z, values(m, t, shape, q)), t, shape, q, 1)
    m.g.inputs, m.g.outputs = [x, z], [y]
    g = Sub(m)
    a = values(g, t, shape, q, "a")
    b = chain(g, a, t, shape, q, 2)
    g.ends([a], [b])

    def named(key, index, ins, outs):
        pairs = lambda d: [options(s.TensorMapT, name=n, tensorIndex=k) for n, k in d.items()]
        return options(s.SignatureDefT, signatureKey=key, subgraphIndex=index, inputs=pairs(ins), outputs=pairs(outs))

    m.m.signatureDefs = [named("join", 0, {"left": x, "right": z}, {"sum": y}), named("bend", 1, {"value": a}, {"bent": b})]
    b = flatbuffers.Builder(1024)
    b.Finish(m.m.Pack(b), b"TFL3")
    return bytes(b.Output())


SIGNATURES = {"join": (["left", "right"], "sum"), "bend": (["value"], "bent")}


def output(it, index):
    try:
        return np.ascontiguousarray(it.get_tensor(index)).tobytes()
    except ValueError:  # what get_tensor has for a tensor of no elements
        return b""


def run(data):
    it = Interpreter(model_content=data, num_threads=1)
    it.allocate_tensors()
    body = b""
    for case in range(CASES):
        for k, d in enumerate(it.get_input_details()):
            it.set_tensor(d["index"], seeded_input(case, k, d["dtype"], d["shape"]))
        it.invoke()
        body += b"".join(output(it, d["index"]) for d in it.get_output_details())
    return body


def run_signature(data, key):
    ins, out = SIGNATURES[key]
    r = Interpreter(model_content=data, num_threads=1).get_signature_runner(key)
    body = b""
    for case in range(CASES):
        args = {n: seeded_input(case, k, r.get_input_details()[n]["dtype"], r.get_input_details()[n]["shape"]) for k, n in enumerate(ins)}
        body += np.ascontiguousarray(r(**args)[out]).tobytes()
    return body


def masked(i):
    """What a condition of the run lets through, as tf.boolean_mask has it, its places
    in another form, and values at them."""
    m = Model()
    t = [F, T.INT8, T.INT32, T.UINT8][i % 4]
    q = {"scale": 0.1, "zero": 0} if t in (T.INT8, T.UINT8) else {}
    n, c = draw(2, 30), draw(1, 6)
    mask, x = m.tensor("mask", T.BOOL, [n]), m.tensor("x", t, [n, c], **q)
    at = m.tensor("at", T.INT64, [1, 1])
    if i % 3 == 2:  # of a table, by its coordinates
        mask, at = m.tensor("mask", T.BOOL, [n, c]), m.tensor("at", T.INT64, [1, 2])
    m.op(OP.WHERE, 1, [mask], [at], KIND.WhereOptions, s.WhereOptionsT())
    if i % 3 == 2:
        y, z, w = m.tensor("y", t, [1], **q), m.tensor("z", T.INT32, [1, 2]), m.tensor("w", t, [1, 1, 1], **q)
        m.op(OP.GATHER_ND, 3, [x, at], [y], KIND.GatherNdOptions, s.GatherNdOptionsT())
        m.op(OP.CAST, 1, [at], [z], KIND.CastOptions, options(s.CastOptionsT, inDataType=T.INT64, outDataType=T.INT32))
        m.op(OP.RESHAPE, 1, [y, ints(m, "to", [-1, 1, 1])], [w], KIND.ReshapeOptions, s.ReshapeOptionsT())
        return m.bytes([mask, x], [w, z])
    row, y = m.tensor("row", T.INT64, [1]), m.tensor("y", t, [1, c], **q)
    if i % 3:
        m.op(OP.SQUEEZE, 1, [at], [row], KIND.SqueezeOptions, options(s.SqueezeOptionsT, squeezeDims=[1]))
    else:
        m.op(OP.RESHAPE, 1, [at, ints(m, "flat", [-1])], [row], KIND.ReshapeOptions, s.ReshapeOptionsT())
    m.op(OP.GATHER, 3, [x, row], [y], KIND.GatherOptions, options(s.GatherOptionsT, axis=0))
    return m.bytes([mask, x], [y, row] if i % 2 else [y])


PLAN = [(if_, 18), (while_, 16), (composite_, 16), (where, 24), (computed_shape, 8)]


def main(path, seed, times):
    ops.rng = np.random.default_rng(seed)
    head = "litert %s\ncases %d\n" % (importlib.metadata.version("ai-edge-litert"), CASES)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        def write(name, data, golden, more=""):
            for suffix, body in ((".tflite", data), (".golden", ("model %s.tflite\n%s%s\n" % (name, head, more)).encode() + golden)):
                z.writestr(zipfile.ZipInfo(name + suffix, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)

        for make, count in PLAN:
            for i in range(count * times):
                data = make(i)
                write("%s_%03d" % (make.__name__.rstrip("_"), i), data, run(data))
        for i in range(4 * times):
            data = signature_model(i // 2)
            key = ["join", "bend"][i % 2]
            write("signature_%03d" % i, data, run_signature(data, key), "signature %s\n" % key)
        for i in range(24 * times):
            data = masked(i)
            write("masked_%03d" % i, data, run(data))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261129)
    p.add_argument("--times", type=int, default=1, help="cases relative to the committed archive")
    a = p.parse_args()
    main(a.out, a.seed, a.times)
