"""Trains the machine condition model on features that gen has written.

python machine.py --features DIR --spec machine.json --model OUT.tflite --out-spec OUT.json
"""

import argparse
import json
import time

import numpy as np

import common
from common import tf

LIMIT = 4.0  # standardized features beyond this say nothing more


def load(path: str, width: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.fromfile(path, "<f4").reshape(-1, width + 1)
    return rows[:, :-1], rows[:, -1].astype(int)


def feature_count(spec: dict) -> int:
    stage = spec["preprocess"][0]
    per_axis = sum(len(stage["bands_hz"]) if f.endswith("bands") else 1 for f in stage["features"])
    return per_axis * spec["source"]["channels"]


def build(width: int, classes: int) -> tf.keras.Model:
    return tf.keras.Sequential([
        tf.keras.Input((width,)),
        tf.keras.layers.Dense(48, activation="relu"),
        tf.keras.layers.Dropout(0.1),
        tf.keras.layers.Dense(24, activation="relu"),
        tf.keras.layers.Dense(classes, activation="softmax"),
    ])


def main() -> None:
    p = argparse.ArgumentParser()
    for name in ("features", "spec", "model", "out-spec"):
        p.add_argument("--" + name, required=True)
    a = p.parse_args()
    common.fix_seeds(20261)
    with open(a.spec) as f:
        spec = json.load(f)
    width = feature_count(spec)
    x, y = load(a.features + "/train.f32", width)
    vx, vy = load(a.features + "/valid.f32", width)
    tx, ty = load(a.features + "/test.f32", width)
    # Rounded first, so that training and device divide by the same numbers.
    mean = np.array([float(f"{v:.5g}") for v in x.mean(0)], np.float32)
    std = np.array([float(f"{v:.5g}") for v in x.std(0)], np.float32)
    x, vx, tx = (np.clip((v - mean) / std, -LIMIT, LIMIT) for v in (x, vx, tx))

    model = build(width, len(spec["labels"]))
    model.compile(tf.keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    start = time.time()
    model.fit(x, y, validation_data=(vx, vy), batch_size=64, epochs=60, verbose=0, callbacks=[
        tf.keras.callbacks.ReduceLROnPlateau(patience=4, factor=0.4),
        tf.keras.callbacks.EarlyStopping(patience=12, restore_best_weights=True),
    ])
    took = time.time() - start

    bounds = np.stack([np.full(width, -LIMIT), np.full(width, LIMIT)])
    size = common.to_int8(model, np.concatenate([bounds, x[::30]]), a.model)
    spec["preprocess"].append({
        "op": "normalize", "mean": [float(f"{v:.5g}") for v in mean], "std": [float(f"{v:.5g}") for v in std],
    })
    with open(a.out_spec, "w") as f:
        json.dump(spec, f, indent=1)
    print(f"trained {took:.0f} s, {size} bytes, float {model.evaluate(tx, ty, verbose=0)[1]:.4f}, "
          f"int8 in LiteRT {common.lite_accuracy(a.model, tx, ty):.4f} of {len(tx)} windows")


if __name__ == "__main__":
    main()
