"""Record how TensorFlow resizes images.

Needs tensorflow-cpu==2.21.0, numpy==2.4.6. Usage: python vision_resize.py OUT.gz

Inputs are seeded noise that the Go test makes again. For every case OUT holds
source and output size (5 uint16: w, h, channels, out w, out h), method (0
bilinear, 1 nearest), centers (0 half pixel, 1 legacy, 2 align corners), and the
float32 pixels.
"""

import gzip
import struct
import sys

import numpy as np
import tensorflow as tf

SIZES = [
    (9, 13, 3, 5, 7), (5, 7, 3, 9, 13), (20, 20, 1, 20, 20), (3, 2, 1, 17, 11),
    (31, 17, 3, 1, 1), (64, 48, 3, 20, 24), (1, 1, 3, 4, 3), (48, 48, 1, 24, 24),
    (23, 1, 1, 10, 6), (41, 37, 3, 28, 28),
]
FLAGS = [(False, True), (False, False), (True, False)]


def noise(w, h, c):
    out = np.empty(w * h * c, np.uint8)
    state = w * 1000 + h
    for i in range(len(out)):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = state >> 24
    return out.reshape(1, h, w, c)


def main(out):
    blob = b""
    for w, h, c, ow, oh in SIZES:
        for method, op in enumerate([tf.raw_ops.ResizeBilinear, tf.raw_ops.ResizeNearestNeighbor]):
            for centers, (corners, half) in enumerate(FLAGS):
                pixels = op(images=noise(w, h, c), size=[oh, ow], align_corners=corners, half_pixel_centers=half)
                blob += struct.pack("<7H", w, h, c, ow, oh, method, centers)
                blob += np.asarray(pixels, np.float32).tobytes()
    with open(out, "wb") as f:
        f.write(gzip.compress(blob, mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
