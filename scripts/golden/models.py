#!/usr/bin/env python3
"""Record LiteRT's outputs on seeded inputs.

    python scripts/golden/models.py MODELS_DIR inference/testdata/litert

MODELS_DIR holds the models named below. Each gets DIR/NAME.golden: a text
header (model digest, LiteRT version, cases), a blank line, then the raw output
bytes of all cases in order. Inputs are not stored: both sides make them from
the case number with splitmix64 (see seeded_input).

Default resolver, default delegates, one thread. Cases run in order on one
interpreter: models with variables carry their state from case to case.
"""
import hashlib
import os
import sys

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
import flatbuffers
import importlib.metadata

CASES = 20
MODELS = [
    "mlperf-tiny/ad01_int8", "mlperf-tiny/kws_ref_model", "mlperf-tiny/pretrainedResnet_quant",
    "mlperf-tiny/str_ww_ref_model", "mlperf-tiny/vww_96_int8", "tflite-micro/hello_world_int8",
    "tflite-micro/micro_speech_quantized", "tflite-micro/person_detect",
    "wakeword/hey_jarvis_v1", "wakeword/okay_nabu", "wakeword/vad",
    "tflite-micro/trained_lstm_int8", "audio/yamnet_audio_classifier_with_metadata", "vision/movenet_single_pose_lightning_ptq",
    "vision/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29", "vision/mobilenet_v1_0.25_128_quant", "vision/mobilenet_v2_1.0_224_quant", "vision/tf2_mobilenet_v2_1.0_224_ptq",
]


def splitmix64(seed, n):
    """n bytes of the generator of Steele, Lea and Flood (2014), little-endian."""
    words = (n + 7) // 8
    state = (np.uint64(seed) + np.arange(1, words + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).astype("<u8").tobytes()[:n]


def seeded_input(case, index, dtype, shape):
    """One byte an element, narrowed by case % 4 bits so that small signals occur
    too, then converted to the type."""
    raw = splitmix64(1000 * (case + 1) + index, int(np.prod(shape)))
    if dtype == np.uint8:
        return (np.frombuffer(raw, np.uint8) >> (case % 4)).reshape(shape)
    if dtype == np.bool_:
        return (np.frombuffer(raw, np.uint8) & 1).astype(np.bool_).reshape(shape)
    v = (np.frombuffer(raw, np.int8) >> (case % 4)).reshape(shape)
    if dtype == np.int16:
        return v.astype(np.int16) * np.int16(129)
    if dtype == np.float32:
        return v.astype(np.float32) / np.float32(8)
    return v.astype(dtype)


def load(path):
    """Read a model; 1-D tensors get quantized dimension 0.

    person_detect numbers the axis of its biases as in the filter (3), which
    LiteRT 2.3.0 refuses. The values are the same either way.
    """
    data = open(path, "rb").read()
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    changed = False
    for t in model.subgraphs[0].tensors:
        if t.quantization is not None and t.shape is not None and len(t.shape) == 1 and t.quantization.quantizedDimension:
            t.quantization.quantizedDimension, changed = 0, True
    if not changed:
        return data, data
    b = flatbuffers.Builder(len(data))
    b.Finish(model.Pack(b), b"TFL3")
    return data, bytes(b.Output())


def record(models, out, name):
    original, data = load(os.path.join(models, name + ".tflite"))
    it = Interpreter(model_content=data, num_threads=1)
    it.allocate_tensors()
    body = b""
    for case in range(CASES):
        for k, d in enumerate(it.get_input_details()):
            it.set_tensor(d["index"], seeded_input(case, k, d["dtype"], d["shape"]))
        it.invoke()
        for d in it.get_output_details():
            body += np.ascontiguousarray(it.get_tensor(d["index"])).tobytes()
    head = "model %s.tflite\nsha256 %s\nlitert %s\ncases %d\n\n" % (
        name, hashlib.sha256(original).hexdigest(), importlib.metadata.version("ai-edge-litert"), CASES)
    with open(os.path.join(out, os.path.basename(name) + ".golden"), "wb") as f:
        f.write(head.encode() + body)
    print("%-40s %7d bytes" % (name, len(body)))


if __name__ == "__main__":
    for m in MODELS:
        record(sys.argv[1], sys.argv[2], m)
