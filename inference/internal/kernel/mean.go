package kernel

// Mean is a quantized 8-bit mean by XNNPACK's rule: int32 sums, then one
// float32 product and sum, rounded half to even (src/operators/reduce-nd.c).
type Mean struct {
	scale, zero float32
	fast        *vector8
}

// Tier names the instruction set of the kernel.
func (m Mean) Tier() string {
	if m.fast != nil {
		return m.fast.tier
	}
	return TierGeneric
}

// NewMean prepares a mean over n elements; inOut is input / output scale.
func NewMean(n int, inOut float32, inZero, outZero int32) Mean {
	s := float32(inOut * float32(1/float32(n)))
	return Mean{s, float32(outZero) - float32(float32(int32(n)*inZero)*s), rows8Of(Tier())}
}

// NewSum prepares a sum likewise.
func NewSum(n int, inOut float32, inZero, outZero int32) Mean {
	return Mean{inOut, float32(outZero) - float32(float32(int32(n)*inZero)*inOut), rows8Of(Tier())}
}

// RunMean reduces the middle dimension of src [outer][n][inner] to dst
// [outer][inner]. acc has inner elements, and 16 more for vector kernels; out
// gives the type's bounds.
func RunMean[T Byte](m Mean, dst, src []T, acc []int32, outer, n, inner int, out Clamp8) {
	sums := m.sums(inner)
	for o := range outer {
		sumRows(sums, acc, src[o*n*inner:][:n*inner], n, inner)
		for c, a := range acc[:inner] {
			v := float32(float32(float32(a)*m.scale) + m.zero)
			dst[o*inner+c] = T(roundEven(min(max(v, float32(out.Min)), float32(out.Max))))
		}
	}
}

// sums returns the vector kernels to add with, if they pay.
func (m Mean) sums(inner int) *vector8 {
	if inner < minInner {
		return nil
	}
	return m.fast
}

// sumRows adds n rows of as many elements as acc.
func sumRows[T Byte](v *vector8, acc []int32, src []T, n, inner int) {
	if v == nil {
		acc = acc[:inner]
		clear(acc)
		for i := range n {
			for c, x := range src[i*inner:][:inner] {
				acc[c] += int32(x)
			}
		}
		return
	}
	for c := 0; c < inner; c += 16 {
		v.sumWindow(isSigned[T](), acc[c:], bytesOf(src)[c:], inner, n, 0, 1, 1<<min(16, inner-c)-1)
	}
}
