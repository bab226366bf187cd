package kernel

import "math"

// NewTable16 is TFLite's table of a function of int16 elements, in float32
// (kernels/internal/common.h, LUTPopulateInt16 of float). It is nil where the
// function leaves what can be drawn as a line.
func NewTable16(inScale, outScale float32, f func(x float32) float32) func(dst, src []int16) {
	t := &table16{}
	low, high := float32(inScale*math.MinInt16), float32(inScale*math.MaxInt16)
	step := (high - low) / 512
	half := float32(step / 2)
	inv := 65536 / float32(float32(outScale*math.MaxInt16)-float32(outScale*math.MinInt16))
	sample := func(at float32) float32 { return float32(f(at) * inv) }
	round := func(v float32) float32 { return float32(math.Round(float64(v))) }
	for i := range 512 {
		at := low + float32(float32(i)*step)
		v, middle, next := round(sample(at)), round(sample(at+half)), sample(low+float32(float32(i+1)*step))
		line := round((next + v) / 2)
		bias := round((line - middle) / 2)
		if math.IsNaN(float64(v-bias)) || math.IsInf(float64(v-bias), 0) {
			return nil
		}
		t[i] = int16(min(max(v-bias, math.MinInt16), math.MaxInt16))
	}
	t[512] = int16(min(max(round(sample(high)), math.MinInt16), math.MaxInt16))
	return func(dst, src []int16) {
		for i, x := range src {
			dst[i] = t.at(x)
		}
	}
}

// NewSqrt16 is NewSqrt8 of int16.
func NewSqrt16(inScale, outScale float32) func(dst, src []int16) {
	return func(dst, src []int16) {
		for i, q := range src {
			if q < 0 {
				panic(ValueError{"square root of a number below 0"})
			}
			y := float32(math.Sqrt(float64(float32(inScale*float32(q))))) / outScale
			dst[i] = int16(min(y, math.MaxInt16))
		}
	}
}

// Abs16 writes magnitudes times a factor, or as they are without one
// (kernels/elementwise.cc, AbsEvalQuantized).
func Abs16(dst, src []int16, factor *Multiplier) {
	for i, q := range src {
		v := max(int32(q), -int32(q))
		if factor != nil {
			v = factor.Apply(v)
		}
		dst[i] = int16(min(v, math.MaxInt16))
	}
}

// QuantizedProd multiplies elements, each product rescaled
// (kernels/internal/reference/reduce.h, QuantizedReduceProd).
type QuantizedProd struct {
	Zero   int64 // of the input
	Factor Multiplier
	Out    Clamp8
}

// NoProduct stands for the product of no elements.
const NoProduct = math.MinInt64

// Next returns the product of one more element.
func (p *QuantizedProd) Next(product, x int64) int64 {
	if product == NoProduct {
		return x - p.Zero
	}
	return int64(p.Factor.Apply64(product * (x - p.Zero)))
}

// Finish returns the output of a product.
func (p *QuantizedProd) Finish(product int64) int64 {
	return int64(min(max(p.Factor.Apply64(product)+p.Out.Zero, p.Out.Min), p.Out.Max))
}

// Pow32 is the power of int32 with an exponent not below 0; wrap tells that
// products wrap, else what no int32 holds is the least one (kernels/pow.cc).
func Pow32(wrap bool) func(base, exponent int32) int32 {
	return func(base, exponent int32) int32 {
		if exponent < 0 {
			panic(ValueError{"power with an exponent below 0"})
		}
		p := int32(1)
		if wrap {
			for b := base; exponent > 0; exponent >>= 1 {
				if exponent&1 != 0 {
					p *= b
				}
				b *= b
			}
			return p
		}
		exponent = min(exponent, 32+exponent&1) // no more counts for 0, 1 and -1; others are too large
		for ; exponent > 0; exponent-- {
			w := int64(p) * int64(base)
			if w != int64(int32(w)) {
				return math.MinInt32
			}
			p = int32(w)
		}
		return p
	}
}
