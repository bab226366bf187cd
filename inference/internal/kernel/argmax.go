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
