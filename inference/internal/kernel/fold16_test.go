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

// TestTaps16Single: a single output lies at the first input, aligned corners or not.
func TestTaps16Single(t *testing.T) {
	for _, c := range []struct {
		in, out int
		align   bool
		want    []Tap16
	}{
		{5, 1, true, []Tap16{{0, 0, 0}}}, {5, 1, false, []Tap16{{0, 0, 0}}}, {1, 1, true, []Tap16{{0, 0, 0}}},
		{5, 2, true, []Tap16{{0, 0, 0}, {4, 4, 0}}}, {5, 2, false, []Tap16{{0, 0, 0}, {2, 3, 512}}}, {2, 3, true, []Tap16{{0, 0, 0}, {0, 1, 512}, {1, 1, 0}}},
	} {
		if got, ok := Taps16(c.in, c.out, c.align, false); !ok || !slices.Equal(got, c.want) {
			t.Errorf("%d to %d, aligned %v: %v, %v, want %v", c.in, c.out, c.align, got, ok, c.want)
		}
	}
}
