#!/usr/bin/env python3
"""Change numbers in the kernels one at a time and demand a failing test.

    python scripts/mutate/mutate.py [--seed 1] [--seed 2...] [--count 40] [--allow 0] [--known] [FILE...]

Works in a copy of the module. FILEs are names in inference/internal/kernel,
micro and fmath; without them all that this machine compiles is drawn from, but for
the drivers of assembly and where memory lies. A whole number grows by 1, any other
by a thousandth; where no test notices, it shrinks by 1, doubles, is halved: memory
that is too large shows in no result, but too little does. A number none of whose
changes a test notices is printed, and more of a seed than the share allowed leave
with 1. Most changes are switches that
switches.go writes into one test binary for all of them; numbers that have to be
constants are compiled anew.

First every test runs once with coverage, on portable Go and on the best tier;
those of vector kernels also on an emulated arm64, where there is qemu-user. A change
then meets the tests that reach its line, the quickest first; one outside of functions
meets them all. The emulator's turn comes when no other test notices any change.

The numbers of tuning.go choose between ways to the same result. Every test has
to pass with each of their changes: one that a test notices counts as unnoticed ones do.

A change that does not compile counts for nothing. Numbers in lines that
equivalent.txt has, or with a change whose outcome it has, are left out: it gives
the reason why no result changes. --known draws from those instead, and prints
what a test does notice.
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
# What is tested on arm64, too: packages, tests, and how to run them.
ARM64 = ["inference/internal/kernel"], "Tiles|Rows|Pools|Resize|Multiplier|Dynamic", ["qemu-aarch64-static", "-cpu", "max"]
TUNING = "tuning.go"


def go(*args, arch=None):
    env = {**os.environ, "GOARCH": arch} if arch else None
    return subprocess.run([*NICE, "go", *args], capture_output=True, text=True, env=env)


class Tests:
    """The tests of a package, each with its time and the lines it reaches."""

    def __init__(self, package, work, arch=None):
        self.package, self.work, self.arch, self.runs = package, work, arch, []  # (seconds, tier, name, {file: lines})
        self.within = ARM64[2] if arch else []
        covered = self.build("covered", "-cover", "-coverpkg=./inference/...")
        profile = os.path.join(work, "profile")
        listed = subprocess.run([*self.within, covered, "-test.list", ARM64[1] if arch else "^Test"], capture_output=True, text=True, cwd=package)
        for name in listed.stdout.split():
            for tier in () if IDLE.match(name) else TIERS.get(name, ("",) if arch else ("generic", "")):
                start = time.time()
                r = self.run(covered, tier, name, 600, -1, "-test.coverprofile=" + profile)
                if r.returncode:
                    sys.exit("%s %s fails as it is:\n%s" % (package, name, r.stdout))
                self.runs.append((time.time() - start, tier, name, reached(profile)))
        self.runs.sort(key=lambda r: r[0])

    def build(self, name, *flags):
        """The test binary, or None where it does not compile."""
        binary = os.path.join(self.work, "_".join([name, self.arch or "", self.package.replace("/", "_")]))
        ok = go("test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w", *flags, "-o", binary, "./" + self.package, arch=self.arch).returncode == 0
        return binary if ok else None

    def run(self, binary, tier, name, limit, mutant, *flags):
        env = {**os.environ, "DUNLIN_CPU": tier, "MUTANT": str(mutant)}
        return subprocess.run([*NICE, *self.within, binary, "-test.short=%s" % (self.package == "inference"), "-test.failfast", "-test.run", "^%s$" % name, "-test.timeout", "%ds" % limit, *flags],
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


class Changes:
    """The copy of the module, and its tests with a number changed."""

    def __init__(self, root):
        top = os.path.join(root, "main")
        shutil.copytree(".", top, ignore=shutil.ignore_patterns(".git", ".venv", "bin", "dist"))
        os.symlink(os.path.realpath("../shared"), os.path.join(root, "shared"))
        os.chdir(top)
        self.tests = [Tests(p, root) for p in PACKAGES]
        if shutil.which(ARM64[2][0]):
            self.tests += [Tests(p, root, "arm64") for p in ARM64[0]]
        for folder in FOLDERS:
            shutil.copytree(folder, os.path.join(root, folder))
        r = go("run", "./scripts/mutate", *FOLDERS)
        if r.returncode:
            sys.exit(r.stderr)
        listed = [n.split("\t") for n in r.stdout.splitlines()]
        self.switched = {t: t.build("switched") for t in self.tests}
        for folder in FOLDERS:
            os.remove(folder + "/mutated.go")
        for path in {d[1] for d in listed}:
            shutil.copy(os.path.join(root, path), path)
        self.numbers = {}
        for index, path, line, column, number, other in listed:
            self.numbers.setdefault((path, int(line), int(column), number), []).append((int(index), other))

    @staticmethod
    def changed(place, other):
        path, line, column, number = place
        text = open(path).read().split("\n")[line - 1].encode()
        return text[:column - 1].decode() + other + text[column - 1 + len(number):].decode()

    def least(self, place):
        """The first change of a number that a test notices, counted from 0, and what
        the test printed; or the last one, and None. None twice where none compiles."""
        last = None, None
        for emulated in (False, True):
            tests = [t for t in self.tests if bool(t.arch) == emulated]
            for k, (index, other) in enumerate(self.numbers[place]):
                seen = self.noticed(tests, place, index, other)
                if seen != "does not compile":
                    last = k, other
                    if seen is not None:
                        return k, other, seen
        return *last, None

    def noticed(self, tests, place, index, other):
        path, line = place[:2]
        if index >= 0:
            return noticed(tests, path, line, lambda t: self.switched[t], index)
        text = open(path).read()
        lines = text.split("\n")
        lines[line - 1] = self.changed(place, other)
        open(path, "w").write("\n".join(lines))
        built = {}
        seen = noticed(tests, path, line, lambda t: built[t] if t in built else built.setdefault(t, t.build("changed")), -1)
        if seen is None and not built and not tests[0].build("changed"):  # no test comes by
            seen = "does not compile"
        open(path, "w").write(text)
        return seen


def forms(changes, place):
    """The line of a number, as it stands and after each change."""
    line = open(place[0]).read().split("\n")[place[1] - 1]
    return [l.strip() for l in [line] + [changes.changed(place, o) for _, o in changes.numbers[place]]]


def listed(changes, known):
    """The numbers that equivalent.txt has. What it has that is not there is an error."""
    found, places = {}, set()
    for place in changes.numbers:
        name = os.path.basename(place[0])
        at = known.get(name, set()).intersection(forms(changes, place))
        found.setdefault(name, set()).update(at)
        if at:
            places.add(place)
    gone = ["%s: %s" % (name, line) for name, lines in known.items() for line in lines - found.get(name, set())]
    if gone:
        sys.exit("equivalent.txt has what is not there:\n" + "\n".join(gone))
    return places


def draw(changes, left_out, files, seed, count, allow, from_known):
    """Tries count numbers in the order of a seed; tells whether all is well."""
    drawn = sorted(p for p in changes.numbers if not files or os.path.basename(p[0]) in files)
    random.Random(seed).shuffle(drawn)
    tried = at_once = tuning = bad = 0
    for place in drawn:
        if tried == count:
            break
        if (place in left_out) == from_known:
            k, other, seen = changes.least(place)
            if k is None:
                continue
            tried += 1
            at_once += seen is not None and k == 0
            tunes = os.path.basename(place[0]) == TUNING
            tuning += tunes and seen is None
            line, problem = changes.changed(place, other).strip(), ""
            if seen is not None and "test timed out" in seen:
                print("%s:%d: the tests do not end with %s" % (*place[:2], line), flush=True)
            if (from_known or tunes) and seen is not None:
                problem = "a test notices " + line
            elif not (from_known or tunes) and seen is None:
                problem = "no test notices another number for %s in column %d of %s" % (place[3], place[2], forms(changes, place)[0])
            if problem:
                bad += 1
                print("%s:%d: %s" % (*place[:2], problem), flush=True)
            if tried % 25 == 0:
                print("seed %d: %d tried, %d bad" % (seed, tried, bad), file=sys.stderr, flush=True)
    print("seed %d, %d numbers: %d noticed by the least change, %d of tuning that change no result, %d %s" % (
        seed, tried, at_once, tuning, bad, "noticed though listed" if from_known else "bad"), flush=True)
    return bad <= allow * tried


def main(files, seeds, count, allow, from_known):
    root = tempfile.mkdtemp(prefix="mutate")
    known = equivalent(os.path.dirname(os.path.abspath(__file__)))
    changes = Changes(root)
    left_out = listed(changes, known)
    print("%d numbers in %d files" % (len(changes.numbers), len({d[0] for d in changes.numbers})), flush=True)
    well = [draw(changes, left_out, files, seed, count, allow, from_known) for seed in seeds]
    shutil.rmtree(root)
    return 0 if all(well) else 1


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, action="append")
    p.add_argument("--count", type=int, default=40)
    p.add_argument("--allow", type=float, default=0, help="share of the numbers that may go unnoticed")
    p.add_argument("--known", action="store_true", help="draw from what equivalent.txt lists")
    p.add_argument("files", nargs="*")
    a = p.parse_args()
    sys.exit(main(a.files, a.seed or [1], a.count, a.allow, a.known))
