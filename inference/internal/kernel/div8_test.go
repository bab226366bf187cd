package kernel

import (
	"errors"
	"math"
	"testing"
)

// TestShiftFar follows the C++ of gemmlowp as an x86-64 CPU runs it, for all shifts.
func TestShiftFar(t *testing.T) {
	for _, x := range []int32{math.MinInt32, -1<<30 - 1, -1 << 30, -12345, -2, -1, 0, 1, 2, 12345, 1 << 30, 1<<30 + 1, math.MaxInt32} {
		for n := range 64 {
			mask := int32(int64(uint64(1)<<n - 1))
			threshold := int64(mask >> 1)
			if x < 0 {
				threshold++
			}
			want := x >> (n % 32)
			if int64(x&mask) > threshold {
				want++
			}
			if got := shiftFar(x, n); got != want {
				t.Errorf("%d by %d bits is %d, want %d", x, n, got, want)
			}
		}
	}
}

// TestQuotient8: the shift of a numerator of 0 leaves its word with divisors from 4 on.
func TestQuotient8(t *testing.T) {
	for _, c := range []struct {
		factor  float64
		a, b    int8
		want    int8
		refused bool
	}{
		{1, 100, 7, 14, false}, {1, -100, 7, -14, false}, {1, 100, -7, -14, false}, {1, -100, -7, 14, false}, {0.25, 100, 1, 25, false}, {1, 7, 0, 0, true},
		{16, 1, 1, 16, false}, {16, -1, 1, -16, false}, {0.5, -126, 1, -63, false}, {0.5, -128, 1, -64, false}, {1, -128, 2, -64, false},
		{1, 0, 1, 0, false}, {1, 0, 3, 0, false}, {1, 0, 4, 1, false}, {1, 0, -4, 1, false}, {1, 0, 100, 1, false}, // shifts by 30, 31, 32 and more
	} {
		q := Quotient8{Factor: NewMultiplier(c.factor), Out: Clamp8{Min: -128, Max: 127}}
		dst, refused := make([]int8, 1), false
		func() {
			defer func() {
				e, _ := recover().(error)
				refused = errors.As(e, new(ValueError))
			}()
			RunQuotient8(&q, dst, []int8{c.a}, []int8{c.b}, 1, 1)
		}()
		if dst[0] != c.want || refused != c.refused {
			t.Errorf("%d / %d * %g is %d, %v", c.a, c.b, c.factor, dst[0], refused)
		}
	}
	for x := int32(-255); x <= 255; x++ { // less a zero point
		q := Quotient8{Factor: NewMultiplier(64)}
		if got := q.apply(x, 1); got != 64*x {
			t.Errorf("%d * 64 is %d", x, got)
		}
	}
}
