package kernel

import "math"

// Range is a fused activation of float32: values are clamped to [Lo, Hi].
type Range struct{ Lo, Hi float32 }

// fit clamps v. Every NaN becomes the one positive quiet NaN: CPUs differ in
// which they make.
func (r Range) fit(v float32) float32 {
	switch {
	case v > r.Lo && v < r.Hi:
		return v
	case v <= r.Lo:
		return r.Lo
	case v >= r.Hi:
		return r.Hi
	}
	return nan()
}

// canonicalNaN is the one NaN that arithmetic gives.
const canonicalNaN = 0x7FC00000

func nan() float32 { return math.Float32frombits(canonicalNaN) }

// quiet makes every NaN the same one.
func quiet(v float32) float32 {
	if v != v {
		return nan()
	}
	return v
}

// AddF32 computes dst = a + b. An operand steps by 1, or by 0 where it is a
// single element; so it is for the operators below.
func AddF32(dst, a, b []float32, sa, sb int, r Range) {
	for i := range dst {
		dst[i] = r.fit(a[i*sa] + b[i*sb])
	}
}

// SubF32 computes dst = a - b.
func SubF32(dst, a, b []float32, sa, sb int, r Range) {
	for i := range dst {
		dst[i] = r.fit(a[i*sa] - b[i*sb])
	}
}

// MulF32 computes dst = a * b.
func MulF32(dst, a, b []float32, sa, sb int, r Range) {
	for i := range dst {
		dst[i] = r.fit(float32(a[i*sa] * b[i*sb]))
	}
}

// DivF32 computes dst = a / b.
func DivF32(dst, a, b []float32, sa, sb int, r Range) {
	for i := range dst {
		dst[i] = r.fit(a[i*sa] / b[i*sb])
	}
}

// SquaredDifferenceF32 computes dst = (a - b)^2.
func SquaredDifferenceF32(dst, a, b []float32, sa, sb int, r Range) {
	for i := range dst {
		d := a[i*sa] - b[i*sb]
		dst[i] = r.fit(float32(d * d))
	}
}

// MaximumF32 keeps the larger, b where both are equal, NaN where one is.
func MaximumF32(dst, a, b []float32, sa, sb int, r Range) {
	for i := range dst {
		x, y := a[i*sa], b[i*sb]
		if x > y || x != x {
			y = x
		}
		dst[i] = r.fit(y)
	}
}

// MinimumF32 keeps the smaller, b where both are equal, NaN where one is.
func MinimumF32(dst, a, b []float32, sa, sb int, r Range) {
	for i := range dst {
		x, y := a[i*sa], b[i*sb]
		if x < y || x != x {
			y = x
		}
		dst[i] = r.fit(y)
	}
}

// PReluF32 multiplies what is below zero by b.
func PReluF32(dst, a, b []float32, sa, sb int, r Range) {
	for i := range dst {
		x := a[i*sa]
		if !(x >= 0) {
			x = float32(x * b[i*sb])
		}
		dst[i] = r.fit(x)
	}
}
