package main

import (
	"bufio"
	"fmt"
)

// int16s writes the kernels of layers of 16-bit activations.
func int16s(out *bufio.Writer) {
	for rows := 1; rows <= 4; rows++ {
		gemm16(rows)
		emit(out, fmt.Sprintf("gemm16x%dNEON(t *tile8)", rows), "t")
	}
	for pixels := 1; pixels <= 4; pixels++ {
		depthwise16(pixels)
		emit(out, fmt.Sprintf("depthwise16x%dNEON(t *taps8)", pixels), "t")
	}
	finish16(fixedBegin16, fixedPart16, fixedStore16)
	emit(out, "finishFixed16(f *finish16)", "f")
	finish16(func() {}, realPart16, realStore16)
	emit(out, "finishReal16(f *finish16)", "f")
	split16()
	emit(out, "split16(upper, lower *byte, src *int16, blocks int, flipUpper, flipLower uint64)", "upper", "lower", "src", "blocks", "flipUpper", "flipLower")
}

// gemm16 writes the sums of blocks of rows pixels, evenly spaced, by 16 outputs of a
// panel, [zeros][input][output]; offsets are those of tile8. Sums stand in v16 to v31,
// four registers a row; v0 to v3 hold the inputs of the rows: only registers below v16
// have lanes of 16 bits to multiply by.
func gemm16(rows int) {
	for r := range rows {
		p("ldr x%d, [x0, #%d]", 1+r, 8*r)
	}
	p("ldr x22, [x0, #64]")  // panel
	p("ldr x20, [x0, #72]")  // destination
	p("ldr x15, [x0, #80]")  // bytes from pixel to pixel of sums
	p("ldr x24, [x0, #192]") // blocks
	p("9:")                  // block
	p("add x5, x22, #64")
	p("ldr x6, [x0, #88]")  // segments
	p("ldr x7, [x0, #104]") // where each segment begins
	for i := range 4 * rows {
		p("movi v%d.4s, #0", 16+i)
	}
	p("1:")                // segment
	p("ldr x8, [x7], #8")  // its offset
	p("ldr x9, [x0, #96]") // its quads
	for r := range rows {
		p("add x%d, x%d, x8", 10+r, 1+r)
	}
	p("subs x9, x9, #2")
	p("b.lt 3f")
	p("2:") // two quads
	for r := range rows {
		p("ldr q%d, [x%d], #16", r, 10+r)
	}
	inputs16(rows, 8)
	p("subs x9, x9, #2")
	p("b.ge 2b")
	p("3:")
	p("adds x9, x9, #2")
	p("b.eq 5f")
	for r := range rows { // one quad
		p("ldr d%d, [x%d], #8", r, 10+r)
	}
	inputs16(rows, 4)
	p("5:")
	p("subs x6, x6, #1")
	p("b.ne 1b")
	for r := range rows {
		p("stp q%d, q%d, [x20]", 16+4*r, 17+4*r)
		p("stp q%d, q%d, [x20, #32]", 18+4*r, 19+4*r)
		p("add x20, x20, x15")
	}
	p("subs x24, x24, #1")
	p("b.eq 8f")
	p("ldr x12, [x0, #200]") // bytes from block to block
	for r := range rows {
		p("add x%d, x%d, x12", 1+r, 1+r)
	}
	p("b 9b")
	p("8:")
	p("ret")
}

// inputs16 multiplies n inputs of each row, of a register.
func inputs16(rows, n int) {
	for k := range n {
		if k%2 == 0 {
			p("ldp q4, q5, [x5], #32")
		}
		w := 6 + k%2*2
		p("sxtl v%d.8h, v%d.8b", w, 4+k%2)
		p("sxtl2 v%d.8h, v%d.16b", w+1, 4+k%2)
		for r := range rows {
			for j := range 2 {
				p("smlal v%d.4s, v%d.4h, v%d.h[%d]", 16+4*r+2*j, w+j, r, k)
				p("smlal2 v%d.4s, v%d.8h, v%d.h[%d]", 17+4*r+2*j, w+j, r, k)
			}
		}
	}
}

