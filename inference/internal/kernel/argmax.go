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

// ArgMaxRows8 returns ArgMax of rows of at most 256 bytes, with the vector kernel of
// the tier in use where it has one for them; nil for other shapes.
func ArgMaxRows8[T Byte](n, inner int) (run func(dst []int32, src []T), tier string) {
	if inner != 1 || n > 256 {
		return nil, TierGeneric
	}
	v := rows8Of(Tier())
	if v == nil || !v.argMaxes || n > 64 {
		return func(dst []int32, src []T) { argMaxRows(dst, src, n) }, TierGeneric
	}
	return func(dst []int32, src []T) { v.argMax(isSigned[T](), dst, bytesOf(src), n) }, v.tier
}

// argMaxRows finds the largest of element * 256 - position, without a branch that
// depends on the elements.
func argMaxRows[T Byte](dst []int32, src []T, n int) {
	for i := range dst {
		row := src[i*n:][:n]
		best := int32(row[0]) << 8
		for k, v := range row {
			best = max(best, int32(v)<<8-int32(k))
		}
		dst[i] = -best & 0xFF
	}
}
