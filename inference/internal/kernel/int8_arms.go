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

// sumRow adds the signed bytes of a window.
func (v *vector8) sumRow(row []byte, offsets []int, length int) (sum int32) {
	for _, at := range offsets {
		sum += SumBytes(signedOf(row[at:][:length]))
	}
	return sum
}
