package drift

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestChiSquared: upper quantiles from the tables of chi-squared.
func TestChiSquared(t *testing.T) {
	for _, tc := range []struct{ alpha, k, want float64 }{
		{0.05, 1, 3.841}, {0.01, 5, 15.086}, {0.001, 9, 27.877}, {0.05, 10, 18.307}, {0.001, 1, 10.828}, {0.001, 30, 59.703}, {0.05, 100, 124.342},
	} {
		if got := chiSquared(tc.alpha, tc.k); math.Abs(got-tc.want) > 6e-4 {
			t.Errorf("chi-squared above %v with %v degrees: %.4f, want %v", tc.alpha, tc.k, got, tc.want)
		}
	}
	if got := NoiseFloor(0.001, 10, 500, math.MaxUint64); math.Abs(got-0.05575) > 1e-4 {
		t.Errorf("noise floor %v", got)
	}
}

// TestDistances: values worked by hand.
func TestDistances(t *testing.T) {
	for _, tc := range []struct {
		p, q    []uint32
		psi, js float64
	}{
		{[]uint32{10, 20, 30}, []uint32{10, 20, 30}, 0, 0},
		// shares (29.5, 70.5) and (70.5, 29.5) of 100: 2 * 0.41 * ln(70.5/29.5)
		{[]uint32{29, 70}, []uint32{70, 29}, 0.82 * math.Log(70.5/29.5), math.Sqrt(
			29./99*math.Log2(29/49.5) + 70./99*math.Log2(70/49.5))},
		{[]uint32{50, 0}, []uint32{0, 50}, 2 * 50. / 51 * math.Log(101), 1},
		{[]uint32{5, 5, 0, 0}, []uint32{500, 500, 0, 0}, 0, 0},
		{[]uint32{0, 0}, []uint32{1, 2}, 0, 0},
	} {
		if got := PSI(tc.p, tc.q); math.Abs(got-tc.psi) > 1e-12 {
			t.Errorf("PSI(%v, %v) = %v, want %v", tc.p, tc.q, got, tc.psi)
		}
		if got := JS(tc.p, tc.q); math.Abs(got-tc.js) > 1e-12 {
			t.Errorf("JS(%v, %v) = %v, want %v", tc.p, tc.q, got, tc.js)
		}
	}
}

func TestBins(t *testing.T) {
	last := 0
	for d := time.Duration(0); d < 3*time.Second; d += 1 + d/97 {
		bin := latencyBin(d)
		if d >= 16*time.Microsecond && d < time.Second {
			want := math.Floor(4 * math.Log2(float64(d)/16e3) * (1 + 1e-12))
			if math.Abs(float64(bin)-want) > 0 && math.Abs(math.Remainder(4*math.Log2(float64(d)/16e3), 1)) > 1e-3 {
				t.Fatalf("%v in bin %d, want %v", d, bin, want)
			}
		}
		if bin < last || bin > 63 {
			t.Fatalf("%v in bin %d after %d", d, bin, last)
		}
		last = bin
	}
	if last != 63 || latencyBin(-1) != 0 || latencyBin(math.MaxInt64) != 63 {
		t.Error("the ends are off")
	}
	e := Uniform()
	for v, want := range map[float32]int{-1: 0, 0: 0, 0.1: 1, 0.95: 9, 1: 9, 7: 9} {
		if got := decile(&e.Score, v); got != want {
			t.Errorf("%v in bin %d, want %d", v, got, want)
		}
	}
	if got := decile(&e.Score, float32(math.NaN())); got != 9 {
		t.Errorf("NaN in bin %d", got)
	}
	at := 0
	for f := range features {
		if starts[f] != at {
			t.Errorf("feature %d starts at %d, want %d", f, starts[f], at)
		}
		at += sizes[f]
	}
	if at != bins {
		t.Errorf("%d bins, want %d", at, bins)
	}
}

// draw makes a decision of a model with four classes. shift moves 20 points
// of class 0 to class 3; drop lowers the score.
func draw(r *rand.Rand, shift bool, drop float64) *Sample {
	class := 0
	for u := r.Float64(); class < 3 && u > [...]float64{0.5, 0.8, 0.9}[class]; {
		class++
	}
	if shift && class == 0 && r.Float64() < 0.4 {
		class = 3
	}
	score := min(max(0.75+0.12*r.NormFloat64()-drop, 0), 1)
	s := &Sample{Class: class, Score: float32(score), Margin: float32(score * score), Entropy: float32(1 - score), Latency: time.Millisecond}
	for i := range s.Inputs {
		s.Inputs[i] = r.Float32()
	}
	return s
}

func fill(p *Profile, r *rand.Rand, n int, shift bool, drop float64) *Profile {
	for range n {
		p.Add(draw(r, shift, drop))
	}
	return p
}

