package kernel

// realFunction is a function of floats with a vector kernel.
type realFunction int

const (
	realSqrt realFunction = iota + 1
	realLog
	realMagnitude // of pairs
)

// realBlock is how many results a kernel computes at once.
const realBlock = 16

// realsF32 names the portable kernels of [realFunction].
var realsF32 = map[string]realFunction{"sqrt_f32": realSqrt, "log_f32": realLog}

// VectorMapF32 returns [MapF32] of f with the vector kernel of the tier in use,
// and that tier; without one where there is none.
func VectorMapF32(name string, f func(float32) float32) (run func(dst, src []float32), tier string) {
	v, real := rowsOf(Tier()), realsF32[name]
	if v == nil || !v.reals || real == 0 {
		return func(dst, src []float32) { MapF32(dst, src, f) }, TierGeneric
	}
	return func(dst, src []float32) {
		v.blocks(real, 1, dst, src, func(dst, src []float32) { MapF32(dst, src, f) })
	}, v.tier
}

// VectorComplexAbsF32 is VectorMapF32 of [ComplexAbsF32].
func VectorComplexAbsF32() (run func(dst, src []float32), tier string) {
	v := rowsOf(Tier())
	if v == nil || !v.reals {
		return ComplexAbsF32, TierGeneric
	}
	return func(dst, src []float32) { v.blocks(realMagnitude, 2, dst, src, ComplexAbsF32) }, v.tier
}

// blocks computes a function of per floats a result. What the kernel leaves, a
// block that holds zeros, infinities or no numbers, and the rest, is portable's.
func (v *vectorRows) blocks(f realFunction, per int, dst, src []float32, portable func(dst, src []float32)) {
	for len(dst) >= realBlock {
		if n := v.real(f, dst, src, len(dst)/realBlock) * realBlock; n > 0 {
			dst, src = dst[n:], src[per*n:]
			continue
		}
		portable(dst[:realBlock], src[:per*realBlock])
		dst, src = dst[realBlock:], src[per*realBlock:]
	}
	portable(dst, src)
}
