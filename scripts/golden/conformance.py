#!/usr/bin/env python3
"""Run every model of a folder through LiteRT (or tflite-micro) and dunlin and compare the bytes.

    python scripts/golden/conformance.py bin/dunlin MODELS_DIR [--cases 20]

Prints one line a model: how many output bytes differ over the seeded inputs
(models.py) and over the photographs or the recording in MODELS_DIR/inputs that fit
the model's input, for floats the largest difference relative to the largest value,
or what the engine does not support. Leaves with 1 if anything that runs
differs: a byte of an integer output, or more than 1e-5 of a float one.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from models import load, seeded_input

FLOAT_LIMIT = 1e-5


def tflite_files(folder):
    for base, dirs, files in os.walk(folder):
        dirs.sort()
        if os.path.basename(base) != "seanet":  # single operators with goldens of their own
            yield from sorted(os.path.join(base, f) for f in files if f.endswith(".tflite"))


def unsupported(dunlin, path):
    got = subprocess.run([dunlin, "model", "inspect", path, "--json"], capture_output=True, text=True)
    return json.loads(got.stdout)["unsupported"] if got.stdout else [got.stderr.splitlines()[0]]


class Tally:
    def __init__(self):
        self.bytes = self.differ = self.worst = self.real = 0

    def add(self, ours, theirs):
        self.bytes += theirs.nbytes
        if theirs.dtype == np.float32:
            scale = float(np.max(np.abs(theirs))) or 1.0
            self.worst = max(self.worst, float(np.max(np.abs(ours - theirs))) / scale)
        else:
            self.differ += int(np.count_nonzero(np.frombuffer(ours.tobytes(), np.uint8) != np.frombuffer(theirs.tobytes(), np.uint8)))

    def verdict(self):
        return self.differ == 0 and self.worst <= FLOAT_LIMIT


def bitmap(path):
    """A BMP of 24 bits as [height, width, 3] RGB."""
    raw = open(path, "rb").read()
    at, w, h = (int.from_bytes(raw[i:i + 4], "little", signed=True) for i in (10, 18, 22))
    if int.from_bytes(raw[28:30], "little") != 24:
        return None
    rows = np.frombuffer(raw[at:at + (3 * w + 3) // 4 * 4 * abs(h)], np.uint8).reshape(abs(h), -1)[:, :3 * w].reshape(abs(h), w, 3)
    return rows[::-1 if h > 0 else 1, :, ::-1]


def real_inputs(folder, details):
    """What the files of a folder give as the only input of a model."""
    if len(details) != 1:
        return
    d = details[0]
    shape, dtype = [int(v) for v in d["shape"]], d["dtype"]
    if len(shape) == 4 and shape[0] == 1 and shape[3] in (1, 3) and shape[1] >= 32 and shape[2] >= 32:
        for path in sorted(glob.glob(os.path.join(folder, "*.bmp"))):
            img = bitmap(path)
            if img is None:
                continue
            img = img[np.arange(shape[1]) * img.shape[0] // shape[1]][:, np.arange(shape[2]) * img.shape[1] // shape[2]]
            x = img.astype(np.int32) if shape[3] == 3 else img.astype(np.int32).mean(axis=2, keepdims=True).astype(np.int32)
            yield (x - 128 if dtype == np.int8 else x / 127.5 - 1 if dtype == np.float32 else x).astype(dtype).reshape(shape)
    elif dtype == np.float32 and int(np.prod(shape)) in (15600, 16000):
        for path in sorted(glob.glob(os.path.join(folder, "*.wav"))):
            n = int(np.prod(shape))
            pcm = np.frombuffer(open(path, "rb").read()[44:44 + 2 * n], "<i2")
            yield (np.pad(pcm, (0, n - len(pcm))) / 32768).astype(np.float32).reshape(shape)


class Micro:
    """tflite-micro's interpreter with the part of LiteRT's interface used here."""

    def __init__(self, path):
        from tflite_micro.python.tflite_micro import runtime
        self.it = runtime.Interpreter.from_file(path)

    def details(self, get):
        d = get(0)
        return [{"index": 0, "dtype": np.dtype(d["dtype"]), "shape": d["shape"]}]

    def get_input_details(self):
        return self.details(self.it.get_input_details)

    def get_output_details(self):
        return self.details(self.it.get_output_details)

    def set_tensor(self, index, x):
        self.it.set_input(x, index)

    def get_tensor(self, index):
        return self.it.get_output(index)

    def invoke(self):
        self.it.invoke()

    def _get_ops_details(self):
        return [{"op_name": "CALL_ONCE"}]  # the noise estimate is state


def interpreter(path):
    data = load(path)[1]
    if b"SignalRfft" in data:  # which LiteRT lacks
        return Micro(path)
    it = Interpreter(model_content=data, num_threads=1)
    it.allocate_tensors()
    return it


def one(dunlin, path, tmp, it, tally, inputs):
    """Run both on the same inputs."""
    args = [dunlin, "model", "run", path, "--out-dir", tmp]
    for k, (d, x) in enumerate(zip(it.get_input_details(), inputs)):
        it.set_tensor(d["index"], x)
        name = os.path.join(tmp, "in%d.bin" % k)
        x.tofile(name)
        args += ["--in", "%d=%s" % (k, name)]
    it.invoke()
    subprocess.run(args, check=True)
    for k, d in enumerate(it.get_output_details()):
        theirs = it.get_tensor(d["index"])
        tally.add(np.fromfile(os.path.join(tmp, "out%d.bin" % k), theirs.dtype).reshape(theirs.shape), theirs)


def compare(dunlin, path, cases, folder):
    it = interpreter(path)
    tally = Tally()
    stateful = any(o["op_name"] == "CALL_ONCE" for o in it._get_ops_details())
    with tempfile.TemporaryDirectory() as tmp:
        for case in range(1 if stateful else cases):  # a run of dunlin starts from fresh state
            if not stateful:
                it.reset_all_variables()
            one(dunlin, path, tmp, it, tally, [seeded_input(case, k, d["dtype"], d["shape"]) for k, d in enumerate(it.get_input_details())])
        for x in real_inputs(folder, it.get_input_details()) if not stateful else ():
            it.reset_all_variables()
            tally.real += 1
            one(dunlin, path, tmp, it, tally, [x])
    return tally


def main(dunlin, folder, cases):
    ok = True
    for path in tflite_files(folder):
        name = os.path.relpath(path, folder)
        missing = unsupported(dunlin, path)
        if missing:
            print("%-58s absent: %s%s" % (name, missing[0], ", and %d more" % (len(missing) - 1) if len(missing) > 1 else ""))
            continue
        t = compare(dunlin, path, cases, os.path.join(folder, "inputs"))
        ok = ok and t.verdict()
        print("%-58s %s %9d bytes, %d differ%s%s" % (
            name, "equal " if t.verdict() else "DIFFER", t.bytes, t.differ, ", floats within %.1e" % t.worst if t.worst else "",
            ", %d real inputs" % t.real if t.real else ""))
        sys.stdout.flush()
    return 0 if ok else 1


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("dunlin")
    p.add_argument("models")
    p.add_argument("--cases", type=int, default=20)
    a = p.parse_args()
    sys.exit(main(a.dunlin, a.models, a.cases))
