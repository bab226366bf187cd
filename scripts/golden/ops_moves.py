#!/usr/bin/env python3
"""Make models of the operators that move elements, in every type LiteRT takes
them in, and record it.

    python scripts/golden/ops_moves.py inference/testdata/ops_moves.zip

The archive has the form ops.py gives it. What LiteRT refuses is left out.
"""
import argparse
import importlib.metadata
import zipfile

import numpy as np
from ai_edge_litert import schema_py_generated as s

import ops
from ops import CASES, OP, T, Model, ints, options, run

KIND = s.BuiltinOptions
TYPES = {"float32": (T.FLOAT32, np.float32), "int8": (T.INT8, np.int8), "uint8": (T.UINT8, np.uint8), "int16": (T.INT16, np.int16),
         "int32": (T.INT32, np.int32), "int64": (T.INT64, np.int64), "bool": (T.BOOL, np.bool_)}
IMAGE = [2, 4, 6, 4]


class One:
    """A model of one operator on an image of one type."""

    def __init__(self, name):
        self.m, (self.t, self.np) = Model(), TYPES[name]
        self.q = {"scale": np.float32(0.05), "zero": {T.INT8: -3, T.UINT8: 120}.get(self.t, 0)} if self.t in (T.INT8, T.UINT8, T.INT16) else {}
        self.x = self.m.tensor("x", self.t, IMAGE, **self.q)

    def make(self, op, shapes, kind=None, opt=None, more=(), version=2, before=()):
        outs = [self.m.tensor("y%d" % k, self.t, d, **self.q) for k, d in enumerate(shapes)]
        self.m.op(op, version, [*before, self.x, *more], outs, kind, opt)
        return self.m.bytes([self.x], outs)

    def ints(self, values):
        return ints(self.m, "v%d" % len(self.m.g.tensors), values)

    def table(self, values):
        v = np.array(values, np.int32)
        return self.m.tensor("t", T.INT32, v.shape, data=v)

    def scalar(self, v):
        return self.m.tensor("s", T.INT32, [], data=np.array(v, np.int32))


def reshape(o):
    return o.make(OP.RESHAPE, [[8, 24]], KIND.ReshapeOptions, options(s.ReshapeOptionsT, newShape=[8, 24]), [o.ints([8, 24])], 1)


def expand(o):
    return o.make(OP.EXPAND_DIMS, [[2, 1, 4, 6, 4]], KIND.ExpandDimsOptions, s.ExpandDimsOptionsT(), [o.scalar(1)], 1)


def transpose(o):
    return o.make(OP.TRANSPOSE, [[4, 2, 6, 4]], KIND.TransposeOptions, s.TransposeOptionsT(), [o.ints([3, 0, 2, 1])])


def slice_(o):
    return o.make(OP.SLICE, [[1, 3, 2, 4]], KIND.SliceOptions, s.SliceOptionsT(), [o.ints([1, 1, 2, 0]), o.ints([1, 3, 2, -1])])


def strided(o):
    return o.make(OP.STRIDED_SLICE, [[2, 2, 3, 4]], KIND.StridedSliceOptions, s.StridedSliceOptionsT(),
                  [o.ints([0, 0, 5, 0]), o.ints([2, 4, -7, 4]), o.ints([1, 2, -2, 1])])


def concatenation(o):
    z = o.m.tensor("z", o.t, [2, 4, 1, 4], data=np.ones((2, 4, 1, 4), o.np), **o.q)
    return o.make(OP.CONCATENATION, [[2, 4, 7, 4]], KIND.ConcatenationOptions, options(s.ConcatenationOptionsT, axis=2), [z])


def pack(o):
    return o.make(OP.PACK, [[2, 4, 2, 6, 4]], KIND.PackOptions, options(s.PackOptionsT, valuesCount=2, axis=2), [o.x])


def unpack(o):
    return o.make(OP.UNPACK, [[2, 6, 4]] * 4, KIND.UnpackOptions, options(s.UnpackOptionsT, num=4, axis=1))


def split(o):
    return o.make(OP.SPLIT, [[2, 4, 2, 4]] * 3, KIND.SplitOptions, options(s.SplitOptionsT, numSplits=3), before=[o.scalar(2)])


def split_v(o):
    return o.make(OP.SPLIT_V, [[2, 4, 1, 4], [2, 4, 3, 4], [2, 4, 2, 4]], KIND.SplitVOptions, options(s.SplitVOptionsT, numSplits=3),
                  [o.ints([1, 3, -1]), o.scalar(2)])


def tile(o):
    return o.make(OP.TILE, [[2, 8, 6, 12]], KIND.TileOptions, s.TileOptionsT(), [o.ints([1, 2, 1, 3])])


def gather(o):
    return o.make(OP.GATHER, [[2, 5, 6, 4]], KIND.GatherOptions, options(s.GatherOptionsT, axis=1), [o.ints([3, 0, 0, 2, 1])])


def gather_nd(o):
    return o.make(OP.GATHER_ND, [[3, 6, 4]], KIND.GatherNdOptions, s.GatherNdOptionsT(), [o.table([[1, 3], [0, 0], [1, 2]])])


def pad(o):
    return o.make(OP.PAD, [[2, 7, 7, 4]], KIND.PadOptions, s.PadOptionsT(), [o.table([[0, 0], [1, 2], [0, 1], [0, 0]])])


