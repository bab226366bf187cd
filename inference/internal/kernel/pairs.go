package kernel

import "math/bits"

// Two pixels in one word: a 64-bit CPU multiplies both by a weight at once.
// The low lane's sum stays within an int32, so what it borrows from the high
// lane is known at the end.

// maxPaired is the longest dot product whose low lane cannot leave an int32:
// 2^31 / 255^2.
const maxPaired = 33025

func (c *Conv[T]) paired() bool {
	return bits.UintSize == 64 && c.Depth() <= maxPaired && c.OutC >= minPaired
}

// pair writes a + b * 2^32 for each element.
func pair[T Byte](dst []int64, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = int64(a[i]) + int64(b[i])<<32
	}
}

// dotPairs is dot4 on paired rows.
func dotPairs[T Byte](w []T, zero int32, p, q []int64) [Lanes]int32 {
	p, q = p[:len(w)], q[:len(w)]
	var a, b int64
	for i, v := range w {
		x := int64(int32(v) - zero)
		a += x * p[i]
		b += x * q[i]
	}
	a0, a1 := split(a)
	b0, b1 := split(b)
	return [Lanes]int32{a0, a1, b0, b1}
}

func split(v int64) (low, high int32) {
	low = int32(v)
	return low, int32((v - int64(low)) >> 32)
}
