package kernel

import (
	"slices"
	"testing"
)

// TestTable8NoNumber: scales of which all but nothing is infinite have results that are
// no numbers; what LiteRT makes of them.
func TestTable8NoNumber(t *testing.T) {
	for _, c := range []struct {
		in, out float32
		zero    int32
		want    []int8
	}{
		{3e38, 1, 5, []int8{0, 0, 5, 5, 127, 127}},
		{3e38, 1, -5, []int8{0, 0, -5, -5, 127, 127}},
		{1, 1e-39, 5, []int8{0, -128, -128, 0, 127, 127}},
		{1, 1e-39, -5, []int8{0, -128, -128, 0, 127, 127}},
	} {
		for name, f := range map[string]func(float32) float32{"gelu": GeluTable, "gelu by tanh": GeluTanhTable} {
			src := []byte{0x80, 0xFE, 0xFF, 0, 1, 0x7F} // -128, -2, -1, 0, 1, 127
			NewTable8(Side{Signed: true, Scale: c.in}, c.out, Clamp8{Zero: c.zero, Min: -128, Max: 127}, f).Run(src, src)
			got := make([]int8, len(src))
			for i, b := range src {
				got[i] = int8(b)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, scale %g to %g, zero point %d: %v, want %v", name, c.in, c.out, c.zero, got, c.want)
			}
		}
	}
}