// depthwise16 writes the sums of vectors of 16 channels of blocks of neighbouring
// pixels. Offsets are those of taps8. Sums stand in v0 to v15, four registers a pixel.
func depthwise16(pixels int) {
	p("ldr x2, [x0, #8]")  // bytes from pixel to pixel
	p("ldr x6, [x0, #40]") // bytes from tap to tap
	p("ldr x8, [x0, #64]") // bytes from pixel to pixel of sums
	p("1:")                // vector
	p("ldr x1, [x0]")
	p("ldr x7, [x0, #56]") // destination
	p("ldr x9, [x0, #72]") // blocks
	p("2:")                // block
	for i := range 4 * pixels {
		p("movi v%d.4s, #0", i)
	}
	p("ldr x3, [x0, #16]") // offsets of the taps
	p("ldr x4, [x0, #24]") // taps
	p("ldr x5, [x0, #32]") // weights
	p("3:")                // tap
	p("ldr x13, [x3], #8")
	p("add x13, x1, x13")
	p("ldp q16, q17, [x5]")
	p("add x5, x5, x6")
	for i := range pixels {
		p("ldp q18, q19, [x13]")
		if i < pixels-1 {
			p("add x13, x13, x2")
		}
		for j := range 2 {
			p("smlal v%d.4s, v%d.4h, v%d.4h", 4*i+2*j, 18+j, 16+j)
			p("smlal2 v%d.4s, v%d.8h, v%d.8h", 4*i+2*j+1, 18+j, 16+j)
		}
	}
	p("subs x4, x4, #1")
	p("b.ne 3b")
	for i := range pixels {
		p("stp q%d, q%d, [x7]", 4*i, 4*i+1)
		p("stp q%d, q%d, [x7, #32]", 4*i+2, 4*i+3)
		p("add x7, x7, x8")
	}
	nextPixels(pixels, []field{{0, 32}, {32, 32}, {56, 64}})
}

// finish16 requantizes groups of eight channels, which load their side once for all
// pixels: v0 to v3 what is added, v4 to v7 factors, v16 to v19 shifts. part adds what
// it makes of the sums in v24 and v25, and of those of lower bytes, to v20 to v23;
// store leaves numbers of which the lower halves count.
func finish16(begin, part, store func()) {
	p("ldp x1, x2, [x0]")       // sums, destination
	p("ldp x3, x4, [x0, #16]")  // sides, groups
	p("ldr x6, [x0, #40]")      // bytes from pixel to pixel
	p("ldp x7, x8, [x0, #48]")  // parts, bytes from part to part
	p("ldp x9, x10, [x0, #64]") // bytes to the sums of lower bytes, or 0; from output pixel to output pixel
	p("add x15, x0, #80")
	p("ld1r {v30.4s}, [x15], #4")
	p("ld1r {v31.4s}, [x15]")
	p("movi v15.2s, #0x80, lsl #24") // no int32
	p("sxtl v15.2d, v15.2s")
	p("1:") // group
	p("mov x11, x3")
	for _, v := range []int{0, 2, 4, 6, 16, 18} {
		p("ldp q%d, q%d, [x11], #32", v, v+1)
	}
	for i := range 4 {
		p("neg v%d.2d, v%d.2d", 16+i, 16+i)
	}
	begin()
	p("ldr x5, [x0, #32]") // pixels
	p("mov x13, x1")
	p("mov x14, x2")
	p("2:") // pixel
	p("mov x11, x13")
	p("mov x12, x7")
	for i := range 4 {
		p("movi v%d.2d, #0", 20+i)
	}
	p("3:") // part
	p("ldp q24, q25, [x11]")
	part()
	p("add x11, x11, x8")
	p("subs x12, x12, #1")
	p("b.ne 3b")
	store()
	for i := 20; i < 24; i += 2 {
		p("xtn v%d.2s, v%d.2d", i, i)
		p("xtn2 v%d.4s, v%d.2d", i, i+1)
		p("smax v%d.4s, v%d.4s, v30.4s", i, i)
		p("smin v%d.4s, v%d.4s, v31.4s", i, i)
	}
	p("xtn v20.4h, v20.4s")
	p("xtn2 v20.8h, v22.4s")
	p("str q20, [x14]")
	p("add x13, x13, x6")
	p("add x14, x14, x10")
	p("subs x5, x5, #1")
	p("b.ne 2b")
	p("subs x4, x4, #1")
	p("b.eq 8f")
	// Never beyond the last group: the collector may look at these pointers.
	p("add x1, x1, #32")
	p("add x2, x2, #16")
	p("add x3, x3, #224")
	p("b 1b")
	p("8:")
	p("ret")
}

