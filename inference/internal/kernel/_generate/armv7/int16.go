package main

import (
	"bufio"
	"fmt"
)

// int16s writes the kernels of layers of 16-bit activations.
func int16s(out *bufio.Writer) {
	for n := 1; n <= 2; n++ {
		gemm16(n)
		emit(out, fmt.Sprintf("gemm16x%dARMv7(t *tile8)", n), "t")
	}
	for n := 1; n <= 2; n++ {
		depthwise16(n)
		emit(out, fmt.Sprintf("depthwise16x%dARMv7(t *taps8)", n), "t")
	}
	finish16()
	emit(out, "finish16FixedARMv7(f *finish16)", "f")
}

// gemm16 writes the sums of blocks of rows pixels, evenly spaced, by 16 outputs of a
// panel, [zeros][input][output]. Sums stand in q8 to q15, four registers a row; d0 and
// d1 hold the inputs of the rows. r1 and r2 are the rows, r3 the destination, r5 weights,
// r7 and r8 segments, r9 quads, r11 and lr the rows' cursors.
func gemm16(rows int) {
	for r := range rows {
		p("ldr r%d, [r0, #%d]", 1+r, 4*r)
	}
	p("ldr r3, [r0, #36]")
	p("9:") // block
	p("ldr r5, [r0, #32]")
	p("add r5, r5, #64")
	for q := range 4 * rows {
		p("vmov.i32 q%d, #0", 8+q)
	}
	p("ldr r7, [r0, #44]")
	p("ldr r8, [r0, #52]")
	p("1:") // segment
	p("ldr r9, [r8], #4")
	for r := range rows {
		p("add %s, r%d, r9", cursor(r), 1+r)
	}
	p("ldr r9, [r0, #48]")
	p("2:") // quad
	for r := range rows {
		p("vld1.16 {d%d}, [%s]!", r, cursor(r))
	}
	for k := range 4 {
		raw, w := 12+k%2*2, 2+k%2*2 // weights of an input, and widened
		if k%2 == 0 {
			p("vld1.8 {d12-d15}, [r5]!")
		}
		p("vmovl.s8 q%d, d%d", w, raw)
		p("vmovl.s8 q%d, d%d", w+1, raw+1)
		for r := range rows {
			for j := range 4 {
				p("vmlal.s16 q%d, d%d, d%d[%d]", 8+4*r+j, 2*w+j, r, k)
			}
		}
	}
	p("subs r9, r9, #1")
	p("bne 2b")
	p("subs r7, r7, #1")
	p("bne 1b")
	p("ldr r12, [r0, #40]")
	for r := range rows {
		storeSums(8+4*r, "r3", "r12")
	}
	p("ldr r12, [r0, #124]") // blocks
	p("subs r12, r12, #1")
	p("str r12, [r0, #124]")
	p("beq 8f")
	p("ldr r12, [r0, #128]") // bytes from block to block
	for r := range rows {
		p("add r%d, r%d, r12", 1+r, 1+r)
	}
	p("b 9b")
	p("8:")
}

// storeSums writes four registers from q on to an address, and goes on by a step.
func storeSums(q int, to, step string) {
	p("mov r6, %s", to)
	p("vst1.32 {d%d-d%d}, [r6]!", 2*q, 2*q+3)
	p("vst1.32 {d%d-d%d}, [r6]", 2*q+4, 2*q+7)
	p("add %s, %s, %s", to, to, step)
}

// depthwise16 writes the sums of vectors of 16 channels of blocks of neighbouring
// pixels. Offsets are those of taps8. Sums stand in q8 to q15, four registers a pixel.
func depthwise16(pixels int) {
	p("1:")                // vector
	p("ldr r1, [r0]")      // input
	p("ldr r7, [r0, #28]") // destination
	p("ldr r9, [r0, #36]") // blocks
	p("2:")                // block
	for q := range 4 * pixels {
		p("vmov.i32 q%d, #0", 8+q)
	}
	p("ldr r3, [r0, #8]")   // offsets of the taps
	p("ldr r4, [r0, #12]")  // taps
	p("ldr r5, [r0, #16]")  // weights
	p("ldr r12, [r0, #20]") // bytes from tap to tap
	p("ldr r11, [r0, #4]")  // bytes from pixel to pixel
	p("3:")                 // tap
	p("ldr r6, [r3], #4")
	p("add r6, r1, r6")
	p("vld1.16 {d0-d3}, [r5], r12")
	for i := range pixels {
		p("vld1.16 {d4-d7}, [r6], r11")
		for j := range 4 {
			p("vmlal.s16 q%d, d%d, d%d", 8+4*i+j, 4+j, j)
		}
	}
	p("subs r4, r4, #1")
	p("bne 3b")
	p("ldr r12, [r0, #32]")
	for i := range pixels {
		storeSums(8+4*i, "r7", "r12")
		p("add r1, r1, r11")
	}
	nextPixel([]field{{0, 32}, {16, 32}, {28, 64}})
}

// finish16 requantizes groups of eight channels, four at a time, which load their side
// once for all pixels: q0 and q1 what is added, d4 and d5 factors, q3 and q4 shifts. r1
// are the sums, r2 the destination, r3 the sides, r4 groups, r8 pixels, r7 parts.
func finish16() {
	p("ldm r0, {r1, r2, r3, r4}")
	p("ldr r5, [r0, #20]") // bytes from pixel to pixel
	p("ldr r9, [r0, #28]") // bytes from part to part
	p("add r6, r0, #40")
	p("vld1.32 {d28[],d29[]}, [r6]!")
	p("vld1.32 {d30[],d31[]}, [r6]")
	p("1:") // group
	for half := range 2 {
		for at, d := range []int{0, 4, 6} {
			p("add r6, r3, #%d", 64*at+32*half)
			p("vld1.64 {d%d-d%d}, [r6]", d, d+3)
			if at == 1 {
				p("vmovn.i64 d4, q2")
				p("vmovn.i64 d5, q3")
			}
		}
		p("vmov.i32 q10, #0")
		p("vsub.i64 q3, q10, q3")
		p("vsub.i64 q4, q10, q4")
		p("add r11, r1, #%d", 16*half)
		p("add r12, r2, #%d", 8*half)
		p("ldr r8, [r0, #16]")
		p("pixel%d:", half)
		p("vmov q5, q0")
		p("vmov q6, q1")
		p("mov r6, r11")
		p("ldr r7, [r0, #24]")
		p("part%d:", half)
		p("vld1.32 {d14-d15}, [r6], r9")
		p("vmlal.s32 q5, d14, d4")
		p("vmlal.s32 q6, d15, d5")
		p("subs r7, r7, #1")
		p("bne part%d", half)
		p("vshl.s64 q5, q5, q3")
		p("vshl.s64 q6, q6, q4")
		p("vmovn.i64 d10, q5")
		p("vmovn.i64 d11, q6")
		p("vmax.s32 q5, q5, q14")
		p("vmin.s32 q5, q5, q15")
		p("vmovn.i32 d10, q5")
		p("vst1.16 {d10}, [r12]")
		p("add r11, r11, r5")
		p("ldr r6, [r0, #36]") // bytes from output pixel to output pixel
		p("add r12, r12, r6")
		p("subs r8, r8, #1")
		p("bne pixel%d", half)
	}
	p("subs r4, r4, #1")
	p("beq 8f")
	// Never beyond the last group: the collector may look at these pointers.
	p("add r1, r1, #32")
	p("add r2, r2, #16")
	p("add r3, r3, #224")
	p("b 1b")
	p("8:")
}
