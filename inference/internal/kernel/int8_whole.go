package kernel

import "math/bits"

// What kernels of whole blocks of rows leave, in portable Go.

// sumChannels writes the sums of the channels in mask, one after the other.
func sumChannels(signed bool, acc []int32, src []byte, pixel, nx, line, ny int, mask uint32) {
	n := bits.Len32(mask)
	clear(acc[:n])
	for y := range ny {
		for x := range nx {
			for c, q := range src[y*line+x*pixel:][:n] {
				acc[c] += valueOf(signed, q)
			}
		}
	}
}

// maxElements keeps the larger of each element of dst and src.
func maxElements(signed bool, dst, src []byte) {
	for i, q := range src {
		if valueOf(signed, q) > valueOf(signed, dst[i]) {
			dst[i] = q
		}
	}
}

// blendChannels is bilinear.
func blendChannels(signed bool, dst, tl, tr, bl, br []byte, x, y int32) {
	for c := range dst {
		v := func(q []byte) int32 { return valueOf(signed, q[c]) }
		dst[c] = byte(blend(v(tl), v(tr), v(bl), v(br), x, y))
	}
}

// valueOf returns what a byte stands for.
func valueOf(signed bool, q byte) int32 {
	if signed {
		return int32(int8(q))
	}
	return int32(q)
}
