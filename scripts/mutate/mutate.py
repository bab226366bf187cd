#!/usr/bin/env python3
"""Change numbers in the kernels one at a time and demand a failing test.

    python scripts/mutate/mutate.py [--seed 1] [--count 40] [FILE...]

Works in a copy of the module. FILEs are names in inference/internal/kernel,
micro and fmath; without them all portable ones are drawn from. Prints
each number whose change no test notices and leaves with 1 if there is one, and
those that tests notice by never ending. A
change that does not compile, or that names the same value, counts for nothing.
"""
import argparse
import glob
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

FOLDERS = ["inference/internal/kernel", "inference/internal/micro", "inference/internal/fmath"]
GO = ["go", "test", "-count=1", "-failfast"]
# Operators in portable Go first, which are quick. What these let pass meets the
# vector kernels, whose drivers portable runs never call, and whole models.
STAGES = [
    ("generic", GO + ["-timeout", "120s", "-run", "Ops|Near|Moves|YOLO|Audio|SEANET|^Test(Atan2|LogAndExp|SincosTurn)", "./inference", "./inference/internal/fmath"]),
    ("", GO + ["-timeout", "300s", "-run", "Ops|Cells|Types|Threads|Tiles|Rows|Pools|Resize|Multiplier|Peak|Hybrid", "./inference", "./inference/internal/kernel"]),
    ("generic", GO + ["-short", "-timeout", "600s", "-run", "EqualsLiteRT", "./inference"]),
]
NUMBER = re.compile(r"(?<![\w.])(0x[0-9a-fA-F]+|\d+)(?![\w.])")


def places(path):
    """Where whole numbers stand in code, outside comments and strings."""
    found = []
    for n, line in enumerate(open(path).read().split("\n")):
        code = re.sub(r'"[^"]*"|`[^`]*`', lambda m: " " * len(m.group()), line.split("//")[0])
        if not re.match(r"\s*(import|package)", code):
            found += [(path, n, m.start(), m.end()) for m in NUMBER.finditer(code)]
    return found


def noticed():
    """What the first failing tests print, or None where all pass."""
    for tier, stage in STAGES:
        r = subprocess.run(stage, capture_output=True, text=True, env={**os.environ, "DUNLIN_CPU": tier})
        if r.returncode:
            return r.stdout + r.stderr
    return None


def main(files, seed, count):
    root = tempfile.mkdtemp(prefix="mutate")
    top = os.path.join(root, "main")
    shutil.copytree(".", top, ignore=shutil.ignore_patterns(".git", ".venv", "bin", "dist"))
    os.symlink(os.path.realpath("../shared"), os.path.join(root, "shared"))
    os.chdir(top)
    sources = [p for f in FOLDERS for p in glob.glob(f + "/*.go") if not re.search(r"_test\.go|_amd64|_arm64|bench", p)]
    if files:
        sources = [p for p in sources if os.path.basename(p) in files]
    drawn = [p for s in sorted(sources) for p in places(s)]
    random.Random(seed).shuffle(drawn)
    survived = tried = 0
    for path, n, a, b in drawn:
        if tried == count:
            break
        text = open(path).read()
        lines = text.split("\n")
        lines[n] = "%s%d%s" % (lines[n][:a], int(lines[n][a:b], 0) + 1, lines[n][b:])
        open(path, "w").write("\n".join(lines))
        if subprocess.run(["go", "build", "./inference"], capture_output=True).returncode == 0:
            tried += 1
            if tried % 25 == 0:
                print("%d tried" % tried, file=sys.stderr, flush=True)
            seen = noticed()
            if seen is None:
                survived += 1
                print("%s:%d: no test notices %s" % (path, n + 1, lines[n].strip()), flush=True)
            elif "test timed out" in seen:
                print("%s:%d: the tests do not end with %s" % (path, n + 1, lines[n].strip()), flush=True)
        open(path, "w").write(text)
    shutil.rmtree(root)
    print("%d of %d changes unnoticed" % (survived, tried))
    return 1 if survived else 0


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--count", type=int, default=40)
    p.add_argument("files", nargs="*")
    a = p.parse_args()
    sys.exit(main(a.files, a.seed, a.count))
