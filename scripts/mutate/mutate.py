#!/usr/bin/env python3
"""Change numbers in the kernels one at a time and demand a failing test.

    python scripts/mutate/mutate.py [--seed 1] [--count 40] [--allow 0.2] [FILE...]

Works in a copy of the module. FILEs are names in inference/internal/kernel,
micro and fmath; without them all that this machine compiles but the drivers of
assembly are drawn from. A whole number grows by 1, any other by a thousandth:
by a switch that switches.go writes into one test binary for all of them, those
that have to be constants by compiling anew.

First every test runs once with coverage, on portable Go and on the best tier.
A change then meets the tests that reach its line, the quickest first; one
outside of functions meets them all. Prints each number whose change no test
notices and leaves with 1 if they are more than the share allowed, and those that
tests notice by never ending. A change that does not compile counts for nothing, and neither does one
in a line that equivalent.txt has, or whose outcome it has, with the reason why it changes no result.
"""
import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

FOLDERS = ["inference/internal/kernel", "inference/internal/micro", "inference/internal/fmath"]
PACKAGES = ["inference", "inference/internal/kernel", "inference/internal/micro", "inference/internal/fmath", "inference/signal"]
# These look at tables, disassemble, or run again what others run.
IDLE = re.compile(r"^(TestMatrix|TestEvery\w+|TestHostile|TestForeignFile|TestTruncated|TestFileCut\w+|TestNoFusedMultiplyAdd|TestOpenKeepsNothing\w*"
                  r"|TestRunAllocatesNothing|TestThreadsA\w+|TestSession\w+|TestInputsSurviveRun|TestBackend|TestLoopLimits|TestMaxMemory)$")
# The slowest run on one tier.
TIERS = {"TestEqualsLiteRT": ("generic",), "TestFloatModelsNearLiteRT": ("generic",), "TestThreads": ("",), "TestSEANET": ("generic",)}
NICE = ["nice", "-n", os.environ.get("MUTATE_NICE", "10")]


def go(*args):
    return subprocess.run([*NICE, "go", *args], capture_output=True, text=True)


class Tests:
    """The tests of a package, each with its time and the lines it reaches."""

    def __init__(self, package, work):
        self.package, self.work, self.runs = package, work, []  # (seconds, tier, name, {file: lines})
        covered = self.build("covered", "-cover", "-coverpkg=./inference/...")
        profile = os.path.join(work, "profile")
        listed = subprocess.run([covered, "-test.list", "^Test"], capture_output=True, text=True, cwd=package)
        for name in listed.stdout.split():
            for tier in () if IDLE.match(name) else TIERS.get(name, ("generic", "")):
                start = time.time()
                r = self.run(covered, tier, name, 600, -1, "-test.coverprofile=" + profile)
                if r.returncode:
                    sys.exit("%s %s fails as it is:\n%s" % (package, name, r.stdout))
                self.runs.append((time.time() - start, tier, name, reached(profile)))
        self.runs.sort(key=lambda r: r[0])

    def build(self, name, *flags):
        """The test binary, or None where it does not compile."""
        binary = os.path.join(self.work, name + "_" + self.package.replace("/", "_"))
        ok = go("test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w", *flags, "-o", binary, "./" + self.package).returncode == 0
        return binary if ok else None

    def run(self, binary, tier, name, limit, mutant, *flags):
        env = {**os.environ, "DUNLIN_CPU": tier, "MUTANT": str(mutant)}
        return subprocess.run([*NICE, binary, "-test.short=%s" % (self.package == "inference"), "-test.failfast", "-test.run", "^%s$" % name, "-test.timeout", "%ds" % limit, *flags],
                              capture_output=True, text=True, cwd=self.package, env=env)


def reached(profile):
    lines = {}
    for entry in open(profile).read().split("\n")[1:]:
        m = re.match(r"[^/]+/[^/]+/[^/]+/(.+):(\d+)\.\d+,(\d+)\.\d+ \d+ (\d+)", entry)
        if m and m[4] != "0":
            lines.setdefault(m[1], set()).update(range(int(m[2]), int(m[3]) + 1))
    return lines


