package drift

import "testing"

// TestAddBins: histograms of a multiple of the bins are taken, all others say
// nothing about them.
func TestAddBins(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lo, hi float64
		counts []int64
		want   uint64
	}{
		{"score", 0, 1, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 55},
		{"input.mean", 0, 1, make([]int64, 10), 0},
		{"margin", 0, 1, []int64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 20},
		{"class", 0, 33, append([]int64{-5, 7}, make([]int64, 31)...), 7},
		{"entropy", 0, 1, []int64{1, 2, 3}, 0},
		{"entropy", 0, 2, make([]int64, 10), 0},
		{"latency", 0, 1, append([]int64{9}, make([]int64, 63)...), 0},
		{"colour", 0, 1, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0},
	} {
		e := Uniform()
		p := NewProfile(&e)
		p.AddBins(tt.name, tt.lo, tt.hi, tt.counts)
		n := uint64(0)
		for _, f := range Features() {
			if got := total(p.Counts(f)); got > 0 && f.String() != tt.name {
				t.Errorf("%s adds to %s", tt.name, f)
			}
			n += total(p.Counts(f))
		}
		if n != tt.want {
			t.Errorf("%s, %d bins: %d counted, want %d", tt.name, len(tt.counts), n, tt.want)
		}
	}
}
