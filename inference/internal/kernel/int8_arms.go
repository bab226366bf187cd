//go:build !noasm && (arm64 || arm)

package kernel

import "encoding/binary"

// order returns the order of dwords after packing, which NEON does not need.
func (v *vector8) order() *uint32 { return nil }

// flip copies bytes, each xored with flip.
func (v *vector8) flip(dst, src []byte, flip byte) {
	if flip == 0 {
		copy(dst, src)
		return
	}
	i, pattern := 0, uint64(flip)*0x0101010101010101
	for ; i+8 <= len(src); i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(src[i:])^pattern)
	}
	for ; i < len(src); i++ {
		dst[i] = src[i] ^ flip
	}
}

// sumPixels writes factor times the sum of each window of as many pixels as dst has,
// step bytes apart.
func (v *vector8) sumPixels(dst []int32, in []byte, step int, offsets []int, length int, factor int32) {
	for i := range dst {
		sum := int32(0)
		for _, at := range offsets {
			sum += SumBytes(signedOf(in[i*step+at:][:length]))
		}
		dst[i] = factor * sum
	}
}
