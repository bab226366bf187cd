package kernel

import "testing"

// TestNorm16Halves holds the step that few drawn rows reach against LiteRT's
// rule (PortableApplyLayerNorm): products are divided by 1024, halves away from
// zero, the most and the least of each quotient.
func TestNorm16Halves(t *testing.T) {
	for y, want := range map[int32]int16{511: 0, 512: 1, 1535: 1, 1536: 2, 0: 0, -511: 0, -512: -1, -1535: -1, -1536: -2} {
		n := Norm16{Weights: []int16{0}, Bias: []int32{y}, Factor: NewMultiplier(1), Least: 1}
		row := []int16{3}
		if n.run(row); row[0] != want {
			t.Errorf("%d / 1024 = %d, want %d", y, row[0], want)
		}
	}
}
