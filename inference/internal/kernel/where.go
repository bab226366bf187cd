package kernel

// Where writes the coordinates of the elements that are not 0, in order, and
// returns how many there are (kernels/internal/reference/reference_ops.h,
// SelectTrueCoords). An element is size bytes, and 0 where all of them are but
// for a float's sign.
func Where(dst []int64, src []byte, size int, float bool, shape []int) (count int) {
	at := 0
	for i := 0; i*size < len(src); i++ {
		if zero(src[i*size:][:size], float) {
			continue
		}
		rest := i
		for d := len(shape) - 1; d >= 0; d-- {
			if dst != nil {
				dst[at+d] = int64(rest % shape[d])
			}
			rest /= shape[d]
		}
		at += len(shape)
		count++
	}
	return count
}

func zero(b []byte, float bool) bool {
	for i, x := range b {
		if float && i == len(b)-1 {
			x &= 0x7F
		}
		if x != 0 {
			return false
		}
	}
	return true
}
