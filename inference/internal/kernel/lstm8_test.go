package kernel

import "testing"

// TestProjection8: outputs end where int8 does, or where a bound is.
func TestProjection8(t *testing.T) {
	for _, c := range []struct {
		hidden, weight int8
		clip           int32
		want           int8
	}{
		{100, 100, 0, 127}, {-100, 100, 0, -128}, {126, 1, 0, 126}, {127, 1, 0, 127}, {-127, 1, 0, -127}, {-128, 1, 0, -128}, {64, 2, 0, 127}, {-43, 3, 0, -128},
		{100, 1, 50, 50}, {-100, 1, 50, -50}, {100, 1, 1, 1}, {-100, 1, 1, -1}, {50, 1, 50, 50},
	} {
		l := &LSTM8{Batch: 1, Cell: 1, Output: 1}
		p := Projection8{Weights: []int8{c.weight}, Bias: []int32{0}, Factor: NewMultiplier(1), Clip: c.clip}
		dst := make([]int8, 1)
		if p.run(l, dst, []int8{c.hidden}); dst[0] != c.want {
			t.Errorf("%d * %d with the bound %d is %d, want %d", c.hidden, c.weight, c.clip, dst[0], c.want)
		}
	}
}

// TestHide: hidden values end where int8 does.
func TestHide(t *testing.T) {
	for _, c := range []struct {
		factor float64
		cell   int16
		want   int8
	}{
		{0x1p-21, 32767, 127}, {0x1p-21, -32767, -128}, {126.01 / (1 << 30), 32767, 126}, {127.01 / (1 << 30), 32767, 127}, {128.01 / (1 << 30), 32767, 127},
		{128.01 / (1 << 30), -32767, -128}, {129.01 / (1 << 30), -32767, -128}, {127.01 / (1 << 30), -32767, -127}, {1, 0, 0},
	} {
		l := &LSTM8{CellBits: -11, Hidden: NewMultiplier(c.factor)}
		dst := make([]int8, 1)
		if l.hide(dst, []int16{32767}, []int16{c.cell}, 0); dst[0] != c.want {
			t.Errorf("cell %d times %g is %d, want %d", c.cell, c.factor, dst[0], c.want)
		}
	}
}
