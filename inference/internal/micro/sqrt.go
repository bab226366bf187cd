package micro

import "math/bits"

// Sqrt rounds the square root of x to the nearest integer, with the
// limits of the original: a root that fits 16 bits saturates there.
func Sqrt(x uint64) uint32 {
	if x == 0 {
		return 0
	}
	limit := uint64(0xFFFF)
	if x>>32 != 0 {
		limit = 0xFFFFFFFF
	}
	var root uint64
	for bit := uint64(1) << ((bits.Len64(x) - 1) &^ 1); bit != 0; bit >>= 2 {
		if x >= root+bit {
			x -= root + bit
			root = root>>1 + bit
		} else {
			root >>= 1
		}
	}
	if x > root && root != limit {
		root++
	}
	return uint32(root)
}
