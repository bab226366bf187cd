"""Export SavedModels and what Python computes with them: DIR."""

import json
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(20261)
root = pathlib.Path(sys.argv[1])


def save(name, inputs, outputs):
    folder = root / name
    for kind, tensors in (("in", inputs), ("out", outputs)):
        for i, key in enumerate(sorted(tensors)):
            (folder / f"{kind}{i}.bin").write_bytes(np.ascontiguousarray(tensors[key]).tobytes())


# Two outputs, one hidden layer each: a Keras model as people export it.
x = keras.Input((96, 3), name="samples")
h = keras.layers.Conv1D(8, 5, activation="relu")(x)
h = keras.layers.GlobalAveragePooling1D()(h)
model = keras.Model(x, {"scores": keras.layers.Dense(4, activation="softmax")(h), "severity": keras.layers.Dense(1)(h)})
model.export(str(root / "keras"), verbose=False)
sample = np.random.default_rng(1).normal(size=(1, 96, 3)).astype(np.float32)
save("keras", {"samples": sample}, {k: np.asarray(v) for k, v in model(sample).items()})


class Integers(tf.Module):
    """Integers of several types in and out."""

    @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.int8, "a"), tf.TensorSpec([None, 4], tf.int32, "b"), tf.TensorSpec([4], tf.uint8, "c")])
    def __call__(self, a, b, c):
        return {"sum": tf.cast(a, tf.int64) + tf.cast(b, tf.int64) + tf.cast(c, tf.int64), "more": tf.cast(a, tf.int32) > b}


m = Integers()
tf.saved_model.save(m, str(root / "integers"), signatures=m.__call__)
ints = {"a": np.array([[-128, 1, 2, 127]], np.int8), "b": np.array([[5, -5, 1 << 30, 0]], np.int32), "c": np.array([255, 0, 1, 2], np.uint8)}
save("integers", ints, {k: v.numpy() for k, v in m(**{k: tf.constant(v) for k, v in ints.items()}).items()})


class Texts(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def __call__(self, text):
        return {"length": tf.strings.length(text)}


t = Texts()
tf.saved_model.save(t, str(root / "texts"), signatures=t.__call__)
(root / "versions.json").write_text(json.dumps({"tensorflow": tf.__version__, "keras": keras.__version__}))
