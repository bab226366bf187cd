package micro

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTransform holds spectra of every shape of radices against the definition
// in floats: each stage may lose half a unit of its own.
func TestTransform(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 8))
	for n := 8; n <= 1024; n *= 2 {
		in, dst, work := make([]Complex, n/2), make([]Complex, n/2+1), make([]Complex, n/2)
		samples := make([]float64, n)
		for i := range in {
			in[i] = Complex{int16(rng.IntN(60000) - 30000), int16(rng.IntN(60000) - 30000)}
			samples[2*i], samples[2*i+1] = float64(in[i].Re), float64(in[i].Im)
		}
		NewFFT(n).Transform(dst, in, work)
		for k, got := range dst {
			re, im := 0.0, 0.0
			for i, x := range samples {
				s, c := math.Sincos(2 * math.Pi * float64(i*k%n) / float64(n))
				re, im = re+x*c/float64(n), im-x*s/float64(n)
			}
			if d := math.Hypot(re-float64(got.Re), im-float64(got.Im)); d > 8 {
				t.Fatalf("%d samples, bin %d: %v, want %.1f%+.1fi", n, k, got, re, im)
			}
		}
		if dst[0].Im != 0 || dst[n/2].Im != 0 {
			t.Errorf("%d samples: the ends %v and %v are not real", n, dst[0], dst[n/2])
		}
	}
}

// TestLn and TestSqrt hold all lengths of numbers, which sound seldom has.
func TestLn(t *testing.T) {
	l := NewLog()
	rng := rand.New(rand.NewPCG(5, 5))
	for length := 1; length <= 32; length++ {
		for range 200 {
			x := uint32(1)<<(length-1) | uint32(rng.Uint64N(1<<(length-1)))
			want := 64 * math.Log(float64(x))
			if got := float64(l.Ln(x, 64)); math.Abs(got-want) > 0.75 {
				t.Fatalf("64 * ln(%d) = %g, want %.2f", x, got, want)
			}
		}
	}
}

func TestSqrt(t *testing.T) {
	for x, want := range map[uint64]uint32{
		0: 0, 1: 1, 2: 1, 3: 2, 6: 2, 7: 3, 1<<32 - 1: 65535, 1 << 32: 65536, 1<<33 - 1: 92682, 65535 * 65535: 65535, 65535*65535 + 65536: 65535,
		1<<64 - 1: math.MaxUint32, math.MaxUint32 * math.MaxUint32: math.MaxUint32,
	} {
		if got := Sqrt(x); got != want {
			t.Errorf("the root of %d is %d, want %d", x, got, want)
		}
	}
}

func TestAutoScale(t *testing.T) {
	for _, c := range []struct {
		in   int16
		want uint
	}{{0, 15}, {1, 14}, {-1, 14}, {16383, 1}, {-16384, 0}, {32767, 0}, {-32768, 0}} {
		dst := make([]int16, 1)
		if got := AutoScale(dst, []int16{c.in}); got != c.want || dst[0] != c.in<<c.want {
			t.Errorf("%d takes %d bits, want %d", c.in, got, c.want)
		}
	}
}

// TestGain holds the ends of a table's quadratics: noise up to 2 has values of
// its own, from 3 on parabolas begin.
func TestGain(t *testing.T) {
	table := make([]int16, GainTable)
	for i := range table {
		table[i] = int16(10 * i)
	}
	for x, want := range map[uint32]int16{0: 0, 1: 10, 2: 20, 3: 45, 4: 60, 1 << 31: 1220, 1<<32 - 1: 3686} {
		if got := gain(x, table); got != want {
			t.Errorf("the gain of %d is %d, want %d", x, got, want)
		}
	}
	// Of each length the first coefficient, and a line that rises by 1024.
	for n := 2; n <= 32; n++ {
		copy(table[4*n-6:], []int16{int16(100 * n), 1024, 0})
		least := uint64(1) << (n - 1)
		for _, x := range []uint64{least, least + 1, least + least/3, least + least/2, 2*least - 1} {
			if want := int16(100*n) + int16((x-least)*1024/least); x > 2 && gain(uint32(x), table) != want {
				t.Errorf("the gain of %d is %d, want %d", x, gain(uint32(x), table), want)
			}
		}
	}
}

// TestPCAN: a ratio s becomes s^2/4 below 2, s-1 from there on.
func TestPCAN(t *testing.T) {
	table := make([]int16, GainTable)
	table[0], table[1] = 1, 1<<14
	for _, s := range []float64{0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 1000} {
		want := s * s / 4
		if s >= 2 {
			want = s - 1
		}
		ratio := uint32(s * (1 << SNRBits))
		if got := PCAN(ratio, 0, table, 0); got != uint32(want*(1<<outputBits)) {
			t.Errorf("a ratio of %g becomes %d/64, want %g", s, got, want)
		}
		if got := PCAN(ratio, 1, table, 14); got != uint32(want*(1<<outputBits)) {
			t.Errorf("a ratio of %g with a gain of 1 becomes %d/64, want %g", s, got, want)
		}
	}
}

// TestBank: a channel is its weighted bins and what those of the channel before it leave.
func TestBank(t *testing.T) {
	b := Bank{Weights: []int16{1, 2, 3, 4, 5, 6, 7}, Rest: []int16{10, 20, 30, 40, 50, 60, 70}, First: []int{1, 2, 5, 0}, Weight: []int{0, 1, 3, 5}, Width: []int{1, 2, 2, 2}}
	energy := []uint32{1, 2, 3, 4, 5, 6, 1<<32 - 1}
	dst := make([]uint64, 3)
	b.Run(dst, energy)
	const most = 1<<32 - 1
	if want := []uint64{2*3 + 3*4 + 10*2, 4*6 + 5*most + 20*3 + 30*4, 6*1 + 7*2 + 40*6 + 50*most}; !slices.Equal(dst, want) {
		t.Errorf("channels %v, want %v", dst, want)
	}
}

func TestEnergy(t *testing.T) {
	dst := []uint32{9, 9, 9, 9}
	Energy(dst, []int16{1, 2, 3, -4, math.MinInt16, math.MinInt16, 5, 6}, 1, 3)
	if want := []uint32{0, 25, 1 << 31, 0}; !slices.Equal(dst, want) {
		t.Errorf("energies %v, want %v", dst, want)
	}
}

// TestTurn: twiddles are the nearest of 15 fractional bits.
func TestTurn(t *testing.T) {
	for den := 1; den <= 4096; den *= 2 {
		for num := range den {
			s, c := math.Sincos(2 * math.Pi * float64(num) / float64(den))
			got := q15Turn(num, den)
			for _, p := range [][2]float64{{float64(got.Re), c}, {float64(got.Im), s}} {
				if math.Abs(p[0]-q15Max*p[1]) > 0.5+1e-9 {
					t.Fatalf("%d/%d: %v of %.6f", num, den, p[0], q15Max*p[1])
				}
			}
		}
	}
}

// TestLogOfSmall: 0 and 1 have no logarithm above 0, 2 has.
func TestLogOfSmall(t *testing.T) {
	dst := make([]int16, 3)
	NewLog().Run(dst, []uint32{0, 1, 2}, 0, 1000)
	if dst[0] != 0 || dst[1] != 0 || dst[2] != 693 {
		t.Errorf("logarithms of 0, 1 and 2 times 1000: %v", dst)
	}
}