def pad_v2(o):
    v = o.m.tensor("value", o.t, [1], data=np.array([7], o.np), **o.q)
    return o.make(OP.PADV2, [[2, 7, 7, 4]], KIND.PadV2Options, s.PadV2OptionsT(), [o.table([[0, 0], [1, 2], [0, 1], [0, 0]]), v])


def mirror(o):
    return o.make(OP.MIRROR_PAD, [[2, 7, 8, 4]], KIND.MirrorPadOptions, options(s.MirrorPadOptionsT, mode=1), [o.table([[0, 0], [1, 2], [2, 0], [0, 0]])])


def broadcast(o):
    return o.make(OP.BROADCAST_TO, [[3, 2, 4, 6, 4]], KIND.BroadcastToOptions, s.BroadcastToOptionsT(), [o.ints([3, 2, 4, 6, 4])])


def reverse(o):
    return o.make(OP.REVERSE_V2, [IMAGE], KIND.ReverseV2Options, s.ReverseV2OptionsT(), [o.ints([2])], 1)


def to_depth(o):
    return o.make(OP.SPACE_TO_DEPTH, [[2, 2, 3, 16]], KIND.SpaceToDepthOptions, options(s.SpaceToDepthOptionsT, blockSize=2))


def to_space(o):
    return o.make(OP.DEPTH_TO_SPACE, [[2, 8, 12, 1]], KIND.DepthToSpaceOptions, options(s.DepthToSpaceOptionsT, blockSize=2), version=1)


def nearest(o):
    return o.make(OP.RESIZE_NEAREST_NEIGHBOR, [[2, 9, 5, 4]], KIND.ResizeNearestNeighborOptions,
                  options(s.ResizeNearestNeighborOptionsT, halfPixelCenters=True), [o.ints([9, 5])], 4)


def nearest_plain(o):
    return o.make(OP.RESIZE_NEAREST_NEIGHBOR, [[2, 9, 5, 4]], KIND.ResizeNearestNeighborOptions,
                  s.ResizeNearestNeighborOptionsT(), [o.ints([9, 5])], 4)


def to_batch(o):
    return o.make(OP.SPACE_TO_BATCH_ND, [[8, 2, 3, 4]], KIND.SpaceToBatchNDOptions, s.SpaceToBatchNDOptionsT(), [o.ints([2, 2]), o.table([[0, 0], [0, 0]])])


def squeeze(o):
    mid = o.m.tensor("mid", o.t, [2, 1, 4, 6, 4], **o.q)
    o.m.op(OP.EXPAND_DIMS, 1, [o.x, o.scalar(1)], [mid], KIND.ExpandDimsOptions, s.ExpandDimsOptionsT())
    y = o.m.tensor("y", o.t, IMAGE, **o.q)
    o.m.op(OP.SQUEEZE, 2, [mid], [y], KIND.SqueezeOptions, options(s.SqueezeOptionsT, squeezeDims=[1]))
    return o.m.bytes([o.x], [y])


def extremum(op):
    def make(o):
        return o.make(op, [[2, 4, 4]], KIND.ReducerOptions, s.ReducerOptionsT(), [o.ints([2])], 3)
    make.__name__ = {OP.REDUCE_MAX: "reduce_max", OP.REDUCE_MIN: "reduce_min"}[op]
    return make


def larger(op):
    def make(o):
        z = o.m.tensor("z", o.t, [4], data=np.array([3, 1, 0, 2], o.np), **o.q)
        return o.make(op, [IMAGE], KIND.MaximumMinimumOptions, s.MaximumMinimumOptionsT(), [z])
    make.__name__ = {OP.MAXIMUM: "maximum", OP.MINIMUM: "minimum"}[op]
    return make


def select(o):
    c = o.m.tensor("c", T.BOOL, [4], data=np.array([1, 0, 0, 1], np.bool_))
    z = o.m.tensor("z", o.t, [1], data=np.array([1], o.np), **o.q)
    return o.make(OP.SELECT_V2, [IMAGE], KIND.SelectV2Options, s.SelectV2OptionsT(), [z], 1, [c])


PLAN = [reshape, expand, squeeze, transpose, slice_, strided, concatenation, pack, unpack, split, split_v, tile, gather, gather_nd, pad, pad_v2, mirror,
        broadcast, reverse, to_depth, to_space, nearest, nearest_plain, to_batch, extremum(OP.REDUCE_MAX), extremum(OP.REDUCE_MIN),
        larger(OP.MAXIMUM), larger(OP.MINIMUM), select]


def main(path):
    head = "litert %s\ncases %d\n\n" % (importlib.metadata.version("ai-edge-litert"), CASES)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for make in PLAN:
            for t in TYPES:
                name, data = "%s_%s" % (make.__name__.rstrip("_"), t), make(One(t))
                try:
                    golden = run(data)
                except (RuntimeError, ValueError) as e:
                    print("%s: %s" % (name, str(e).split("Node")[0]))
                    continue
                for suffix, body in ((".tflite", data), (".golden", ("model %s.tflite\n%s" % (name, head)).encode() + golden)):
                    z.writestr(zipfile.ZipInfo(name + suffix, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    main(p.parse_args().out)
