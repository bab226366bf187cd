#!/usr/bin/env python3
"""Record LiteRT where it cannot be matched: 8-bit TANH whose table the C library's
tanhf moves (ops.tanh_agrees). Every input value is there.

    python scripts/golden/ops_near.py inference/testdata/ops_near.zip

The archive has the form ops.py gives it. Glibc 2.36 made the committed one.
"""
import importlib.metadata
import sys
import zipfile

import numpy as np
from ai_edge_litert import schema_py_generated as s

from ops import CASES, OP, T, Model, run
from ops_cells import forced

# Scales with the zero point -128, found among 60,000 draws.
SCALES = [0.08657702, 0.010077522]


def main(path):
    head = "litert %s\ncases %d\n\n" % (importlib.metadata.version("ai-edge-litert"), CASES)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for i, scale in enumerate(SCALES):
            m, name = Model(), "tanh_%03d" % i
            x, v = forced(m, T.INT8, [np.arange(-128, 128)], scale=np.float32(scale), zero=-128)
            y = m.tensor("y", T.INT8, [1, 256], 1 / 128, 0)
            m.op(OP.TANH, 2, [v], [y], None, None)
            data = m.bytes([x], [y])
            for suffix, body in ((".tflite", data), (".golden", ("model %s.tflite\n%s" % (name, head)).encode() + run(data))):
                z.writestr(zipfile.ZipInfo(name + suffix, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main(sys.argv[1])
