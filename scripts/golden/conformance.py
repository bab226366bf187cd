#!/usr/bin/env python3
"""Run every model of a folder through LiteRT (or tflite-micro) and dunlin and compare the bytes.

    python scripts/golden/conformance.py bin/dunlin MODELS_DIR [--cases 20]

Prints one line a model: how many output bytes differ over the seeded inputs
(models.py), for floats the largest difference relative to the largest value,
or what the engine does not support. Leaves with 1 if anything that runs
differs: a byte of an integer output, or more than 1e-5 of a float one.
"""
import argparse
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
        self.bytes = self.differ = self.worst = 0

    def add(self, ours, theirs):
        self.bytes += theirs.nbytes
        if theirs.dtype == np.float32:
            scale = float(np.max(np.abs(theirs))) or 1.0
            self.worst = max(self.worst, float(np.max(np.abs(ours - theirs))) / scale)
        else:
            self.differ += int(np.count_nonzero(np.frombuffer(ours.tobytes(), np.uint8) != np.frombuffer(theirs.tobytes(), np.uint8)))

    def verdict(self):
        return self.differ == 0 and self.worst <= FLOAT_LIMIT


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


def compare(dunlin, path, cases):
    it = interpreter(path)
    tally = Tally()
    stateful = any(o["op_name"] == "CALL_ONCE" for o in it._get_ops_details())
    with tempfile.TemporaryDirectory() as tmp:
        for case in range(1 if stateful else cases):  # a run of dunlin starts from fresh state
            if not stateful:
                it.reset_all_variables()
            args = [dunlin, "model", "run", path, "--out-dir", tmp]
            for k, d in enumerate(it.get_input_details()):
                x = seeded_input(case, k, d["dtype"], d["shape"])
                it.set_tensor(d["index"], x)
                name = os.path.join(tmp, "in%d.bin" % k)
                x.tofile(name)
                args += ["--in", "%d=%s" % (k, name)]
            it.invoke()
            subprocess.run(args, check=True)
            for k, d in enumerate(it.get_output_details()):
                theirs = it.get_tensor(d["index"])
                tally.add(np.fromfile(os.path.join(tmp, "out%d.bin" % k), theirs.dtype).reshape(theirs.shape), theirs)
    return tally


def main(dunlin, folder, cases):
    ok = True
    for path in tflite_files(folder):
        name = os.path.relpath(path, folder)
        missing = unsupported(dunlin, path)
        if missing:
            print("%-58s absent: %s%s" % (name, missing[0], ", and %d more" % (len(missing) - 1) if len(missing) > 1 else ""))
            continue
        t = compare(dunlin, path, cases)
        ok = ok and t.verdict()
        print("%-58s %s %9d bytes, %d differ%s" % (
            name, "equal " if t.verdict() else "DIFFER", t.bytes, t.differ, ", floats within %.1e" % t.worst if t.worst else ""))
        sys.stdout.flush()
    return 0 if ok else 1


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("dunlin")
    p.add_argument("models")
    p.add_argument("--cases", type=int, default=20)
    a = p.parse_args()
    sys.exit(main(a.dunlin, a.models, a.cases))
