"""What both trainings share: one seed, one thread, one way to int8."""

import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import tensorflow as tf


def fix_seeds(seed: int) -> None:
    """Makes a training repeatable on one kind of CPU."""
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def to_int8(model: tf.keras.Model, samples: np.ndarray, path: str) -> int:
    """Writes model as a fully int8 .tflite and returns its size in bytes.

    samples (n, ...) are float inputs whose range becomes the input's scale.
    """

    def representative():
        for s in samples:
            yield [s[None].astype(np.float32)]

    with tempfile.TemporaryDirectory() as saved:
        archive = tf.keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint("serve", lambda x: model(x, training=False),
                             [tf.TensorSpec((1,) + model.input_shape[1:], tf.float32, name="input")])
        archive.write_out(saved, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        data = convert(converter, representative)
    with open(path, "wb") as f:
        f.write(data)
    return len(data)


def convert(converter: tf.lite.TFLiteConverter, representative) -> bytes:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter.convert()


def lite_accuracy(path: str, x: np.ndarray, y: np.ndarray) -> float:
    """Accuracy of the int8 model in LiteRT, to compare with our engine's."""
    lite = tf.lite.Interpreter(path)
    lite.allocate_tensors()
    i, o = lite.get_input_details()[0], lite.get_output_details()[0]
    scale, zero = i["quantization"]
    right = 0
    for a, b in zip(x, y):
        q = np.clip(np.round(a / scale) + zero, -128, 127).astype(np.int8)
        lite.set_tensor(i["index"], q.reshape(i["shape"]))
        lite.invoke()
        right += int(np.argmax(lite.get_tensor(o["index"])) == b)
    return right / len(x)
