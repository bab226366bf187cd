"""Record what tflite-micro's audio preprocessor models answer.

Needs tflite-micro==0.dev20261023182759 and numpy==2.4.6, and the directory of
tflite-micro's micro_speech models. Usage:

    python signal_micro.py MODELS_DIR OUT.gz

MODELS_DIR holds tflite-micro/audio_preprocessor_{int8,float}.tflite and
inputs/{yes,no,silence,noise}_1000ms.wav. OUT gets, for every signal, its name,
its frame count, the int16 features (25.6 times the float model's output) and
the int8 features. Generated signals are made again by the Go test; of the
recordings only the features are kept.
"""

import gzip
import struct
import sys
import wave

import numpy as np
from tflite_micro.python.tflite_micro import runtime

FRAME, STEP, WIDTH, LENGTH = 480, 320, 40, 16000


def noise(seed, amplitude):
    """A linear congruential generator, scaled: the Go test has the same."""
    out = np.empty(LENGTH, np.int16)
    state = seed
    for i in range(LENGTH):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = ((state >> 16) - 32768) * amplitude >> 15
    return out


def signals(models):
    i = np.arange(LENGTH)
    yield "zeros", np.zeros(LENGTH, np.int16)
    yield "dc high", np.full(LENGTH, 32767, np.int16)
    yield "dc low", np.full(LENGTH, -32768, np.int16)
    yield "square 32", np.where(i // 16 % 2 == 0, 32767, -32768).astype(np.int16)
    yield "square 7", np.where(i // 7 % 2 == 0, -32768, 32767).astype(np.int16)
    yield "alternating", np.where(i % 2 == 0, 32767, -32768).astype(np.int16)
    yield "impulses", np.where(i % 1000 == 500, 32767, 0).astype(np.int16)
    yield "one", np.where(i == 8000, -32768, 0).astype(np.int16)
    yield "low peak", np.where(i % 320 == 240, -32768, noise(97, 40)).astype(np.int16)
    loud = np.where((i % 320 >= 160) & (i % 320 < 240), noise(96, 12000), noise(97, 40))
    yield "low after loud", np.where(i % 320 == 240, -32768, loud).astype(np.int16)
    for k, amplitude in enumerate([32768, 12000, 1000, 60, 3, 1]):
        yield f"noise {amplitude}", noise(k + 1, amplitude)
    yield "bursts", np.where(i // 4000 % 2 == 0, noise(99, 20000), noise(98, 2)).astype(np.int16)
    for name in "yes", "no", "silence", "noise":
        with wave.open(f"{models}/inputs/{name}_1000ms.wav") as f:
            yield f"file {name}", np.frombuffer(f.readframes(LENGTH), np.int16)


def run(path, samples):
    interpreter = runtime.Interpreter.from_file(path)
    rows = []
    for start in range(0, len(samples) - FRAME + 1, STEP):
        interpreter.set_input(samples[start : start + FRAME].reshape(1, FRAME), 0)
        interpreter.invoke()
        rows.append(interpreter.get_output(0).reshape(WIDTH).copy())
    return np.array(rows)


def main(models, out):
    blob = b""
    for name, samples in signals(models):
        real = run(f"{models}/tflite-micro/audio_preprocessor_float.tflite", samples)
        features = np.round(real * 25.6).astype("<i2")
        int8 = run(f"{models}/tflite-micro/audio_preprocessor_int8.tflite", samples)
        assert np.array_equal(features.astype(np.float32) / np.float32(25.6), real)
        blob += struct.pack("<B", len(name)) + name.encode()
        blob += struct.pack("<H", len(features)) + features.tobytes() + int8.astype(np.int8).tobytes()
        print(name, features.min(), features.max())
    with open(out, "wb") as f:
        f.write(gzip.compress(blob, mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
