#!/usr/bin/env python3
"""Record LiteRT's outputs of whole float models on seeded inputs.

    python scripts/golden/models_float.py MODELS_DIR inference/testdata/models_float.zip

The archive holds NAME.golden of every model, as models.py writes it.
"""
import os
import sys
import tempfile
import zipfile

import models

CASES = 4
MODELS = ["mlperf-tiny/pretrainedResnet", "mlperf-tiny/vww_96_float", "vision/face_detection_short_range",
          "mlperf-tiny/ad01_dynamic_range"]

if __name__ == "__main__":
    models.CASES = CASES
    with tempfile.TemporaryDirectory() as out, zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for m in MODELS:
            models.record(sys.argv[1], out, m)
            name = os.path.basename(m) + ".golden"
            with open(os.path.join(out, name), "rb") as f:
                z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), f.read(), zipfile.ZIP_DEFLATED)
