package kernel

import "unsafe"

// split16Block is how many elements a block of split16 has.
const split16Block = 32

// splitWords writes the upper and the lower bytes of 16-bit elements, each xored.
func splitWords(upper, lower []byte, src []int16, flipUpper, flipLower byte) {
	n := len(src) &^ (split16Block - 1)
	if n > 0 {
		split16(&upper[0], &lower[0], &src[0], n/split16Block, 0x0101010101010101*uint64(flipUpper), 0x0101010101010101*uint64(flipLower))
	}
	for i, x := range src[n:] {
		upper[n+i], lower[n+i] = byte(x>>8)^flipUpper, byte(x)^flipLower
	}
}

// bytesOf16 returns 16-bit elements as bytes.
func bytesOf16(v []int16) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 2*len(v))
}
