package kernel

import "testing"

// TestSum16Rules holds both ways to round against each other on a sum where
// they part: LiteRT answers 1971 inside a block of 16 elements.
func TestSum16Rules(t *testing.T) {
	const a, b, out = 0.0005863128462806344, 0.00011839281796710566, 0.0011256582802161574
	s := Sum16{
		A: NewMultiplier(0.5), B: NewMultiplier(b / (2 * a)), Out: NewMultiplier(2 * a / (1 << 15) / out),
		Min: -1 << 15, Max: 1<<15 - 1,
	}
	x, y := make([]int16, 16), make([]int16, 16)
	for i := range x {
		x[i], y[i] = 4773, -4902
	}
	dst := make([]int16, 16)
	s.Run(dst, x, y, 1, 1, 8)
	if dst[7] != 1971 || dst[8] != 1970 {
		t.Errorf("%d in a block and %d behind it, want 1971 and 1970", dst[7], dst[8])
	}
}

func TestApply64(t *testing.T) {
	for _, c := range []struct {
		ratio float64
		x     int64
		want  int32
	}{
		{0.5, 3, 2}, {0.5, -3, -1}, // half up
		{0.25, 1 << 40, 0}, // wraps as an int32 does
		{1, 12345, 12345}, {0.9999999, 1 << 20, 1048544},
	} {
		if got := NewMultiplier(c.ratio).Apply64(c.x); got != c.want {
			t.Errorf("%d * %g = %d, want %d", c.x, c.ratio, got, c.want)
		}
	}
}
