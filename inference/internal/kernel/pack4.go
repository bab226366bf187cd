package kernel

// Unpack4 writes int4 values as int8, the low half of each byte first, as
// LiteRT packs them (kernels/internal/portable_tensor_utils.cc,
// UnpackPackedIntToInt8).
func Unpack4(dst, src []byte) {
	for i := range dst {
		b := src[i/2]
		if i%2 == 1 {
			b >>= 4
		}
		dst[i] = byte(int8(b<<4) >> 4)
	}
}
