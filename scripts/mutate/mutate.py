#!/usr/bin/env python3
"""Change numbers in the kernels one at a time and demand a failing test.

    python scripts/mutate/mutate.py [--seed 1] [--seed 2...] [--skip 0] [--count 40] [--allow 0] [--known] [FILE[:LINE]...]

Works in a copy of the module. FILEs are names in inference/internal/kernel, micro and
fmath; without them all that this machine compiles is drawn from, but for the drivers of
assembly and where memory lies. A whole number grows by 1, any other by a thousandth;
where no test notices, it shrinks by 1, doubles, is halved: memory that is too large
shows in no result, but too little does. A number none of whose changes a test notices is
printed, and more of a seed than the share allowed leave with 1. Most changes are
switches that switches.go writes into one test binary for all of them; numbers that have
to be constants are compiled anew.

First every test runs once with coverage: those of the engine on portable Go and on the
best tier, those of kernels, which look for tiers themselves, also on an emulated arm64
where there is qemu-user (MUTATE_ARM=0: not even then). The changes of a number then meet
the tests that reach its line, those outside of functions all tests: first what promises
most for its time by what it noticed in the same file before, the least change before
others with the same test.

The numbers of tuning.go choose between ways to the same result. Every test has to pass
with each of their changes: one that a test notices counts as unnoticed ones do.

A change that does not compile counts for nothing. Numbers in lines that equivalent.txt
has, or with a change whose outcome it has, are left out: it gives the reason why no
result changes. --known draws from those instead, and prints what a test does notice.
--count 0 tries all there are: half an hour on two cores, and minutes for each number of
tuning.go.
"""
import argparse
import multiprocessing
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
        profile = covered + ".profile"
        listed = subprocess.run([*self.within, covered, "-test.list", ARM64[1] if arch else "^Test"], capture_output=True, text=True, cwd=package)
        for name in listed.stdout.split():
            for tier in () if IDLE.match(name) else TIERS.get(name, ("",) if arch or "internal" in package else ("generic", "")):
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


def condition(path, line):
    """The line that who reaches it decides what a line says: of a case that of its switch."""
    text = open(path).read().split("\n")
    indent = re.match(r"(\t*)case ", text[line - 1])
    while indent and not re.match(indent[1] + r"(\S.*)?\b(switch|select)\b", text[line - 1]):
        line -= 1
    return line


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
        packages = [(p, root) for p in PACKAGES]
        if shutil.which(ARM64[2][0]) and os.environ.get("MUTATE_ARM") != "0":
            packages += [(p, root, "arm64") for p in ARM64[0]]
        with multiprocessing.Pool() as pool:
            self.tests = pool.starmap(Tests, packages, 1)
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
        self.numbers, self.history, self.built = {}, {}, (None, {})
        for index, path, line, column, number, other in listed:
            self.numbers.setdefault((path, int(line), int(column), number), []).append((int(index), other))

    @staticmethod
    def changed(place, other):
        path, line, column, number = place
        text = open(path).read().split("\n")[line - 1].encode()
        return text[:column - 1].decode() + other + text[column - 1 + len(number):].decode()

    def tried(self, place):
        """The first change of a number that a test notices, and what the test
        printed; or the last change, and None. None twice where none compiles."""
        path, line = place[0], condition(*place[:2])
        anywhere, last = line not in functions(path), None
        runs = [(self.cost(path, k, t, r), k, t, r) for k in range(len(self.numbers[place])) for t in self.tests for r in t.runs
                if anywhere or line in r[3].get(path, ())]
        compiles = {} if runs else {k: self.binary(place, k, self.tests[0]) for k in range(len(self.numbers[place]))}
        for _, k, t, (seconds, tier, name, _) in sorted(runs, key=lambda r: r[:2]):
            if not compiles.setdefault(k, True):
                continue
            binary = self.binary(place, k, t)
            compiles[k] = bool(binary)
            if binary:
                r = t.run(binary, tier, name, 20 + 10 * int(seconds), self.numbers[place][k][0])
                ran = self.history.setdefault((path, min(k, 1), t, tier, name), [0, 0])
                ran[0] += 1
                ran[1] += r.returncode != 0
                if r.returncode:
                    return self.numbers[place][k][1], r.stdout + r.stderr
        for k, ok in compiles.items():
            last = self.numbers[place][k][1] if ok else last
        return last, None

    def cost(self, path, k, t, run):
        """The seconds that it takes with this test until a change is noticed."""
        ran, failed = self.history.get((path, min(k, 1), t, *run[1:3]), (0, 0))
        return (run[0] + 0.05) * (ran + 2) / (failed + (0.2 if k == 0 else 0.1))

    def binary(self, place, k, t):
        """The tests of a package with a change, or None where it does not compile."""
        index, other = self.numbers[place][k]
        if index >= 0:
            return self.switched[t]
        if self.built[0] != place:
            self.built = place, {}
        if (k, t) not in self.built[1]:
            path, line = place[:2]
            text = open(path).read()
            lines = text.split("\n")
            lines[line - 1] = self.changed(place, other)
            open(path, "w").write("\n".join(lines))
            self.built[1][k, t] = t.build("changed_%d_%d" % (os.getpid(), k))
            open(path, "w").write(text)
        return self.built[1][k, t]


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


