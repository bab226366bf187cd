#!/usr/bin/env python3
"""Make models of rarer operators and record LiteRT: 8-bit sums and products that
the delegate leaves, quotients, roots, logarithms, transposed convolutions, ATAN2,
regular suppression of boxes, int16 that folds, clips and resizes; and two custom
operators LiteRT does not have.

    python scripts/golden/ops_late.py inference/testdata/ops_late.zip

The archive has the form ops.py gives it. Convolution2DTransposeBias is recorded
from the TRANSPOSE_CONV that does the same; PosenetDecoderOp from posenet.py.
"""
import argparse
import importlib.metadata
import zipfile

import numpy as np
from ai_edge_litert import schema_py_generated as s
from flatbuffers import flexbuffers

import ops
from models import seeded_input
from ops import CASES, OP, T, Model, geometry, ints, options, run, scale, some_shape, window, zero
from posenet import decode

F, KIND = T.FLOAT32, s.BuiltinOptions


def draw(lo, hi):
    return int(ops.rng.integers(lo, hi))


def pair(i):
    """Two shapes that broadcast: alike, one element, some dimensions, a lower rank, both ways."""
    shape = [draw(1, 4), draw(1, 5), draw(1, 6), draw(1, 40)]
    k = i % 6
    if k == 5:
        a, b = list(shape), list(shape)
        for d in range(4):
            [a, b, [0] * 4][draw(0, 3)][d] = 1
        return a, b, [max(x, y) for x, y in zip(a, b)]
    other = [shape, [1, 1, 1, 1], [d if draw(0, 2) else 1 for d in shape], shape[draw(1, 4):], [1, 1, 1, shape[3]]][k]
    return (shape, other, shape) if i // 6 % 2 else (other, shape, shape)


