"""Record vibration features as numpy and scipy compute them.

Needs numpy==2.4.6, scipy==1.17.1. Usage: python signal_vibration.py OUT.gz

The input, which the Go test makes again, is 3 axes of integers scaled to g.
OUT holds for every case: name, count, float32 features.
"""

import gzip
import struct
import sys

import numpy as np
from scipy import signal, stats


def noise(seed, n):
    out = np.empty(n, np.int64)
    state = seed
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = (state >> 16) - 32768
    return out


def axes(n):
    """Noise with an offset; bursts of it every 100 samples; a square wave."""
    i = np.arange(n)
    x = 8000 + (noise(11, n) >> 3)
    y = np.where(i % 100 < 12, noise(12, n) >> 1, noise(13, n) >> 7)
    z = np.where(i % 50 < 25, 4000, -4000) + (noise(14, n) >> 6)
    return (np.stack([x, y, z], 1) / 4096).astype(np.float32)


def welch(x, rate, nfft):
    _, p = signal.welch(x, rate, "hann", nperseg=nfft, noverlap=nfft // 2, detrend=False)
    return p * rate / nfft


def bands(p, edges, width):
    f = np.arange(len(p)) * width
    return [p[(f >= lo) & (f < hi)].sum() for lo, hi in edges]


def features(data, rate, nfft, edges, log):
    out = []
    db = lambda p: 10 * np.log10(np.asarray(p) + 1e-12) if log else np.asarray(p)
    for x in data.T.astype(np.float64):
        d = x - x.mean()
        rms = np.sqrt((d**2).mean())
        peak = abs(d).max()
        out += [x.mean(), rms, peak, peak / rms, stats.skew(d), stats.kurtosis(d)]
        n = 1 << (len(d) - 1).bit_length()
        env = abs(signal.hilbert(d, n))[: len(d)]
        env -= env.mean()
        for s in d, env:
            p = welch(s, rate, nfft)
            out += [*db(bands(p, edges, rate / nfft)), *db(p)]
    return np.asarray(out, np.float32)


def main(out):
    blob = b""
    edges = [(5, 30), (30, 200), (200, 800)]
    for name, n, nfft, log in ("linear", 1024, 1024, False), ("averaged", 2000, 256, False), ("log", 1500, 128, True):
        f = features(axes(n), 1600, nfft, edges, log)
        blob += struct.pack("<B", len(name)) + name.encode() + struct.pack("<H", len(f)) + f.tobytes()
        print(name, len(f), f[:6])
    with open(out, "wb") as f:
        f.write(gzip.compress(blob, mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
