#!/usr/bin/env python3
"""Run every golden model through LiteRT again and compare with what is recorded.

    python scripts/golden/goldens.py inference/testdata/*.zip

Prints one line an archive: models, those of other oracles (they name theirs),
how many bytes of integers differ, and for floats the largest difference relative
to the largest value. Leaves with 1 if a byte differs or a float by more than 1e-5.
"""
import importlib.metadata
import os
import sys
import zipfile

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from conformance import Tally
from models import seeded_input
from ops_flow import output, run_signature


def header(golden):
    head, body = golden.split(b"\n\n", 1)
    return dict(line.split(" ", 1) for line in head.decode().splitlines()), body


def live(data, cases):
    """LiteRT's outputs and their types, case by case."""
    it = Interpreter(model_content=data, num_threads=1)
    it.allocate_tensors()
    for case in range(cases):
        for k, d in enumerate(it.get_input_details()):
            it.set_tensor(d["index"], seeded_input(case, k, d["dtype"], d["shape"]))
        it.invoke()
        for d in it.get_output_details():
            yield d["dtype"], output(it, d["index"])


def compare(tally, data, golden):
    head, body = header(golden)
    if not head["litert"][0].isdigit():
        return False
    if "signature" in head:
        parts = [(np.uint8, run_signature(data, head["signature"]))]
    else:
        parts = live(data, int(head["cases"]))
    at = 0
    for dtype, theirs in parts:
        ours = body[at:at + len(theirs)]
        at += len(theirs)
        kind = np.float32 if dtype == np.float32 else np.uint8
        if len(ours) != len(theirs):
            tally.differ += len(theirs)
        elif len(theirs):
            a, b = np.frombuffer(ours, kind), np.frombuffer(theirs, kind)
            same = np.isfinite(a) & np.isfinite(b)
            tally.add(a[same], b[same]) if same.any() else None
    return True


def main(paths):
    ok = True
    print("goldens against ai-edge-litert %s" % importlib.metadata.version("ai-edge-litert"))
    for path in paths:
        tally, models, others = Tally(), 0, 0
        with zipfile.ZipFile(path) as z:
            for name in z.namelist():
                golden = name[:-7] + ".golden"
                if not name.endswith(".tflite") or golden not in z.namelist():
                    continue
                models += 1
                others += not compare(tally, z.read(name), z.read(golden))
        if models == 0:
            continue
        ok = ok and tally.verdict()
        print("%-20s %s %5d models%s, %9d bytes, %d differ, floats within %.1e" % (
            os.path.basename(path), "equal " if tally.verdict() else "DIFFER", models,
            ", %d of other oracles" % others if others else "", tally.bytes, tally.differ, tally.worst))
        sys.stdout.flush()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
