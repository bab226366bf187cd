package kernel

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"
)

// TestTanh16Saturates: from 255 256ths of the table on LiteRT answers 1, not
// what lies between the last two values.
func TestTanh16Saturates(t *testing.T) {
	s := NewSigmoid16(1.0 / 512)
	var src []int16
	for x := -32768; x <= 32767; x++ {
		if a := magnitude(s.position(int16(x))); a>>8 == 255 {
			src = append(src, int16(x))
		}
	}
	dst := make([]int16, len(src))
	s.Tanh(dst, src)
	for i, x := range src {
		want := int16(math.MaxInt16)
		if x < 0 {
			want = -want
		}
		if dst[i] != want {
			t.Fatalf("tanh of %d is %d, want %d", x, dst[i], want)
		}
	}
	if len(src) == 0 {
		t.Error("no value is there")
	}
}

// TestProductWraps: a product that is cut to 16 bits wraps with the zero point.
func TestProductWraps(t *testing.T) {
	p := ProductTFLite{Factor: NewMultiplier(4), Out: Clamp8{Zero: 1, Min: -128, Max: 127}, Runs: Runs{1, 1}}
	dst := make([]int8, 1)
	if RunProductTFLite(&p, dst, []int8{127}, []int8{127}, 1, 1); dst[0] != -128 {
		t.Errorf("127 * 127 * 4 + 1 = %d, want -128", dst[0])
	}
	p.Out.Zero = -1
	if RunProductTFLite(&p, dst, []int8{-128}, []int8{127}, 1, 1); dst[0] != 127 {
		t.Errorf("-128 * 127 * 4 - 1 = %d, want 127", dst[0])
	}
}

// TestSoftmax16Full: equal elements whose exponents sum up to one less than a
// power of two fill the table of reciprocals to its end.
func TestSoftmax16Full(t *testing.T) {
	s := NewSoftmax16(10.0/65535, 1)
	row := []int16{32767, 32767, 32767, 32767, 32767, 32767, 32767, 32767, 0}
	for d := int16(-32768); s.exp.at(d) < 47; d++ { // 8 * 32762 + 47 = 2^18 - 1
		row[8] = d
	}
	row[8]++
	dst := make([]int16, len(row))
	if s.Run(dst, row, len(row)); dst[0] != 4095 {
		t.Errorf("an eighth is %d, want 4095", dst[0])
	}
}

func TestComplexAbsSpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, pair := range [][2]float32{{inf, nan}, {-inf, nan}, {nan, inf}, {nan, -inf}, {1, -inf}} {
		dst := make([]float32, 1)
		if ComplexAbsF32(dst, pair[:]); dst[0] != inf {
			t.Errorf("magnitude of %v is %g", pair, dst[0])
		}
	}
}

func TestPow32(t *testing.T) {
	for _, c := range []struct{ base, exponent, want int32 }{
		{-1, 4, 1}, {-1, 5, -1}, {-1, 1 << 30, 1}, {-1, 1<<30 + 1, -1}, {-1, 32, 1}, {-1, 33, -1}, {-1, 34, 1}, {2, 34, math.MinInt32}, {0, math.MaxInt32, 0}, {0, 4, 0}, {0, 0, 1}, {1, 1 << 30, 1}, {-1, 0, 1}, {3, 4, 81}, {2, 31, math.MinInt32}, {2, 30, 1 << 30}, {-2, 31, math.MinInt32},
	} {
		if got := Pow32(false)(c.base, c.exponent); got != c.want {
			t.Errorf("%d to the power %d is %d, want %d", c.base, c.exponent, got, c.want)
		}
	}
	if got := Pow32(true)(3, 40); got != int32(uint32(12157665459056928801&math.MaxUint32)) {
		t.Errorf("3 to the power 40 wraps to %d", got)
	}
}

func TestExpNegative16(t *testing.T) {
	if got := expNegative16(0, 4); got != math.MaxInt16 {
		t.Errorf("exp(0) = %d, want %d", got, math.MaxInt16)
	}
	if got := expNegative16(-32768, 6); got != 0 {
		t.Errorf("exp(-64) = %d, want 0", got)
	}
}

// TestWhereFloat: the sign of a 0 does not count, all other bits do.
func TestWhereFloat(t *testing.T) {
	var src []byte
	for _, bits := range []uint32{0, 1 << 31, 1 << 23, 1 << 15, 1 << 7, 1, 1<<31 | 1} {
		src = binary.LittleEndian.AppendUint32(src, bits)
	}
	dst := make([]int64, 7)
	if n := Where(dst, src, 4, true, []int{7}); n != 5 || !slices.Equal(dst[:n], []int64{2, 3, 4, 5, 6}) {
		t.Errorf("places %v of %d", dst, n)
	}
}

// TestPeepholeBlocks: whole blocks of 16 round half up, what is left away from
// zero.
func TestPeepholeBlocks(t *testing.T) {
	g := Gate8{Cell: NewMultiplier(0.25)}
	l := &LSTM8{Batch: 1, Output: 20}
	dst, cell := make([]int16, 20), make([]int16, 20)
	for i := range cell {
		g.Peephole, cell[i] = append(g.Peephole, 1), -6
	}
	g.peep(l, dst, cell)
	for i, got := range dst {
		want := int16(-1)
		if i >= 16 {
			want = -2
		}
		if got != want {
			t.Errorf("element %d is %d, want %d", i, got, want)
		}
	}
}

func TestTopK(t *testing.T) {
	src := []int32{3, 1, 4, 1, 5, 9, 2, 6, 5, 3}
	for k := range len(src) + 1 {
		values, places := make([]int32, k), make([]int32, k)
		TopK(values, places, src, len(src), k, make([]int32, k))
		if want := []int32{5, 7, 4, 8, 2, 0, 9, 6, 1, 3}[:k]; !slices.Equal(places, want) {
			t.Errorf("the first %d are at %v, want %v", k, places, want)
		}
		for i, p := range places {
			if values[i] != src[p] {
				t.Errorf("value %d is %d, want %d", i, values[i], src[p])
			}
		}
	}
}

// TestArgMaxOfRows: the kernels of rows know elements beside each other alone, and
// places that fit a byte.
func TestArgMaxOfRows(t *testing.T) {
	for _, c := range [][2]int{{10, 2}, {10, 3}, {257, 1}, {longColumn * columnRows, 257}} {
		if run, tier := ArgMaxRows8[int8](c[0], c[1]); run != nil {
			t.Errorf("%d places of %d go to %s", c[0], c[1], tier)
		}
	}
}

// TestTierIsTheBest: the first of what there is, unless another of it is named.
func TestTierIsTheBest(t *testing.T) {
	t.Setenv(TierVariable, "")
	if best := Tiers()[0]; Tier() != best || CheckTier() != nil {
		t.Errorf("%s, want %s: %v", Tier(), best, CheckTier())
	}
	t.Setenv(TierVariable, TierGeneric)
	if Tier() != TierGeneric || CheckTier() != nil {
		t.Errorf("%s, want %s: %v", Tier(), TierGeneric, CheckTier())
	}
	t.Setenv(TierVariable, "none")
	if err := CheckTier(); Tier() != Tiers()[0] || !errors.Is(err, ErrTier) {
		t.Errorf("%s for one that is not there: %v", Tier(), err)
	}
}