def beyond(i):
    """ADD and MUL whose scales the delegate refuses."""
    m = Model()
    t, op = [T.INT8, T.UINT8][i % 2], [OP.ADD, OP.MUL][i // 2 % 2]
    a, b, out = pair(i // 4)
    sa, sb = scale(), scale()
    if op == OP.ADD:
        top = max(sa, sb)
        so = [top / np.float32(ops.rng.uniform(260, 900)), top * np.float32(ops.rng.uniform(1030, 3000)), np.float32(0.05)][i // 4 % 3]
        if so == np.float32(0.05):
            sa, sb = so * np.float32(ops.rng.uniform(0.5, 4)), so / np.float32(ops.rng.uniform(1100, 9000))  # one operand hardly counts
    else:
        so = sa * sb / np.float32(ops.rng.choice([300, 2**-17, 2**10, 2**-18.5]))
    x, y = m.tensor("a", t, a, sa, zero(t)), m.tensor("b", t, b, sb, zero(t))
    z = m.tensor("y", t, out, so, zero(t))
    kind, cls = (KIND.AddOptions, s.AddOptionsT) if op == OP.ADD else (KIND.MulOptions, s.MulOptionsT)
    m.op(op, 2, [x, y], [z], kind, options(cls, fusedActivationFunction=draw(0, 4)))
    return m.bytes([x, y], [z])


def div(i):
    m = Model()
    t = [T.INT8, T.UINT8][i % 2]
    shape = [draw(1, 3), draw(1, 5), draw(1, 20)]
    other = [shape, [1], shape[1:], [1, shape[1], 1]][i // 2 % 4]
    zb = zero(t)
    values = ops.rng.integers(1, 100, other) * ops.rng.choice([-1, 1], other) + zb
    lo, hi = (-128, 127) if t == T.INT8 else (0, 255)
    values = np.clip(values, lo, hi)
    values[values == zb] = zb + (1 if zb < hi else -1)
    x = m.tensor("x", t, shape, scale(), zero(t))
    b = m.tensor("b", t, other, scale(), zb, 0, values.astype(np.int8 if t == T.INT8 else np.uint8))
    y = m.tensor("y", t, shape, scale(0.01, 0.4), zero(t))
    m.op(OP.DIV, 2, [x, b], [y], KIND.DivOptions, options(s.DivOptionsT, fusedActivationFunction=draw(0, 4)))
    return m.bytes([x], [y])


def root(i):
    """SQRT, RSQRT and LOG of int8; the first two of numbers not below 0."""
    m = Model()
    op = [OP.SQRT, OP.RSQRT, OP.LOG][i % 3]
    n = int(ops.rng.choice([64, 250, 13]))
    x = m.tensor("x", T.INT8, [1, n], scale(), zero() if op == OP.LOG else -128)
    y = m.tensor("y", T.INT8, [1, n], scale(0.01, 0.1), zero())
    m.op(op, 2, [x], [y])
    return m.bytes([x], [y])


def transpose_conv(i):
    """uint8, and strides longer than the filter."""
    m = Model()
    t = [T.INT8, T.UINT8][i % 2]
    h, w, kh, kw, sh, sw, _, _, same, _, _ = geometry()
    if i // 2 % 2:
        same, kh, kw, sh, sw = True, draw(1, 3), draw(1, 3), draw(2, 4), draw(2, 4)
    oh, ow = window(h, kh, sh, 1, same), window(w, kw, sw, 1, same)
    if oh < 1 or ow < 1 or t == T.INT8 and not (same and (kh < sh or kw < sw)):
        return transpose_conv(i)
    ci, co = draw(1, 12), draw(1, 20)
    n = 1 if t == T.UINT8 and (kh < sh or kw < sw) else draw(1, 3)
    xs = scale()
    shape = ints(m, "shape", [n, h, w, co])
    x = m.tensor("x", t, [n, oh, ow, ci], xs, zero(t))
    (x, f, b), y = ops.layer(m, t, x, [co, kh, kw, ci], 0, co, kh * kw * ci, xs, [n, h, w, co])
    m.op(OP.TRANSPOSE_CONV, 3, [shape, f, x, b] if draw(0, 4) else [shape, f, x], [y], KIND.TransposeConvOptions, options(
        s.TransposeConvOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw, fusedActivationFunction=draw(0, 4)))
    return m.bytes([x], [y])


def atan2(i):
    m = Model()
    shape = [1, int(ops.rng.choice([64, 250, 13]))]
    x, y, z = (m.tensor(n, F, shape) for n in "xyz")
    m.op(OP.ATAN2, 1, [x, y], [z])
    return m.bytes([x, y], [z])


def flex(**kw):
    b = flexbuffers.Builder()
    with b.Map():
        for k, v in kw.items():
            (b.Bool if isinstance(v, bool) else b.Int if isinstance(v, int) else b.Float)(k, v)
    return np.frombuffer(bytes(b.Finish()), np.uint8)


def custom(m, name, ins, outs, opt):
    m.op(OP.CUSTOM, 1, ins, outs)
    m.m.operatorCodes[-1].customCode = name
    m.g.operators[-1].customOptions = opt


def detect_regular(i):
    m = Model()
    t = [T.UINT8, F][i % 2]
    anchors, classes, limit = draw(10, 120), draw(1, 8), draw(1, 30)
    rows = classes + draw(0, 2)
    enc = m.tensor("enc", t, [1, anchors, 4], **({"zero": 128, "scale": 0.05} if t == T.UINT8 else {}))
    scores = m.tensor("scores", t, [1, anchors, rows], **({"zero": 0, "scale": 1 / 256} if t == T.UINT8 else {}))
    if t == T.UINT8:
        a = m.tensor("anchors", t, [anchors, 4], 0.005, 10, 0, ops.rng.integers(20, 200, (anchors, 4)).astype(np.uint8))
    else:
        a = m.tensor("anchors", t, [anchors, 4], data=ops.rng.uniform(0.05, 0.9, (anchors, 4)).astype(np.float32))
    more = {"detections_per_class": draw(1, 20)} if i % 3 else {}
    ys = [m.tensor("y%d" % k, F, []) for k in range(4)]
    custom(m, "TFLite_Detection_PostProcess", [enc, scores, a], ys, flex(
        max_detections=limit, max_classes_per_detection=1, num_classes=classes, nms_score_threshold=[0.01, 0.6][i // 2 % 2],
        nms_iou_threshold=float(ops.rng.choice([0.1, 0.3, 0.6])), y_scale=10.0, x_scale=10.0, h_scale=5.0, w_scale=5.0, use_regular_nms=True, **more))
    return m.bytes([enc, scores], ys)


def transpose_bias(i):
    """The custom operator's model, and that of the TRANSPOSE_CONV LiteRT has."""
    n, h, w, ci, co = draw(1, 3), draw(1, 7), draw(1, 7), draw(1, 10), draw(1, 10)
    kh, kw, sh, sw, same = draw(1, 5), draw(1, 5), draw(1, 4), draw(1, 4), i % 2 == 0
    size = lambda v, k, st: st * (v - 1) + k - (max(0, k - (v - 1) % st - 1) if same else 0)
    oh, ow = size(h, kh, sh), size(w, kw, sw)
    f = ops.rng.normal(0, 0.3, [co, kh, kw, ci]).astype(np.float32)
    b = ops.rng.normal(0, 1, [co]).astype(np.float32)
    made = []
    for own in (True, False):
        m = Model()
        x, y = m.tensor("x", F, [n, h, w, ci]), m.tensor("y", F, [1] if own and i % 4 < 2 else [n, oh, ow, co])
        fi, bi = m.tensor("f", F, f.shape, data=f), m.tensor("b", F, b.shape, data=b)
        if own:
            custom(m, "Convolution2DTransposeBias", [x, fi, bi], [y], np.frombuffer(np.array([1 if same else 2, sw, sh], np.int32).tobytes(), np.uint8))
        else:
            m.op(OP.TRANSPOSE_CONV, 3, [ints(m, "shape", [n, oh, ow, co]), fi, x, bi], [y], KIND.TransposeConvOptions,
                 options(s.TransposeConvOptionsT, padding=0 if same else 1, strideH=sh, strideW=sw))
        made.append(m.bytes([x], [y]))
    return made[0], run(made[1])


def posenet(i):
    """Maps with few people in them, drawn; every case adds its seeded input to the scores."""
    h, w, stride, limit = draw(5, 12), draw(5, 12), int(ops.rng.choice([8, 16])), draw(1, 8)
    threshold, radius = float(np.float32(ops.rng.uniform(0.2, 0.6))), float(ops.rng.choice([8.0, 20.0, 40.0]))
    m = Model()
    t = [F, T.UINT8][i % 2]
    quant = [{"scale": 0.05, "zero": 130}, {"scale": 0.3, "zero": 128}, {"scale": 0.4, "zero": 127}] if t == T.UINT8 else [{}] * 3
    depths = (17, 34, 64)
    xs = [m.tensor("x%d" % k, t, [1, h, w, d], **q) for k, (d, q) in enumerate(zip(depths, quant))]
    ys = [m.tensor("y%d" % k, F, []) for k in range(4)]
    custom(m, "PosenetDecoderOp", xs, ys, flex(max_detections=limit, score_threshold=threshold, stride=stride, nms_radius=radius))
    body = b""
    for case in range(CASES):
        maps = []
        for k, (d, q) in enumerate(zip(depths, quant)):
            v = seeded_input(case, k, np.uint8 if t == T.UINT8 else np.float32, [h, w, d])
            ex = np.float32(1) if k == 0 else np.float32(1) / np.float32(stride)
            if t == T.UINT8:
                v = (v.astype(np.float32) - np.float32(q["zero"])) * (np.float32(q["scale"]) * ex)
            else:
                v = v * ex
            maps.append(v)
        body += decode(*maps, limit, np.float32(threshold), stride, np.float32(radius))
    return m.bytes(xs, ys), body


def fold16(i):
    """MEAN and SUM of int16, over any dimensions; some outputs saturate."""
    m = Model()
    op = [OP.MEAN, OP.SUM][i % 2]
    shape = [draw(1, 4), draw(1, 9), draw(1, 17), draw(1, 12)]
    axes = [[1, 2], [3], [1], [2, 3], [-1], [0, 2], [1, 3], [0, 1, 2, 3], [2]][i // 2 % 9]
    keep = bool(draw(0, 2))
    norm = {a % 4 for a in axes}
    out = [1 if d in norm else v for d, v in enumerate(shape) if keep or d not in norm]
    sx = scale()
    sy = sx * np.float32(ops.rng.choice([0.05, 0.7, 1, 3.3, 40]))
    x, y = m.tensor("x", T.INT16, shape, sx, 0), m.tensor("y", T.INT16, out, sy, 0)
    m.op(op, 2, [x, ints(m, "axes", axes)], [y], KIND.ReducerOptions, options(s.ReducerOptionsT, keepDims=keep))
    return m.bytes([x], [y])


def relu16(i):
    m = Model()
    shape, sx = [1, draw(1, 9), draw(1, 40)], scale()
    if i % 4 < 2:
        sx = np.float32(12 / 65536)  # RELU6 cuts
    sy = sx * np.float32(ops.rng.choice([0.3, 1, 1, 2.7]))
    x, y = m.tensor("x", T.INT16, shape, sx, 0), m.tensor("y", T.INT16, shape, sy, 0)
    m.op([OP.RELU, OP.RELU6][i % 2], 3, [x], [y])
    return m.bytes([x], [y])


def resize16(i):
    m = Model()
    n, h, w, c = 1 + i % 2, draw(1, 13), draw(1, 13), draw(1, 5)
    oh, ow = draw(1, 21), draw(1, 21)
    align, half = [(False, False), (True, False), (False, True)][i % 3]
    x, y = m.tensor("x", T.INT16, [n, h, w, c], 0.1, 0), m.tensor("y", T.INT16, [n, oh, ow, c], 0.1, 0)
    m.op(OP.RESIZE_BILINEAR, 4, [x, ints(m, "size", [oh, ow])], [y], KIND.ResizeBilinearOptions,
         options(s.ResizeBilinearOptionsT, alignCorners=align, halfPixelCenters=half))
    return m.bytes([x], [y])


def log_softmax(i):
    m = Model()
    t = [T.INT8, T.UINT8][i % 2]
    shape = [draw(1, 4), draw(1, 6), draw(1, 300)]
    x, y = m.tensor("x", t, shape, scale(), zero(t)), m.tensor("y", t, shape, np.float32(1 / 16), 127 if t == T.INT8 else 255)
    m.op(OP.LOG_SOFTMAX, 2, [x], [y], KIND.LogSoftmaxOptions, s.LogSoftmaxOptionsT())
    return m.bytes([x], [y])


def l2_norm(i):
    m = Model()
    shape = [60, draw(1, 3)] if i % 3 == 2 else [draw(1, 4), int(ops.rng.choice([64, 250, 13, 7, 1024]))]
    x, y = m.tensor("x", T.UINT8, shape, scale(), zero(T.UINT8)), m.tensor("y", T.UINT8, shape, np.float32(1 / 128), 128)
    m.op(OP.L2_NORMALIZATION, 1, [x], [y], KIND.L2NormOptions, s.L2NormOptionsT())
    return m.bytes([x], [y])


PLAN = [(beyond, 48), (div, 24), (root, 24), (transpose_conv, 36), (atan2, 4), (detect_regular, 20)]
OTHERS = [(transpose_bias, 16, "TRANSPOSE_CONV of LiteRT "), (posenet, 16, "none, posenet.py with numpy ")]
LATER = [(fold16, 36), (relu16, 12), (resize16, 18), (log_softmax, 16), (l2_norm, 12)]


def main(path, seed, times):
    ops.rng = np.random.default_rng(seed)
    version = importlib.metadata.version("ai-edge-litert")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        def write(name, data, golden, oracle):
            head = "model %s.tflite\nlitert %s\ncases %d\n\n" % (name, oracle, CASES)
            for suffix, body in ((".tflite", data), (".golden", head.encode() + golden)):
                z.writestr(zipfile.ZipInfo(name + suffix, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)

        def record(plan):
            for make, count in plan:
                for i in range(count * times):
                    data = make(i)
                    try:
                        golden = run(data)
                    except RuntimeError as e:  # which it refuses while running: a root of a number below 0
                        print(make.__name__, i, e)
                        continue
                    write("%s_%03d" % (make.__name__, i), data, golden, version)

        record(PLAN)
        for make, count, oracle in OTHERS:
            for i in range(count * times):
                write("%s_%03d" % (make.__name__, i), *make(i), oracle + (version if "LiteRT" in oracle else np.__version__))
        record(LATER)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20261130)
    p.add_argument("--times", type=int, default=1, help="cases relative to the committed archive")
    a = p.parse_args()
    main(a.out, a.seed, a.times)