// each16 writes an instruction for the four pairs of sums in v24 and v25, of which
// odd ones are the upper halves: its number, suffix, register and lanes.
func each16(f func(i int, second string, sums int, lanes string)) {
	for i := range 4 {
		f(i, []string{"", "2"}[i%2], 24+i/2, []string{"2s", "4s"}[i%2])
	}
}

// part16 adds what first and then add make of sums; first writes v26 to v29, add adds
// to them.
func part16(first, add func(i int, second string, sums int, lanes string)) {
	each16(first)
	p("cbz x9, 4f")
	for i := range 4 {
		p("shl v%d.2d, v%d.2d, #8", 26+i, 26+i)
	}
	p("add x16, x11, x9")
	p("ldp q24, q25, [x16]")
	each16(add)
	p("4:")
	for i := range 4 {
		p("add v%d.2d, v%d.2d, v%d.2d", 20+i, 20+i, 26+i)
	}
}

func fixedBegin16() {
	p("uzp1 v4.4s, v4.4s, v5.4s")
	p("uzp1 v5.4s, v6.4s, v7.4s")
}

func fixedPart16() {
	part16(func(i int, second string, sums int, lanes string) {
		p("smull%s v%d.2d, v%d.%s, v%d.%s", second, 26+i, sums, lanes, sums-20, lanes)
	}, func(i int, second string, sums int, lanes string) {
		p("smlal%s v%d.2d, v%d.%s, v%d.%s", second, 26+i, sums, lanes, sums-20, lanes)
	})
}

func fixedStore16() {
	for i := range 4 {
		p("add v%d.2d, v%d.2d, v%d.2d", 20+i, 20+i, i)
		p("sshl v%d.2d, v%d.2d, v%d.2d", 20+i, 20+i, 16+i)
	}
}

func realPart16() {
	part16(func(i int, second string, sums int, lanes string) {
		p("sxtl%s v%d.2d, v%d.%s", second, 26+i, sums, lanes)
	}, func(i int, second string, sums int, lanes string) {
		p("saddw%s v%d.2d, v%d.2d, v%d.%s", second, 26+i, 26+i, sums, lanes)
	})
}

// realStore16 rounds half away from zero; what is no int32 becomes -2^31.
func realStore16() {
	for i := 20; i < 24; i++ {
		p("scvtf v%d.2d, v%d.2d", i, i)
		p("fadd v%d.2d, v%d.2d, v%d.2d", i, i, i-20)
		p("fmul v%d.2d, v%d.2d, v%d.2d", i, i, i-16)
		p("fcvtas v%d.2d, v%d.2d", i, i)
		p("xtn v24.2s, v%d.2d", i)
		p("sxtl v24.2d, v24.2s")
		p("cmeq v24.2d, v24.2d, v%d.2d", i)
		p("bif v%d.16b, v15.16b, v24.16b", i)
	}
}

// split16 writes the upper and the lower bytes of blocks of 32 elements, each xored.
func split16() {
	p("dup v4.2d, x4")
	p("dup v5.2d, x5")
	p("1:")
	p("ld2 {v0.16b, v1.16b}, [x2], #32")
	p("ld2 {v2.16b, v3.16b}, [x2], #32")
	for _, half := range []struct{ v, flip, to int }{{1, 4, 0}, {0, 5, 1}} {
		for _, v := range []int{half.v, half.v + 2} {
			p("eor v%d.16b, v%d.16b, v%d.16b", v, v, half.flip)
		}
		p("stp q%d, q%d, [x%d], #32", half.v, half.v+2, half.to)
	}
	p("subs x3, x3, #1")
	p("b.ne 1b")
	p("ret")
}
