package kernel

import "testing"

// TestSpreadOf has ranges in which 0 lies at half a step: counted from below it rounds
// otherwise than from above. It counts from the end that is nearer, from above where
// neither is.
func TestSpreadOf(t *testing.T) {
	for _, c := range []struct {
		lo, hi, scale float32
		zero          int32
	}{
		{0, 0, 1, 127}, {0, 255, 1, -128}, {0, 51, 5, -128}, {-255, 0, 1, 127}, {-51, 0, 5, 127}, {-100, 155, 1, -28}, {-155, 100, 1, 27}, {-1, 254, 1, -127}, {-51, 204, 1, -77},
		{-0x1.0fe4fp-2, 0x1.0fe4f2p-2, 480.186615, -1},  // -0.5 from below, -0.500015 from above
		{-0x1.178daap-2, 0x1.1bf922p-2, 463.367706, -1}, // -1.49999 from below, -1.5 from above
	} {
		got := spreadOf(c.lo, c.hi)
		if c.zero != got.zero || c.scale != got.scale {
			t.Errorf("%x to %x: %v, want %v", c.lo, c.hi, got, c)
		}
	}
}
