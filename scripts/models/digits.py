"""Trains the digit model on two thirds of scikit-learn's 1,797 real scans (8x8,
UCI Optical Recognition of Handwritten Digits) and writes the rest as PNG files.

python digits.py --model OUT.tflite --scans DIR

The model sees 64x64 gray pixels in [-1, 1) and first averages them to 8x8, so
that a picture of any size is area-resampled however the pipeline scales it.
Training adds what a person's own picture brings: margins, shifts, slant,
contrast, and ink that is lighter than the paper.
"""

import argparse
import os
import struct
import time
import zlib

import numpy as np
from scipy import ndimage
from sklearn.datasets import load_digits

import common
from common import tf

SIDE = 64
COPIES = 24  # distorted copies of each scan
EPOCHS = 24


def scans() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and held-out scans, dark ink on light paper, 0 to 255."""
    d = load_digits()
    ink = np.round(d.images * (255 / 16)).astype(np.uint8)
    held = np.arange(len(ink)) % 3 == 2
    return 255 - ink[~held], d.target[~held], 255 - ink[held], d.target[held]


def enlarge(images: np.ndarray) -> np.ndarray:
    """As the pipeline does it: bilinear, half-pixel centres, in [-1, 1)."""
    big = tf.image.resize(images[..., None].astype(np.float32), (SIDE, SIDE), "bilinear")
    return (big.numpy() - np.float32(127.5)) / np.float32(127.5)


def distort(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One picture a person might take of an 8x8 scan, in [-1, 1]."""
    zoom = rng.uniform(0.58, 1.1)  # part of the frame that the digit fills
    angle, slant = rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2)
    stretch = rng.uniform(0.88, 1.14)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, 0], [slant, 1]]) @ np.diag([1, stretch]) * (8 / SIDE / zoom)
    room = max(0.0, 1 - zoom) / 2 * SIDE + 3
    centre = (SIDE - 1) / 2 + rng.uniform(-room, room, 2)
    ink = 1 - image / 255.0
    big = ndimage.affine_transform(ink, matrix, 3.5 - matrix @ centre, (SIDE, SIDE), order=1)
    if rng.random() < 0.6:  # a pen's stroke has edges, a scan of 8x8 has none
        sharp = rng.uniform(2, 8)
        big = 1 / (1 + np.exp(-sharp * (big - rng.uniform(0.25, 0.6)) * 2))
        big = (big - big.min()) / max(big.max() - big.min(), 1e-6)
    big = ndimage.gaussian_filter(big, rng.uniform(0, 2))
    paper, pen = rng.uniform(0.7, 1), rng.uniform(-1, -0.3)
    out = paper + (pen - paper) * big + rng.normal(0, 0.03, big.shape)
    return np.clip(out, -1, 1).astype(np.float32)


def training_set(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(20262)
    plain = enlarge(images)
    x, y = [plain, -plain], [labels, labels]
    for _ in range(COPIES):
        copies = np.stack([distort(i, rng) for i in images])[..., None]
        copies[rng.random(len(copies)) < 0.5] *= -1  # light ink on dark paper
        x.append(copies)
        y.append(labels)
    return np.concatenate(x), np.concatenate(y)


def build() -> tf.keras.Model:
    conv = lambda n: tf.keras.layers.Conv2D(n, 3, padding="same", activation="relu")
    return tf.keras.Sequential([
        tf.keras.Input((SIDE, SIDE, 1)),
        tf.keras.layers.AveragePooling2D(SIDE // 8),
        conv(32), conv(48),
        tf.keras.layers.MaxPooling2D(2),
        conv(64),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dropout(0.3),
        tf.keras.layers.Dense(48, activation="relu"),
        tf.keras.layers.Dropout(0.2),
        tf.keras.layers.Dense(10, activation="softmax"),
    ])


def write_png(path: str, gray: np.ndarray) -> None:
    """An 8-bit gray PNG (W3C PNG, sections 5 and 11), the same bytes each time."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    h, w = gray.shape
    rows = b"".join(b"\0" + row.tobytes() for row in gray)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("--model", required=True)
    p.add_argument("--scans", required=True)
    a = p.parse_args()
    common.fix_seeds(20263)
    images, labels, held, truth = scans()
    os.makedirs(a.scans, exist_ok=True)
    for i, (image, label) in enumerate(zip(held, truth)):
        write_png(f"{a.scans}/{i:03d}-{label}.png", image)
    start = time.time()
    x, y = training_set(images, labels)
    # Pooling has nothing to learn: do it once.
    pooled = x.reshape(-1, 8, SIDE // 8, 8, SIDE // 8, 1).mean((2, 4))
    model = build()
    head = tf.keras.Sequential([tf.keras.Input((8, 8, 1))] + model.layers[1:])
    head.compile(tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * len(y) // 64)),
                 "sparse_categorical_crossentropy", metrics=["accuracy"])
    head.fit(pooled, y, batch_size=64, epochs=EPOCHS, verbose=0)
    took = time.time() - start
    size = common.to_int8(model, x[::40], a.model)
    big = enlarge(held)
    print(f"trained {took:.0f} s, {size} bytes, int8 in LiteRT {common.lite_accuracy(a.model, big, truth):.4f}, "
          f"inverted {common.lite_accuracy(a.model, -big, truth):.4f} of {len(truth)} scans")


if __name__ == "__main__":
    main()
