#!/usr/bin/env python3
"""Make an int8 model of YOLOv8n's shape with random weights and record LiteRT.

    python scripts/golden/yolo.py MODEL.tflite [--size 320]
    python scripts/golden/yolo.py inference/testdata/yolo.zip --size 96 --width 0.25 --classes 8

Needs TensorFlow (requirements-yolo.txt). The layers are those of the
published architecture: convolutions with SiLU, C2f blocks, SPPF, three heads
with distribution focal loss decoded inside the model; weights are drawn, so
the boxes mean nothing. Prints the SHA-256 of the model and of LiteRT's outputs
for four seeded inputs (models.py); a .zip gets model and golden as ops.py writes them.
"""
import argparse
import hashlib
import importlib.metadata
import os
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from models import seeded_input

K = tf.keras
L = K.layers
BINS = 16


def conv(x, c, k=1, s=1):
    x = L.Conv2D(c, k, s, "same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    return L.Activation("silu")(x)


def c2f(x, c, n, shortcut):
    x = conv(x, c)
    parts = [x[..., :c // 2], x[..., c // 2:]]
    for _ in range(n):
        y = conv(conv(parts[-1], c // 2, 3), c // 2, 3)
        parts.append(parts[-1] + y if shortcut else y)
    return conv(L.Concatenate()(parts), c)


def sppf(x, c):
    x = conv(x, c // 2)
    parts = [x]
    for _ in range(3):
        parts.append(L.MaxPool2D(5, 1, "same")(parts[-1]))
    return conv(L.Concatenate()(parts), c)


def join(x, skip, c, n):
    return c2f(L.Concatenate()([x, skip]), c, n, False)


def head(x, boxes, classes, count):
    b = L.Conv2D(4 * BINS, 1)(conv(conv(x, boxes, 3), boxes, 3))
    c = L.Conv2D(count, 1)(conv(conv(x, classes, 3), classes, 3))
    n = x.shape[1] * x.shape[2]
    return L.Reshape((n, 4 * BINS))(b), L.Reshape((n, count))(c)


class Decode(L.Layer):
    """Expected distance to each side, then corners to centre and size."""

    def __init__(self, size):
        super().__init__()
        points, strides = [], []
        for s in (8, 16, 32):
            at = (np.arange(size // s) + 0.5)
            x, y = np.meshgrid(at, at)
            points.append(np.stack([x.ravel(), y.ravel()], 1))
            strides.append(np.full((x.size, 1), s))
        self.points, self.strides = np.concatenate(points).astype(np.float32), np.concatenate(strides).astype(np.float32)

    def call(self, boxes, classes):
        d = tf.nn.softmax(tf.reshape(boxes, (1, -1, 4, BINS)))
        d = tf.reduce_sum(d * np.arange(BINS, dtype=np.float32), -1)
        a, b = self.points - d[..., :2], self.points + d[..., 2:]
        xywh = tf.concat([(a + b) / 2, b - a], -1) * self.strides / np.float32(self.strides[-1, 0] * len(self.points) ** 0.5)
        return tf.transpose(tf.concat([xywh, tf.sigmoid(classes)], -1), (0, 2, 1))


def model(size, width, count):
    a, b, c, d, e = (int(v * width) for v in (16, 32, 64, 128, 256))
    image = K.Input((size, size, 3), 1)
    x = conv(conv(image, a, 3, 2), b, 3, 2)
    x = c2f(x, b, 1, True)
    p3 = c2f(conv(x, c, 3, 2), c, 2, True)
    p4 = c2f(conv(p3, d, 3, 2), d, 2, True)
    p5 = sppf(c2f(conv(p4, e, 3, 2), e, 1, True), e)
    up = L.UpSampling2D()
    n4 = join(up(p5), p4, d, 1)
    n3 = join(up(n4), p3, c, 1)
    n4 = join(conv(n3, c, 3, 2), n4, d, 1)
    n5 = join(conv(n4, d, 3, 2), p5, e, 1)
    heads = [head(x, c, max(c, min(count, 100)), count) for x in (n3, n4, n5)]
    boxes = L.Concatenate(1)([b for b, _ in heads])
    classes = L.Concatenate(1)([c for _, c in heads])
    return K.Model(image, Decode(size)(boxes, classes))


def draw(m, rng):
    """Weights that keep the activations in their usual range."""
    for layer in m.layers:
        w = layer.get_weights()
        if isinstance(layer, L.Conv2D):
            fan = np.prod(w[0].shape[:3])
            layer.set_weights([rng.normal(0, (1.7 / fan) ** 0.5, w[0].shape)] + [rng.normal(0, 0.5, v.shape) for v in w[1:]])
        elif isinstance(layer, L.BatchNormalization):
            layer.set_weights([rng.uniform(0.7, 1.5, w[0].shape), rng.normal(0, 0.4, w[1].shape), w[2], w[3]])


def main(path, size, width, count):
    rng = np.random.default_rng(8)
    m = model(size, width, count)
    draw(m, rng)
    c = tf.lite.TFLiteConverter.from_keras_model(m)
    c.optimizations = [tf.lite.Optimize.DEFAULT]
    c.representative_dataset = lambda: ([rng.uniform(0, 1, (1, size, size, 3)).astype(np.float32)] for _ in range(4))
    c.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    c.inference_input_type = c.inference_output_type = tf.int8
    data = c.convert()
    it = Interpreter(model_content=data, num_threads=1)
    it.allocate_tensors()
    outputs = b""
    for case in range(4):
        d = it.get_input_details()[0]
        it.set_tensor(d["index"], seeded_input(case, 0, d["dtype"], d["shape"]))
        it.invoke()
        outputs += it.get_tensor(it.get_output_details()[0]["index"]).tobytes()
    print("model", hashlib.sha256(data).hexdigest(), len(data), "outputs", hashlib.sha256(outputs).hexdigest())
    if not path.endswith(".zip"):
        with open(path, "wb") as f:
            f.write(data)
        return
    head = "model yolov8.tflite\nlitert %s\ncases 4\n\n" % importlib.metadata.version("ai-edge-litert")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for name, body in (("yolov8.tflite", data), ("yolov8.golden", head.encode() + outputs)):
            z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--size", type=int, default=320)
    p.add_argument("--width", type=float, default=1.0, help="channels relative to YOLOv8n")
    p.add_argument("--classes", type=int, default=80)
    a = p.parse_args()
    main(a.out, a.size, a.width, a.classes)
