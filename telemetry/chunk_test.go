package telemetry

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sample fills a builder with n plausible records: two decisions a second
// with jitter, mostly confident.
func sample(kind Kind, n int, seed uint64) *builder {
	r := rand.New(rand.NewPCG(seed, 1))
	b := newBuilder(kind, 0)
	at := 3 * time.Hour
	src := Source{Pipeline: "machine"}
	for i := range src.Model {
		src.Model[i] = byte(i)
	}
	for i := range n {
		at += 500*time.Millisecond + time.Duration(r.NormFloat64()*float64(3*time.Millisecond))
		switch kind {
		case KindEvent:
			b.event(&Event{Time: at, Code: EventAgent, Value: int64(i) - 2, Text: "sensor lost"})
		case KindResult:
			s := 1 - r.Float32()*r.Float32()
			b.result(&Result{
				Time: at, Source: src, Class: uint16(r.IntN(4)), Score: s, Margin: s - (1-s)*r.Float32(),
				Latency: time.Duration(200+40*r.NormFloat64()) * time.Microsecond,
			})
		case KindHealth:
			b.health(&Health{Time: at, Name: [...]string{"temperature_c", "free_bytes"}[i%2], Value: r.Float32()})
		case KindCapture:
			b.capture(&Capture{Time: at, Digest: src.Model, Size: 1 << 16, Why: 2})
		case KindGap:
			b.gap(Gap{Range{uint64(10 * i), 3}, reasonFull})
		}
	}
	return b
}

var testHead = head{epoch: 0xdeadbeef, first: 1000, boot: [16]byte{1, 2, 3}, offset: 1763900000000, synced: true}

func mustSeal(t testing.TB, b *builder) []byte {
	t.Helper()
	h := testHead
	if b.kind == KindGap {
		h.first = 0
	}
	data, err := b.seal(h)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestGolden fixes the format: chunks that devices hold must stay readable.
func TestGolden(t *testing.T) {
	for kind := KindEvent; kind <= KindGap; kind++ {
		name := filepath.Join("testdata", kind.String()+".hex")
		got := mustSeal(t, sample(kind, 5, 1))
		if os.Getenv("DUNLIN_UPDATE") != "" {
			if err := os.WriteFile(name, []byte(hex.EncodeToString(got)+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n%x, want\n%x", kind, got, want)
		}
		c, err := Decode(want)
		if err != nil || c.Len() != 5 || c.Kind != kind || c.Epoch != testHead.epoch || c.Boot != testHead.boot || !c.Synced {
			t.Errorf("%s: got %+v, %v", kind, c, err)
		}
	}
}

// TestRoundTrip: what comes out is what went in, to the documented steps.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 2000 {
		b := newBuilder(KindResult, 0)
		var in []Result
		for range 1 + r.IntN(60) {
			res := Result{
				Time: time.Duration(r.Int64N(1 << r.IntN(60))), Class: uint16(r.Uint32()),
				Source:  Source{Pipeline: strings.Repeat("p", r.IntN(3)), Model: [32]byte{byte(r.IntN(3))}},
				Latency: time.Duration(r.Int64N(1 << (1 + r.IntN(44)))), Score: r.Float32(),
			}
			res.Margin = res.Score * r.Float32()
			switch r.IntN(20) {
			case 0:
				res.Margin = float32(math.NaN())
			case 1:
				res.Score, res.Margin = float32(math.NaN()), float32(math.NaN())
			}
			in = append(in, res)
			b.result(&res)
		}
		c, err := Decode(mustSeal(t, b))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Results) != len(in) {
			t.Fatalf("%d results, want %d", len(c.Results), len(in))
		}
		for i, got := range c.Results {
			want := in[i]
			ok := got.Time == want.Time.Truncate(time.Millisecond) && got.Source == want.Source && got.Class == want.Class &&
				near(got.Score, want.Score, 0.51e-4) && near(got.Margin, want.Margin, 1.01e-4) &&
				(got.Latency-want.Latency).Abs() <= latencyLSB/2
			if !ok {
				t.Fatalf("got %+v, want %+v", got, want)
			}
		}
	}
}

func near(a, b, within float32) bool {
	return a != a && b != b || float32(math.Abs(float64(a-b))) <= within
}