def functions(path):
    """The lines within functions."""
    inside, open_ = set(), False
    for n, line in enumerate(open(path).read().split("\n"), 1):
        open_ = open_ or line.startswith("func ")
        if open_:
            inside.add(n)
        if line.startswith("}") or line.startswith("func ") and line.endswith("}"):
            open_ = False
    return inside


def noticed(tests, path, line, binary, mutant):
    """What the first failing test prints, or None where all pass. binary gives
    the binary of a package's tests, or None where the change does not compile."""
    anywhere = line not in functions(path)
    for t in tests:
        for seconds, tier, name, lines in t.runs:
            if not anywhere and line not in lines.get(path, ()):
                continue
            if not binary(t):
                return "does not compile"
            r = t.run(binary(t), tier, name, 60 + 10 * int(seconds), mutant)
            if r.returncode:
                return r.stdout + r.stderr
    return None


def equivalent(folder):
    """The lines of code, by file, a change of which, or to which, is known to change no result."""
    known, name = {}, ""
    for line in open(os.path.join(folder, "equivalent.txt")):
        if line.startswith("\t"):
            known.setdefault(name, set()).add(line.strip())
        elif not line.startswith("#"):
            name = line.split(":")[0].strip()
    return known


def main(files, seed, count, allow):
    root = tempfile.mkdtemp(prefix="mutate")
    here, top = os.getcwd(), os.path.join(root, "main")
    known = equivalent(os.path.dirname(os.path.abspath(__file__)))
    shutil.copytree(".", top, ignore=shutil.ignore_patterns(".git", ".venv", "bin", "dist"))
    os.symlink(os.path.realpath("../shared"), os.path.join(root, "shared"))
    os.chdir(top)
    tests = [Tests(p, root) for p in PACKAGES]
    r = go("run", "./scripts/mutate", *FOLDERS)
    if r.returncode:
        sys.exit(r.stderr)
    drawn = [n.split("\t") for n in r.stdout.splitlines()]
    switched = {t.package: t.build("switched") for t in tests}
    for folder in FOLDERS:
        os.remove(folder + "/mutated.go")
    for path in {d[1] for d in drawn}:
        shutil.copy(os.path.join(here, path), path)
    drawn = [d for d in drawn if not files or os.path.basename(d[1]) in files]
    random.Random(seed).shuffle(drawn)
    print("%d numbers in %d files" % (len(drawn), len({d[1] for d in drawn})), flush=True)
    survived = tried = endless = 0
    for index, path, line, column, number, other in drawn:
        if tried == count:
            break
        text, line, at = open(path).read(), int(line), int(column) - 1
        lines = text.split("\n")
        if lines[line - 1].strip() in known.get(os.path.basename(path), ()):
            continue
        changed = lines[line - 1].encode()[:at].decode() + other + lines[line - 1].encode()[at + len(number):].decode()
        if changed.strip() in known.get(os.path.basename(path), ()):
            continue
        if int(index) >= 0:
            seen = noticed(tests, path, line, lambda t: switched[t.package], index)
        else:
            lines[line - 1] = changed
            open(path, "w").write("\n".join(lines))
            built = {}
            seen = noticed(tests, path, line, lambda t: built[t.package] if t.package in built else built.setdefault(t.package, t.build("changed")), -1)
            open(path, "w").write(text)
        if seen == "does not compile":
            continue
        tried += 1
        if tried % 25 == 0:
            print("%d tried, %d unnoticed" % (tried, survived), file=sys.stderr, flush=True)
        if seen is None:
            survived += 1
            print("%s:%d: no test notices %s" % (path, line, changed.strip()), flush=True)
        elif "test timed out" in seen:
            endless += 1
            print("%s:%d: the tests do not end with %s" % (path, line, changed.strip()), flush=True)
    shutil.rmtree(root)
    print("%d of %d changes unnoticed, %d by tests that do not end" % (survived, tried, endless))
    return 1 if survived > allow * tried else 0


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--count", type=int, default=40)
    p.add_argument("--allow", type=float, default=0, help="share of changes that may go unnoticed")
    p.add_argument("files", nargs="*")
    a = p.parse_args()
    sys.exit(main(a.files, a.seed, a.count, a.allow))
