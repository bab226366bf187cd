package kernel

// Widen reads integers into 64 bits.
func Widen[T Integer](dst []int64, src []T) {
	for i, v := range src {
		dst[i] = int64(v)
	}
}

// Narrow writes integers to another type: high bits are cut off, floats round to
// nearest even.
func Narrow[T Integer | float32](dst []T, src []int64) {
	for i := range dst {
		dst[i] = T(src[i])
	}
}

// Truths writes 1 for every number but 0.
func Truths(dst []byte, src []int64) {
	for i := range dst {
		dst[i] = 0
		if src[i] != 0 {
			dst[i] = 1
		}
	}
}
