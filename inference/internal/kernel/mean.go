package kernel

// Mean is a quantized 8-bit mean by XNNPACK's rule: int32 sums, then one
// float32 product and sum, rounded half to even (src/operators/reduce-nd.c).
type Mean struct {
	scale, zero float32
}

// NewMean prepares a mean over n elements; inOut is input / output scale.
func NewMean(n int, inOut float32, inZero, outZero int32) Mean {
	s := float32(inOut * float32(1/float32(n)))
	return Mean{s, float32(outZero) - float32(float32(int32(n)*inZero)*s)}
}

// RunMean reduces the middle dimension of src [outer][n][inner] to dst
// [outer][inner]. acc has inner elements; out gives the type's bounds.
func RunMean[T Byte](m Mean, dst, src []T, acc []int32, outer, n, inner int, out Clamp8) {
	acc = acc[:inner]
	for o := range outer {
		clear(acc)
		for i := range n {
			for c, v := range src[(o*n+i)*inner:][:inner] {
				acc[c] += int32(v)
			}
		}
		for c, a := range acc {
			v := float32(float32(float32(a)*m.scale) + m.zero)
			dst[o*inner+c] = T(roundEven(min(max(v, float32(out.Min)), float32(out.Max))))
		}
	}
}
