#!/usr/bin/env python3
"""Take every sync of the device's state away, one at a time, and demand a failing test.

    python scripts/mutate/syncs.py

Works in a copy of the module. The state is that of updates, the guard, trust,
the identity and the commands; telemetry has tests of its own kind. Prints each sync
that no test misses and leaves with 1 if there is one.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

FILES = ["ota/*.go", "ota/disk/*.go", "ota/fetch/*.go", "ota/guard/*.go", "ota/trust/*.go", "agent/uplink/*.go"]
# Where the tests of a folder's syncs are, the quick ones first.
TESTS = {"ota/trust": ["./ota/trust"], "agent/uplink": ["./agent/uplink"], "ota/disk": ["./agent/uplink", "./ota"]}
SYNC = re.compile(r"([\w.]+)\.Sync\(\)|(?:disk\.)?\bSyncDir\(")


def passes(packages):
    run = ["go", "test", "-count=1", "-failfast", "-timeout", "30m", "-run", "PowerCut"]
    return all(subprocess.run(run + [p], capture_output=True).returncode == 0 for p in packages)


def mutants():
    for path in sorted(p for f in FILES for p in glob.glob(f) if not p.endswith("_test.go")):
        for n, line in enumerate(open(path).read().split("\n")):
            if line.startswith("func ") or "//" in line.split("Sync")[0]:
                continue
            for m in SYNC.finditer(line):
                instead = "func(any) error { return nil }(%s)" % m.group(1) if m.group(1) else "func(string) error { return nil }("
                yield path, n, line[: m.start()] + instead + line[m.end():]


def main():
    root = tempfile.mkdtemp(prefix="syncs")
    top = os.path.join(root, "main")
    shutil.copytree(".", top, ignore=shutil.ignore_patterns(".git", ".venv", "bin", "dist"))
    os.chdir(top)
    if not passes(["./ota/trust", "./agent/uplink", "./ota"]):
        sys.exit("the tests fail as things stand")
    missed = tried = 0
    for path, n, line in list(mutants()):
        text = open(path).read()
        lines = text.split("\n")
        lines[n] = line
        open(path, "w").write("\n".join(lines))
        if subprocess.run(["go", "vet", "./ota/...", "./agent/uplink"], capture_output=True).returncode != 0:
            sys.exit("%s:%d does not build: %s" % (path, n + 1, line))
        tried += 1
        alive = passes(TESTS.get(os.path.dirname(path), ["./ota"]))
        missed += alive
        print("%s:%d %s" % (path, n + 1, "no test misses it" if alive else "is missed"), flush=True)
        open(path, "w").write(text)
    shutil.rmtree(root)
    print("%d syncs, %d of which no test misses" % (tried, missed))
    return 1 if missed or not tried else 0


sys.exit(main())