def separate(top):
    """Gives a process of the pool a module of its own to change."""
    own = "%s-%d" % (top, os.getpid())
    shutil.copytree(top, own)
    os.chdir(own)


def attempt(place):
    return place, *everything.tried(place)


def draw(pool, changes, left_out, files, seed, skip, count, allow, from_known):
    """Tries count numbers in the order of a seed; tells whether all is well."""
    drawn = sorted(p for p in changes.numbers if not files or {os.path.basename(p[0]), "%s:%d" % (os.path.basename(p[0]), p[1])} & set(files))
    random.Random(seed).shuffle(drawn)
    drawn = [p for p in drawn if (p in left_out) == from_known][skip:]
    drawn = drawn[:count or len(drawn)]
    tuning = bad = 0
    start = time.time()
    for n, (place, other, seen) in enumerate(pool.imap_unordered(attempt, drawn), 1):
        tunes = other and os.path.basename(place[0]) == TUNING
        tuning += bool(tunes and seen is None)
        line, problem = other and changes.changed(place, other).strip(), ""
        if seen is not None and "test timed out" in seen:
            print("%s:%d: the tests do not end with %s" % (*place[:2], line), flush=True)
        if (from_known or tunes) and seen is not None:
            problem = "a test notices " + line
        elif other and not (from_known or tunes) and seen is None:
            problem = "no test notices another number for %s in column %d of %s" % (place[3], place[2], forms(changes, place)[0])
        if problem:
            bad += 1
            print("%s:%d: %s" % (*place[:2], problem), flush=True)
        if n % 25 == 0:
            print("seed %d: %d of %d tried, %d bad, %d s" % (seed, n, len(drawn), bad, time.time() - start), file=sys.stderr, flush=True)
    print("seed %d, %d numbers: %d of tuning that change no result, %d %s" % (
        seed, len(drawn), tuning, bad, "noticed though listed" if from_known else "bad"), flush=True)
    return bad <= allow * len(drawn)


def main(files, seeds, skip, count, allow, from_known):
    global everything
    root = tempfile.mkdtemp(prefix="mutate")
    known = equivalent(os.path.dirname(os.path.abspath(__file__)))
    everything = changes = Changes(root)
    left_out = listed(changes, known)
    print("%d numbers in %d files, %d of them in equivalent.txt" % (len(changes.numbers), len({d[0] for d in changes.numbers}), len(left_out)), flush=True)
    with multiprocessing.Pool(initializer=separate, initargs=(os.getcwd(),)) as pool:
        well = [draw(pool, changes, left_out, files, seed, skip, count, allow, from_known) for seed in seeds]
    shutil.rmtree(root)
    return 0 if all(well) else 1


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, action="append")
    p.add_argument("--skip", type=int, default=0, help="numbers of a seed's order to pass over")
    p.add_argument("--count", type=int, default=40, help="numbers to try; 0: all")
    p.add_argument("--allow", type=float, default=0, help="share of the numbers that may go unnoticed")
    p.add_argument("--known", action="store_true", help="draw from what equivalent.txt lists")
    p.add_argument("files", nargs="*")
    a = p.parse_args()
    sys.exit(main(a.files, a.seed or [1], a.skip, a.count, a.allow, a.known))
