package kernel

// 16-bit fixed-point functions as gemmlowp's fixedpoint.h has them: sums wrap,
// products keep the upper half rounded half up.

// mul15 is SaturatingRoundingDoublingHighMul of int16.
func mul15(a, b int16) int16 {
	if a == -1<<15 && b == -1<<15 {
		return 1<<15 - 1
	}
	return int16((int32(a)*int32(b) + 1<<14) >> 15)
}

// shl16 multiplies by 2^n, saturating.
func shl16(a int16, n int) int16 { return clip16(int64(a) << n) }

func clip16(v int64) int16 { return int16(min(max(v, -1<<15), 1<<15-1)) }

// shr16 is RoundingDivideByPOT: half away from zero.
func shr16(a int16, n int) int16 { return int16(shiftRound(int32(a), n)) }

// fixed16 rounds a constant of 31 fractional bits to 15.
func fixed16(v int32) int16 { return int16(shiftRound(v, 16)) }

// expNegative16 returns exp(a) in 15 fractional bits for a <= 0 with the given
// number of integer bits.
func expNegative16(a int16, integer int) int16 {
	fraction := 15 - integer
	quarter := int16(1) << (fraction - 2)
	low := a&(quarter-1) - quarter
	result := expQuarter16(shl16(low, integer))
	rest := low - a
	for i, m := range [...]int32{1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242} {
		if e := i - 2; integer > e && int32(rest)&(1<<(fraction+e)) != 0 {
			result = mul15(result, fixed16(m))
		}
	}
	if integer > 5 && int32(a) < -(1<<(20-integer)) { // below -32
		result = 0
	}
	if a == 0 {
		result = 1<<15 - 1
	}
	return result
}

// expQuarter16 returns exp(a) for -1/4 <= a < 0 by Taylor's series around -1/8.
func expQuarter16(a int16) int16 {
	constant, third := fixed16(1895147668), fixed16(715827883)
	x := a + 1<<12
	x2 := mul15(x, x)
	x3, x4 := mul15(x2, x), mul15(x2, x2)
	higher := shr16(mul15(shr16(x4, 2)+x3, third)+x2, 1)
	return clip16(int64(constant) + int64(mul15(constant, x+higher)))
}

// reciprocal16 returns 2/(1+a) in 13 fractional bits for a in [0, 1], by
// Newton's method from 48/17 - 32/17 * (1+a)/2.
func reciprocal16(a int16) int16 {
	sum := int32(a) + (1<<15 - 1)
	half := int16((sum + 1) / 2)
	x := fixed16(1515870810) + mul15(half, fixed16(-1010580540))
	for range 3 {
		x += shl16(mul15(x, 1<<13-mul15(half, x)), 2)
	}
	return x
}

// Logistic16 returns 1/(1+exp(-a)) in 15 fractional bits for a of 3 integer bits.
func Logistic16(a int16) int16 {
	if a == 0 {
		return 1 << 14
	}
	positive := a
	if a < 0 {
		positive = -a
	}
	r := shl16(reciprocal16(expNegative16(-positive, 3)), 1)
	if a < 0 {
		return 1<<15 - 1 - r
	}
	return r
}

// Tanh16 returns the hyperbolic tangent in 15 fractional bits for a with the
// given number of integer bits, at most 6.
func Tanh16(a int16, integer int) int16 {
	if a == 0 {
		return 0
	}
	n := a
	if a > 0 {
		n = -a
	}
	t := shl16(reciprocal16(expNegative16(n, integer+1))-1<<13, 2)
	if a < 0 {
		return -t
	}
	return t
}