// TestExtremes: no value a caller can pass makes a chunk nobody can read.
func TestExtremes(t *testing.T) {
	inf := float32(math.Inf(1))
	b := newBuilder(KindResult, 0)
	for _, r := range []Result{
		{Time: -1, Score: -inf, Margin: inf, Latency: -1},
		{Time: math.MaxInt64, Score: inf, Margin: inf, Latency: math.MaxInt64, Class: math.MaxUint16},
		{Source: Source{Pipeline: strings.Repeat("ä", 100)}},
		{Score: float32(math.NaN()), Margin: 0.5},
	} {
		before := b.bytes
		b.result(&r)
		if b.bytes-before > worst {
			t.Errorf("a record took %d bytes, bound is %d", b.bytes-before, worst)
		}
	}
	e := newBuilder(KindEvent, 0)
	e.event(&Event{Time: math.MaxInt64, Code: math.MaxUint16, Value: math.MinInt64, Text: strings.Repeat("\xff", 1000)})
	if e.bytes > worst {
		t.Errorf("an event took %d bytes, bound is %d", e.bytes, worst)
	}
	before := e.bytes
	e.event(&Event{Time: math.MaxInt64, Code: EventProfile, Value: math.MinInt64, Text: strings.Repeat("\xff", 5000)})
	if n := e.bytes - before; n > worstEvent || n < maxData {
		t.Errorf("a profile took %d bytes, bound is %d", n, worstEvent)
	}
	for _, b := range []*builder{b, e} {
		data := mustSeal(t, b)
		if _, err := Decode(data); err != nil {
			t.Error(err)
		}
		if len(data) > b.size() {
			t.Errorf("%d bytes, bound is %d", len(data), b.size())
		}
	}
}

func TestSizes(t *testing.T) {
	for _, tc := range []struct {
		n    int
		most float64
	}{{50, 10}, {500, 9}} {
		per := float64(len(mustSeal(t, sample(KindResult, tc.n, 3)))) / float64(tc.n)
		t.Logf("%d results: %.2f bytes each", tc.n, per)
		if per > tc.most {
			t.Errorf("%d results: %.2f bytes each, at most %v", tc.n, per, tc.most)
		}
	}
}

// refit gives changed chunk bytes a fitting CRC.
func refit(data []byte) []byte {
	data = data[:len(data)-4]
	sum := checksum(data)
	return append(data[:len(data):len(data)], byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
}

func TestRefuses(t *testing.T) {
	good := mustSeal(t, sample(KindResult, 20, 1))
	flip := func(at int) []byte { d := bytes.Clone(good); d[at] ^= 1; return d }
	for at := range good {
		if _, err := Decode(flip(at)); err == nil {
			t.Errorf("a flipped bit in byte %d is not noticed", at)
		}
	}
	newer := bytes.Clone(good)
	newer[2] = 2 // after the map's head and key 0
	if _, err := Decode(refit(newer)); !errors.Is(err, errSchema) {
		t.Errorf("newer schema: %v", err)
	}
	for n := 5; n < len(good); n++ {
		if _, err := Decode(refit(bytes.Clone(good[:n]))); err == nil {
			t.Errorf("cut to %d bytes: accepted", n)
		}
	}
	if _, err := Decode(make([]byte, maxChunk+1)); err == nil {
		t.Error("a long chunk is accepted")
	}
}

// FuzzDecode: no bytes panic, and all that is accepted has one form. The CRC
// is made to fit, so that the fuzzer gets past it.
func FuzzDecode(f *testing.F) {
	for kind := KindEvent; kind <= KindGap; kind++ {
		f.Add(mustSeal(f, sample(kind, 7, 2)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 5 {
			return
		}
		c, err := Decode(refit(bytes.Clone(data)))
		if err == nil && c.Len() == 0 {
			t.Error("a chunk without records is accepted")
		}
	})
}

func BenchmarkResult(b *testing.B) {
	src := Source{Pipeline: "machine"}
	col := newBuilder(KindResult, 4096)
	b.ReportAllocs()
	for i := range b.N {
		if !col.fits(4096) {
			col.reset()
		}
		col.result(&Result{Time: time.Duration(i) * time.Millisecond, Source: src, Score: 0.9, Margin: 0.8, Latency: time.Millisecond})
	}
}
