package delta

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func between(t testing.TB, old, next []byte) []byte {
	t.Helper()
	var d bytes.Buffer
	if err := Make(&d, old, next); err != nil {
		t.Fatal(err)
	}
	return d.Bytes()
}

func noise(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// edit changes some places of a file as a new release would: bytes replaced,
// put in, taken out, parts moved.
func edit(rng *rand.Rand, old []byte) []byte {
	next := bytes.Clone(old)
	for range rng.IntN(5) {
		at := rng.IntN(len(next) + 1)
		n := min(rng.IntN(200), len(next)-at)
		switch rng.IntN(5) {
		case 0:
			copy(next[at:at+n], noise(rng, n))
		case 1:
			next = append(next[:at:at], append(noise(rng, n), next[at:]...)...)
		case 2:
			next = append(next[:at:at], next[at+n:]...)
		case 3:
			for i := range next[at : at+n] {
				next[at+i] += byte(rng.IntN(3))
			}
		default:
			next = append(next[at:len(next):len(next)], next[:at]...)
		}
	}
	return next
}

func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range 2000 {
		old := noise(rng, rng.IntN(3000))
		if i%3 == 0 { // long runs of one byte, where blocks look alike
			old = bytes.Repeat([]byte{byte(i)}, rng.IntN(3000))
		}
		next := edit(rng, old)
		if i%7 == 0 {
			next = noise(rng, rng.IntN(500))
		}
		var got bytes.Buffer
		if err := Apply(&got, bytes.NewReader(old), int64(len(old)), bytes.NewReader(between(t, old, next))); err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		if !bytes.Equal(got.Bytes(), next) {
			t.Fatalf("case %d: %d bytes, want %d", i, got.Len(), len(next))
		}
	}
}

func TestSmall(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	old := noise(rng, 1<<20)
	next := bytes.Clone(old)
	copy(next[500_000:], noise(rng, 20_000))
	if n := len(between(t, old, next)); n > 20_200 {
		t.Errorf("20,000 bytes changed in a file of 1 MiB: a delta of %d bytes", n)
	}
}

// weights are int8 of a normal distribution, in rows of their own scale, and
// the same trained a little further.
func weights(rng *rand.Rand, n int, step float64) (old, next []byte) {
	old, next = make([]byte, n), make([]byte, n)
	for i := range old {
		w := rng.NormFloat64() * 40
		old[i] = byte(int8(min(max(math.Round(w), -127), 127)))
		next[i] = byte(int8(min(max(math.Round(w+rng.NormFloat64()*step), -127), 127)))
	}
	return old, next
}

// TestFineTuned: weights that all moved a little are worth a delta.
func TestFineTuned(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for _, c := range []struct{ moved, most float64 }{{0.001, 0.06}, {0.01, 0.30}, {0.05, 0.55}} {
		old, next := weights(rng, 1<<18, 40*c.moved)
		share := float64(len(between(t, old, next))) / float64(len(next))
		t.Logf("weights moved by %.1f %% of their deviation: a delta of %.1f %%", 100*c.moved, 100*share)
		if share > c.most {
			t.Errorf("more than %.0f %%", 100*c.most)
		}
	}
}

// steps packs numbers and bytes as Make does, right or wrong.
func steps(parts ...any) []byte {
	var b bytes.Buffer
	b.WriteString(magic)
	z, _ := flate.NewWriter(&b, 1)
	for _, p := range parts {
		switch p := p.(type) {
		case uint64:
			_, _ = z.Write(binary.AppendUvarint(nil, p))
		case int64:
			_, _ = z.Write(binary.AppendVarint(nil, p))
		case string:
			_, _ = io.WriteString(z, p)
		}
	}
	_ = z.Close()
	return b.Bytes()
}

func TestHostile(t *testing.T) {
	good := between(t, []byte(strings.Repeat("old", 50)), []byte(strings.Repeat("old", 50)+"new"))
	for name, d := range map[string][]byte{
		"empty":              nil,
		"other magic":        append([]byte("BSDIFF40"), good[8:]...),
		"cut":                good[:len(good)-3],
		"no deflate":         []byte(magic + "\xff\xff\xff"),
		"before the start":   steps(uint64(1), int64(-1), uint64(0)),
		"behind the end":     steps(uint64(1), int64(1)<<62, uint64(0)),
		"longer than it is":  steps(uint64(151), int64(0), uint64(0)),
		"2^63":               steps(uint64(1)<<63, int64(0), uint64(0)),
		"2^40 of a copy":     steps(uint64(1)<<40, int64(0), uint64(0)),
		"nothing":            steps(uint64(0), uint64(0)),
		"nothing added":      steps(uint64(0), uint64(1)),
		"less than promised": steps(uint64(0), uint64(20), "short"),
		"less to add":        steps(uint64(0), uint64(21), "short"),
		"added to nothing":   steps(uint64(150), int64(0), uint64(3), "x"),
		"a varint of 11":     []byte(magic + string(steps(strings.Repeat("\xff", 11))[8:])),
	} {
		var got bytes.Buffer
		err := Apply(&got, strings.NewReader(strings.Repeat("old", 50)), 150, bytes.NewReader(d))
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

type full struct{ left int }

var errFull = errors.New("full")

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// FuzzApply: no delta ends the program or makes more than its writer takes.
func FuzzApply(f *testing.F) {
	old := []byte(strings.Repeat("the old file ", 20))
	f.Add(between(f, old, append([]byte("new "), old...))[len(magic):])
	f.Add(steps(uint64(5), int64(7), uint64(6), "abc", uint64(0), uint64(7), "abc")[len(magic):])
	f.Fuzz(func(t *testing.T, d []byte) {
		_ = Apply(&full{1 << 20}, bytes.NewReader(old), int64(len(old)), io.MultiReader(strings.NewReader(magic), bytes.NewReader(d)))
		// And the steps themselves, which a fuzzer rarely reaches through DEFLATE.
		_ = Apply(&full{1 << 20}, bytes.NewReader(old), int64(len(old)), bytes.NewReader(steps(string(d))))
	})
}
