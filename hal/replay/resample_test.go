package replay

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"testing"
)

// convert resamples a whole clip, pushed in pieces and pulled in pieces.
func convert(t testing.TB, from, to float64, channels, piece int, in []float32) []float32 {
	t.Helper()
	r, err := newResampler(from, to, channels)
	if err != nil {
		t.Fatal(err)
	}
	var out []float32
	buf := make([]float32, piece*channels)
	for !r.finished() {
		if n := min(piece*channels, len(in)); n > 0 {
			r.push(in[:n])
			in = in[n:]
		} else if r.end < 0 {
			r.finish()
		}
		for n := r.pull(buf); n > 0; n = r.pull(buf) {
			out = append(out, buf[:n*channels]...)
		}
	}
	return out
}

func tone(hz, rate float64, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(math.Sin(2 * math.Pi * hz * float64(i) / rate))
	}
	return out
}

// A tone both rates can carry comes out as the same tone, without delay.
func TestResampleTone(t *testing.T) {
	for _, tc := range []struct{ from, to float64 }{{48000, 16000}, {44100, 16000}, {8000, 16000}, {16000, 44100}, {1600, 1599.5}, {100.003, 100}, {96000, 8000}} {
		hz := min(tc.from, tc.to) * 0.31
		n := int(tc.from)
		if tc.from < 2000 {
			n *= 10
		}
		got := convert(t, tc.from, tc.to, 1, 500, tone(hz, tc.from, n))
		if want := int(math.Ceil(float64(n) * tc.to / tc.from)); len(got) != want {
			t.Errorf("%v -> %v: %d frames, want %d", tc.from, tc.to, len(got), want)
		}
		want := tone(hz, tc.to, len(got))
		worst, edge := 0.0, 100
		for i := edge; i < len(got)-edge; i++ {
			worst = max(worst, math.Abs(float64(got[i]-want[i])))
		}
		if worst > 2e-4 {
			t.Errorf("%v -> %v: error %.2g", tc.from, tc.to, worst)
		}
	}
}

// What the lower rate cannot carry is gone, not folded down.
func TestResampleStopsAliases(t *testing.T) {
	got := convert(t, 48000, 16000, 1, 1000, tone(11000, 48000, 48000))
	for i := 100; i < len(got)-100; i++ {
		if math.Abs(float64(got[i])) > 1e-4 {
			t.Fatalf("frame %d: %v", i, got[i])
		}
	}
}

func TestResampleKeepsConstants(t *testing.T) {
	in := slices.Repeat([]float32{1, -0.5}, 5000)
	got := convert(t, 44100, 16000, 2, 333, in)
	for i := 200; i < len(got)-200; i += 2 {
		if math.Abs(float64(got[i]-1)) > 1e-5 || math.Abs(float64(got[i+1]+0.5)) > 1e-5 {
			t.Fatalf("frame %d: %v %v", i/2, got[i], got[i+1])
		}
	}
}

func TestEqualRatesCopy(t *testing.T) {
	in := tone(100, 8000, 9999)
	if got := convert(t, 8000, 8000, 3, 77, in); !slices.Equal(got, in) {
		t.Error("samples changed")
	}
}

// The pieces do not matter, and neither does the CPU.
func TestResampleIsFixed(t *testing.T) {
	in := make([]float32, 20000)
	for i, x := 0, uint32(1); i < len(in); i++ {
		x = x*1664525 + 1013904223
		in[i] = float32(int32(x)) / (1 << 31)
	}
	sum := sha256.New()
	for _, to := range []float64{16000, 11025, 22049.5} {
		whole := convert(t, 44100, to, 2, 10000, in)
		if !slices.Equal(whole, convert(t, 44100, to, 2, 61, in)) {
			t.Errorf("to %v: pieces change the result", to)
		}
		if err := binary.Write(sum, binary.LittleEndian, whole); err != nil {
			t.Fatal(err)
		}
	}
	const want = "3cd810eea12f24e95991f9570f2984e5b5b847bda7b0fe2024fcfe3df5ad041c"
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("samples have sha256 %s, want %s", got, want)
	}
}

func TestResampleRatio(t *testing.T) {
	if _, err := newResampler(1e6, 1, 1); err == nil {
		t.Error("a ratio of a million was taken")
	}
}

func BenchmarkResample48to16(b *testing.B) {
	in := tone(100, 48000, 48000)
	for b.Loop() {
		convert(b, 48000, 16000, 1, 4096, in)
	}
}
