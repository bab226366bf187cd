package kernel

import "testing"

// TestSigmoid16Position: a position is in parts of 3 * 4096 to the unit, of large scales,
// which no shift follows, too.
func TestSigmoid16Position(t *testing.T) {
	for _, c := range []struct {
		scale float32
		x     int16
		want  int32
	}{
		{1.5, 1, 18432}, {1.5, -3, -55296}, {1.25, 1, 15360}, {1.25, -1, -15360},
		{24577.5 / 24576, 1, 12289}, {24577.5 / 24576, -1, -12288}, // of one place, half up
		{1e-10, 1, 0}, {1e-10, -1, 0}, // of the most shift
		{1.0 / 24576, 1, 1}, {1.0 / 24576, -1, 0}, {1.0 / 24576, -3, -1}, // half up
	} {
		if got := NewSigmoid16(c.scale).position(c.x); got != c.want {
			t.Errorf("scale %g: %d is at %d, want %d", c.scale, c.x, got, c.want)
		}
	}
}
