package kernel

import (
	"slices"
	"testing"
)

// TestOver: the bits of n that leave the exponent are bounded by those it has.
func TestOver(t *testing.T) {
	const m = 1 << 30
	for _, c := range []struct {
		shift, n int
		want     Multiplier
	}{
		{0, 1, Multiplier{m, 0}}, {0, 4, Multiplier{m, -2}}, {0, 7, Multiplier{4 * m / 7, -2}}, {2, 8, Multiplier{m, -1}},
		{-28, 8, Multiplier{m, -31}}, {-29, 8, Multiplier{m / 2, -31}}, {-30, 8, Multiplier{m / 4, -31}}, {-31, 8, Multiplier{m / 8, -31}},
	} {
		if got := (Multiplier{m, c.shift}).Over(c.n); got != c.want {
			t.Errorf("%d * 2^%d / %d is %v, want %v", m, c.shift, c.n, got, c.want)
		}
	}
}

// TestTaps16: a single output lies at the first input, aligned corners or not; centres of
// halves begin a quarter before it.
func TestTaps16(t *testing.T) {
	for _, c := range []struct {
		in, out     int
		align, half bool
		want        []Tap16
	}{
		{5, 1, true, false, []Tap16{{0, 0, 0}}}, {5, 1, false, false, []Tap16{{0, 0, 0}}}, {1, 1, true, false, []Tap16{{0, 0, 0}}},
		{5, 2, true, false, []Tap16{{0, 0, 0}, {4, 4, 0}}}, {5, 2, false, false, []Tap16{{0, 0, 0}, {2, 3, 512}}}, {2, 3, true, false, []Tap16{{0, 0, 0}, {0, 1, 512}, {1, 1, 0}}},
		{4, 8, false, true, []Tap16{{0, 0, -256}, {0, 1, 256}, {0, 1, 768}, {1, 2, 256}, {1, 2, 768}, {2, 3, 256}, {2, 3, 768}, {3, 3, 256}}},
		{4, 2, false, true, []Tap16{{0, 1, 512}, {2, 3, 512}}}, {3, 1, false, true, []Tap16{{1, 1, 0}}}, {1, 3, false, true, []Tap16{{0, 0, -342}, {0, 0, -1}, {0, 0, 340}}},
	} {
		if got, ok := Taps16(c.in, c.out, c.align, c.half); !ok || !slices.Equal(got, c.want) {
			t.Errorf("%d to %d, aligned %v, halves %v: %v, %v, want %v", c.in, c.out, c.align, c.half, got, ok, c.want)
		}
	}
}