// TestMonitor: 10,000 windows without drift raise nothing, and two known
// drifts show within five windows, alarms included where the change is large.
func TestMonitor(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	e := Uniform()
	ref := fill(NewProfile(&e), r, 20000, false, 0)
	m, w := NewMonitor(ref), NewProfile(&e)
	warned := 0
	for range 10000 {
		w.Reset()
		for _, f := range m.Judge(fill(w, r, 500, false, 0)) {
			if f.Level == Alarm {
				t.Fatalf("false alarm: %+v", f)
			}
			warned++
		}
	}
	t.Logf("%d warnings in 10000 windows without drift", warned)
	if warned > 10 {
		t.Errorf("%d warnings without drift", warned)
	}
	for name, tc := range map[string]struct {
		shift bool
		drop  float64
		want  Feature
	}{"class mix": {true, 0, Class}, "score drop": {false, 0.1, Score}} {
		missed := 0
		for range 200 {
			m, found := NewMonitor(ref), false
			for range 5 {
				w.Reset()
				for _, f := range m.Judge(fill(w, r, 500, tc.shift, tc.drop)) {
					found = found || f.Feature == tc.want
				}
			}
			if !found {
				missed++
			}
		}
		if missed > 0 {
			t.Errorf("%s: missed in %d of 200 runs", name, missed)
		}
	}
}

func TestAlarmNeedsThree(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 4))
	e := Uniform()
	m := NewMonitor(fill(NewProfile(&e), r, 5000, false, 0))
	for i, want := range []Level{Warn, Warn, Alarm, Alarm} {
		if got := m.Judge(fill(NewProfile(&e), r, 500, false, 0.4)); len(got) == 0 || got[0].Level != want {
			t.Errorf("window %d: %+v, want level %d", i, got, want)
		}
		if got := m.Judge(fill(NewProfile(&e), r, 499, false, 0.4)); got != nil {
			t.Errorf("a short window says %+v", got)
		}
	}
}

func TestEncode(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	e := Uniform()
	a, b := fill(NewProfile(&e), r, 700, false, 0), fill(NewProfile(&e), r, 300, true, 0.2)
	typical := len(a.Encode())
	back, err := Decode(a.Encode(), &e)
	if err != nil || *back != *a {
		t.Fatalf("got %+v, %v", back, err)
	}
	if err := back.Merge(b); err != nil || back.N() != 1000 {
		t.Errorf("merged %d, %v", back.N(), err)
	}
	other := e
	other.Inputs[3][8] = 0.95
	if err := back.Merge(NewProfile(&other)); !errors.Is(err, ErrEdges) {
		t.Errorf("other edges: %v", err)
	}
	if _, err := Decode(a.Encode(), &other); !errors.Is(err, ErrEdges) {
		t.Errorf("other edges: %v", err)
	}
	for i := range a.counts {
		a.counts[i] = math.MaxUint32
	}
	if err := a.Merge(b); err != nil || a.counts[0] != math.MaxUint32 {
		t.Error("counts wrap")
	}
	if full := len(a.Encode()); full > maxBytes {
		t.Errorf("%d bytes", full)
	} else {
		t.Logf("%d bytes with 700 decisions, %d at most", typical, full)
	}
	if _, err := Decode(a.Encode(), &e); err != nil {
		t.Error(err)
	}
	good := b.Encode()
	for i := range good {
		good[i] ^= 1
		if _, err := Decode(good, &e); err == nil {
			t.Errorf("a flipped bit in byte %d is not noticed", i)
		}
		good[i] ^= 1
	}
}

func FuzzDecode(f *testing.F) {
	e := Uniform()
	f.Add(fill(NewProfile(&e), rand.New(rand.NewPCG(1, 1)), 300, false, 0).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= 9 {
			data = append([]byte(nil), data[:len(data)-4]...)
			data[0] = schema
			binary.LittleEndian.PutUint32(data[1:], e.ID())
			data = binary.LittleEndian.AppendUint32(data, checksum(data))
		}
		if p, err := Decode(data, &e); err == nil {
			p.N()
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	e := Uniform()
	p, s := NewProfile(&e), draw(rand.New(rand.NewPCG(1, 1)), false, 0)
	b.ReportAllocs()
	for b.Loop() {
		p.Add(s)
	}
}

func TestWindow(t *testing.T) {
	e := Uniform()
	var bits bytes.Buffer
	if err := binary.Write(&bits, binary.LittleEndian, &e); err != nil || e.ID() != checksum(bits.Bytes()) {
		t.Errorf("id %08x of the edges, want %08x", e.ID(), checksum(bits.Bytes()))
	}
	w := &Window{strings.Repeat("door", 20), [32]byte{1, 2}, fill(NewProfile(&e), rand.New(rand.NewPCG(7, 7)), 300, false, 0)}
	data := w.Encode()
	back, err := DecodeWindow(data, &e)
	if err != nil || back.Pipeline != w.Pipeline[:64] || back.Model != w.Model || *back.Profile != *w.Profile {
		t.Fatalf("%+v, %v", back, err)
	}
	for i := range data {
		if _, err := DecodeWindow(data[:i], &e); err == nil {
			t.Errorf("the first %d bytes pass", i)
		}
	}
	data[0]++
	if _, err := DecodeWindow(data, &e); err == nil {
		t.Error("another schema passes")
	}
	for i := range w.Profile.counts {
		w.Profile.counts[i] = math.MaxUint32
	}
	if n := len(w.Encode()); n > 1122 {
		t.Errorf("%d bytes", n)
	}
}

func FuzzDecodeWindow(f *testing.F) {
	e := Uniform()
	w := &Window{"door", [32]byte{1}, fill(NewProfile(&e), rand.New(rand.NewPCG(7, 7)), 300, false, 0)}
	f.Add(w.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if w, err := DecodeWindow(data, &e); err == nil && !bytes.Equal(w.Encode(), data) {
			t.Error("not in canonical form")
		}
	})
}
