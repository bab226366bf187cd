package kernel

import "unsafe"

// split16Block is how many elements a block of split16 has.
const split16Block = 32

// splitWords writes the upper and the lower bytes of 16-bit elements, each xored.
func splitWords(upper, lower []byte, src []int16, flipUpper, flipLower byte) {
	blocks := len(src) / split16Block
	if blocks == 0 {
		for i, x := range src {
			upper[i], lower[i] = byte(x>>8)^flipUpper, byte(x)^flipLower
		}
		return
	}
	wide := [2]uint64{0x0101010101010101 * uint64(flipUpper), 0x0101010101010101 * uint64(flipLower)}
	split16(&upper[0], &lower[0], &src[0], blocks, wide[0], wide[1])
	if n := len(src) - split16Block; len(src)%split16Block != 0 { // what is left, with some of what is done
		split16(&upper[n], &lower[n], &src[n], 1, wide[0], wide[1])
	}
}

// bytesOf16 returns 16-bit elements as bytes.
func bytesOf16(v []int16) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 2*len(v))
}
