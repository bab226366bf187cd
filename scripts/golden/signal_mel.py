"""Record log-mel features and cepstra as TensorFlow computes them.

Needs tensorflow-cpu==2.21.0, numpy==2.4.6. Usage: python signal_mel.py OUT.gz

The graphs are those of MLPerf Tiny (mlcommons/tiny get_dataset.py of
keyword_spotting and streaming_wakeword; anomaly_detection common.py with the
Slaney filters of librosa, which are written out here). The input is a seeded
chirp with noise that the Go test makes again. OUT holds, for every case: name,
rows, width, float32 features; and the mel matrices, row by row.
"""

import functools
import gzip
import struct
import sys

import numpy as np
import tensorflow as tf

N = 16000


def noise(seed, n):
    out = np.empty(n, np.int64)
    state = seed
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = (state >> 16) - 32768
    return out


def clip():
    """A square wave of falling period over noise that fades in."""
    i = np.arange(N)
    period = 200 - i // 100
    square = np.where(i % period * 2 < period, 9000, -9000)
    x = square + (noise(7, N) * i >> 16)
    x[:3000] = 0
    return (np.clip(x, -32768, 32767) / 32768).astype(np.float32)


def kws(x):
    x = x / tf.reduce_max(x)
    s = tf.abs(tf.signal.stft(x, 480, 320, window_fn=tf.signal.hann_window))
    mel = tf.signal.linear_to_mel_weight_matrix(40, s.shape[-1], 16000, 20.0, 4000.0)
    log = tf.math.log(tf.tensordot(s, mel, 1) + 1e-6)
    return tf.signal.mfccs_from_log_mel_spectrograms(log)[..., :10], mel


def wakeword(x):
    x = tf.concat([x[:1], x[1:] - (1 - 2**-5) * x[:-1]], 0)
    window = functools.partial(tf.signal.hamming_window, periodic=False)
    s = tf.square(tf.abs(tf.signal.stft(x, 1024, 512, window_fn=window))) / 1024
    s = tf.clip_by_value(s, 1e-30, tf.reduce_max(s))
    mel = tf.signal.linear_to_mel_weight_matrix(40, s.shape[-1], 16000, 0.0, 8000.0)
    db = 10 * tf.math.log(tf.tensordot(s, mel, 1)) / tf.math.log(10.0)
    return tf.clip_by_value((db + 52) / 64, 0, 1), mel


def slaney(bands, fft, rate):
    to_mel = lambda hz: np.where(hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1) / 1000) / (np.log(6.4) / 27))
    to_hz = lambda m: np.where(m < 15, m * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (m - 15)))
    edges = to_hz(np.linspace(to_mel(np.float64(0)), to_mel(np.float64(rate / 2)), bands + 2))
    bins = np.linspace(0, rate / 2, fft // 2 + 1)
    up = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return (np.maximum(0, np.minimum(up, down)) * 2 / (edges[2:] - edges[:-2])[:, None]).T.astype(np.float32)


def toycar(x):
    s = np.abs(np.asarray(tf.signal.stft(x, 1024, 512))) ** 2
    mel = slaney(128, 1024, 16000)
    return 10 * np.log10(s @ mel + sys.float_info.epsilon), mel


def main(out):
    x = clip()
    blob = b""
    for name, f in ("kws", kws), ("wakeword", wakeword), ("toycar", toycar):
        features, mel = f(x)
        for part, a in (name, features), (name + " bank", mel):
            a = np.asarray(a, np.float32)
            blob += struct.pack("<B", len(part)) + part.encode()
            blob += struct.pack("<HH", *a.shape) + a.tobytes()
            print(part, a.shape, a.min(), a.max())
    with open(out, "wb") as f:
        f.write(gzip.compress(blob, mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
