package kernel

// Number is an element that can be compared.
type Number interface {
	int8 | uint8 | int16 | int32 | float32
}

// ArgMax writes the position of the largest element along the middle dimension
// of src [outer][n][inner], the first of equals (kernels/internal/reference/
// arg_min_max.h).
func ArgMax[T Number](src []T, outer, n, inner int, put func(at int, index int)) {
	for o := range outer {
		for i := range inner {
			best, at := src[o*n*inner+i], 0
			for k := 1; k < n; k++ {
				if v := src[(o*n+k)*inner+i]; v > best {
					best, at = v, k
				}
			}
			put(o*inner+i, at)
		}
	}
}

// VectorArgMax8 is ArgMax of rows of at most 64 bytes with the vector kernel of
// the tier in use; nil where there is none.
func VectorArgMax8[T Byte](n, inner int) (run func(dst []int32, src []T), tier string) {
	v := rows8Of(Tier())
	if v == nil || !v.masked || inner != 1 || n > 64 {
		return nil, TierGeneric
	}
	return func(dst []int32, src []T) { v.argMax(isSigned[T](), dst, bytesOf(src), n) }, v.tier
}
