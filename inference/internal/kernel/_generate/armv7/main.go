// Command armv7 writes the integer kernels of 32-bit Arm CPUs with NEON:
//
//	cd inference/internal/kernel/_generate && go run ./armv7 > ../int8_arm.s
//	cd inference/internal/kernel/_generate && go run ./armv7 int16 > ../int16_arm.s
//
// Go's assembler has no NEON there: arm-linux-gnueabihf-as (binutils) encodes
// every function, and each instruction stands as a WORD with its mnemonic beside
// it. r10 is Go's, lr stands on the stack.
package main

import (
	"bufio"
	"fmt"
	"os"

	"generate/arm"
)

// A body runs off its end; of the stack it has 16 bytes beside lr, which stands at sp.
var asm = arm.Assembler{
	Generator: "armv7",
	As:        []string{"arm-linux-gnueabihf-as", "-march=armv7-a", "-mfpu=neon"},
	Objdump:   []string{"arm-linux-gnueabihf-objdump", "-d"},
	Prefix:    ".syntax unified\n.arm\n",
	Frame:     "NOSPLIT, $16", Move: "MOVW", Size: 4, Suffix: "\tRET\n",
}

func p(format string, args ...any) { asm.P(format, args...) }

func emit(out *bufio.Writer, signature string, args ...string) { asm.Emit(out, signature, args...) }

func main() {
	out := bufio.NewWriter(os.Stdout)
	asm.Begin(out)
	defer out.Flush()
	if len(os.Args) > 1 {
		int16s(out)
		return
	}
	for rows := 1; rows <= 2; rows++ {
		gemm(rows)
		emit(out, fmt.Sprintf("gemm8x%dARMv7(t *tile8)", rows), "t")
	}
	depthwise()
	emit(out, "depthwise8x1ARMv7(t *taps8)", "t")
	interleave()
	emit(out, "interleaveARMv7(dst, r0, r1, r2, r3 *byte, blocks int, flip uint32)", "dst", "r0", "r1", "r2", "r3", "blocks", "flip")
}

// gemm writes blocks of rows pixels, evenly spaced, by 16 outputs of each of the
// panels that follow each other. A panel is [bias][quad of inputs][output][4];
// offsets are those of tile8 with pointers of four bytes. One row takes the 16
// outputs at once, two take 8 and then 8: sums stand in q0 to q7, two for each
// output. Products of two quads are added in 16 bits, so no weight may be -128.
//
// r1 and r2 are the rows, r3 the destination, r4 the scales, r5 and r6 weights,
// r7 and r8 segments, r9 quads, r11 and lr the rows' cursors, r12 passes by.
func gemm(rows int) {
	for r := range rows {
		p("ldr r%d, [r0, #%d]", 1+r, 4*r)
	}
	p("ldr r3, [r0, #36]")
	p("str r3, [sp, #4]") // destination of the block
	p("9:")               // block
	p("ldr r3, [sp, #4]")
	p("ldr r5, [r0, #32]")
	p("ldr r4, [r0, #112]")
	p("ldr r12, [r0, #120]")
	p("str r12, [sp, #8]") // panels left
	p("0:")                // panel
	p("str r5, [sp, #12]")
	for half := range rows {
		sums(rows, half)
		store(rows, half)
	}
	if rows == 2 {
		p("sub r5, r5, #32") // behind the last weights of the first half
	}
	p("add r4, r4, #64")
	p("ldr r12, [r0, #64]")
	p("cmp r12, #1")
	p("addeq r3, r3, #64") // sums
	p("addne r3, r3, #16")
	p("ldr r12, [sp, #8]")
	p("subs r12, r12, #1")
	p("str r12, [sp, #8]")
	p("bne 0b")
	p("ldr r12, [r0, #124]") // blocks
	p("subs r12, r12, #1")
	p("str r12, [r0, #124]")
	p("beq 8f")
	p("ldr r12, [r0, #128]") // bytes from block to block
	for r := range rows {
		p("add r%d, r%d, r12", 1+r, 1+r)
	}
	p("ldr r3, [sp, #4]")
	p("ldr r12, [r0, #40]")
	p("add r3, r3, r12, lsl #%d", rows-1)
	p("str r3, [sp, #4]")
	p("b 9b")
	p("8:")
}

// sums writes the sums of one pass over the inputs to q0 to q3: those of one row,
// or of half the outputs of two.
func sums(rows, half int) {
	id := fmt.Sprintf("%d%d", rows, half)
	for q := range 8 {
		p("vmov.i32 q%d, #0", q)
	}
	p("ldr r5, [sp, #12]")
	p("add r5, r5, #%d", 64+32*half)
	p("ldr r7, [r0, #44]")
	p("ldr r8, [r0, #52]")
	p("mov r12, #%d", map[int]int{1: 96, 2: 128}[rows]) // to the weights of the next pair of quads
	p("segment%s:", id)
	p("ldr r9, [r8], #4")
	p("add r11, r1, r9")
	if rows == 2 {
		p("add lr, r2, r9")
	}
	p("ldr r9, [r0, #48]")
	p("add r6, r5, #64")
	p("subs r9, r9, #2")
	p("blt tail%s", id)
	p("pair%s:", id)
	for r := range rows {
		p("vld1.8 {d%d}, [%s]!", 17+2*r, cursor(r))
	}
	for r := range rows {
		p("vdup.32 d%d, d%d[0]", 16+2*r, 17+2*r)
		p("vdup.32 d%d, d%d[1]", 17+2*r, 17+2*r)
	}
	for g := range 2 / rows {
		next := "!"
		if g == 2/rows-1 {
			next = ", r12"
		}
		p("vld1.8 {d20-d23}, [r5]%s", next)
		p("vld1.8 {d24-d27}, [r6]%s", next)
		for j := range 4 {
			for r := range rows {
				product := 14 + (j*rows+r)%2
				p("vmull.s8 q%d, d%d, d%d", product, 20+j, 16+2*r)
				p("vmlal.s8 q%d, d%d, d%d", product, 24+j, 17+2*r)
				p("vpadal.s16 q%d, q%d", 4*g+4*r+j, product)
			}
		}
	}
	p("subs r9, r9, #2")
	p("bge pair%s", id)
	p("tail%s:", id)
	p("adds r9, r9, #2")
	p("beq end%s", id)
	for r := range rows { // one quad
		p("vld1.32 {d%d[]}, [%s]", 16+2*r, cursor(r))
	}
	for g := range 2 / rows {
		if next := "!"; rows == 1 {
			p("vld1.8 {d20-d23}, [r5]%s", next)
		} else {
			p("vld1.8 {d20-d23}, [r5]")
			p("add r5, r5, #64")
		}
		for j := range 4 {
			for r := range rows {
				product := 14 + (j*rows+r)%2
				p("vmull.s8 q%d, d%d, d%d", product, 20+j, 16+2*r)
				p("vpadal.s16 q%d, q%d", 4*g+4*r+j, product)
			}
		}
	}
	p("end%s:", id)
	p("subs r7, r7, #1")
	p("bne segment%s", id)
	for i := range 8 {
		p("vpadd.i32 d%d, d%d, d%d", i, 2*i, 2*i+1)
	}
	bias(rows, half)
}

// cursor is the register that walks over the inputs of a row.
func cursor(row int) string { return []string{"r11", "lr"}[row] }

// bias adds biases to q0 to q3, and what each row's inputs add where it is not
// sums that are wanted.
func bias(rows, half int) {
	p("ldr r6, [sp, #12]")
	if half == 1 {
		p("add r6, r6, #32")
	}
	p("vld1.32 {d16-d19}, [r6]!")
	if rows == 1 {
		p("vld1.32 {d20-d23}, [r6]")
	}
	for q := range 4 {
		p("vadd.i32 q%d, q%d, q%d", q, q, 8+q%(4/rows))
	}
	p("ldr r12, [r0, #64]") // the flip
	p("cmp r12, #0")
	p("bne added%d%d", rows, half)
	p("add r6, r0, #80")
	for r := range rows {
		p("vld1.32 {d16[],d17[]}, [r6]!")
		for q := range 4 / rows {
			p("vadd.i32 q%d, q%d, q8", 4/rows*r+q, 4/rows*r+q)
		}
	}
	p("added%d%d:", rows, half)
}

// store writes q0 to q3 to the destination, as bytes or as they are.
func store(rows, half int) {
	id := fmt.Sprintf("%d%d", rows, half)
	p("ldr r12, [r0, #64]")
	p("cmp r12, #1")
	p("bne bytes%s", id)
	if rows == 1 {
		p("mov r6, r3")
		p("vst1.32 {d0-d3}, [r6]!")
		p("vst1.32 {d4-d7}, [r6]")
	} else {
		p("ldr r12, [r0, #40]")
		p("add r6, r3, #%d", 32*half)
		p("vst1.32 {d0-d3}, [r6], r12")
		p("vst1.32 {d4-d7}, [r6]")
	}
	p("b stored%s", id)
	p("bytes%s:", id)
	if half == 0 {
		p("mov r6, r4")
	} else {
		p("add r6, r4, #32")
	}
	p("vld1.32 {d16-d19}, [r6]!")
	if rows == 1 {
		p("vld1.32 {d20-d23}, [r6]")
	}
	output(64)
	finish(func(q int) int { return 8 + q%(4/rows) })
	if rows == 1 {
		p("vst1.8 {d0-d1}, [r3]")
	} else {
		p("ldr r12, [r0, #40]")
		p("add r6, r3, #%d", 8*half)
		p("vst1.8 {d0}, [r6], r12")
		p("vst1.8 {d1}, [r6]")
	}
	p("stored%s:", id)
}

// output loads the output side at an offset of the arguments (out8): q12 and q13
// the bounds less the zero point, q14 what rounds, q15 what takes it back and adds
// the zero point.
func output(at int) {
	p("add r12, r0, #%d", at+4)
	p("vld1.32 {d24[],d25[]}, [r12]!")
	p("vld1.32 {d30[],d31[]}, [r12]!") // zero point
	p("vld1.32 {d26[],d27[]}, [r12]")
	p("vsub.i32 q13, q13, q15")
	p("vcvt.f32.s32 q13, q13")
	p("movw r12, #0")
	p("movt r12, #0x4B40") // 1.5 * 2^23
	p("vdup.32 q14, r12")
	p("vsub.i32 q15, q14, q15")
	p("ldr r12, [r0, #%d]", at)
}

// finish turns the sums in q0 to q3 to bytes in q0 (Clamp8.fp32); NEON rounds sums
// half to even, and its clamped products are no subnormals. r12 is the flip.
func finish(scale func(q int) int) {
	for q := range 4 {
		p("vcvt.f32.s32 q%d, q%d", q, q)
		p("vmul.f32 q%d, q%d, q%d", q, q, scale(q))
	}
	for q := range 4 {
		p("vmin.f32 q%d, q%d, q12", q, q)
		p("vmax.f32 q%d, q%d, q13", q, q)
	}
	for q := range 4 {
		p("vadd.f32 q%d, q%d, q14", q, q)
		p("vsub.i32 q%d, q%d, q15", q, q)
	}
	for q := range 4 {
		p("vmovn.i32 d%d, q%d", q, q)
	}
	p("vmovn.i16 d0, q0")
	p("vmovn.i16 d1, q1")
	p("vdup.32 q1, r12")
	p("veor q0, q0, q1")
}

// depthwise writes vectors of 16 channels of blocks of one pixel; the input holds
// quads of rows (see interleave). Offsets are those of taps8. Sums stand in q0 to
// q7, two for each channel.
func depthwise() {
	p("1:")                // vector
	p("ldr r1, [r0]")      // quads
	p("ldr r7, [r0, #28]") // destination
	p("ldr r9, [r0, #36]") // blocks
	p("2:")                // block
	for q := range 8 {
		p("vmov.i32 q%d, #0", q)
	}
	p("ldr r3, [r0, #8]")   // offsets of the taps
	p("ldr r4, [r0, #12]")  // taps
	p("ldr r5, [r0, #16]")  // weights
	p("ldr r12, [r0, #20]") // bytes from tap to tap
	p("sub r12, r12, #32")
	p("3:") // tap
	p("ldr r6, [r3], #4")
	p("add r6, r1, r6")
	for half := range 2 {
		p("vld1.8 {d16-d19}, [r6]!")
		if half == 0 {
			p("vld1.8 {d20-d23}, [r5]!")
		} else {
			p("vld1.8 {d20-d23}, [r5], r12")
		}
		for j := range 4 {
			p("vmull.s8 q%d, d%d, d%d", 12+j, 16+j, 20+j)
		}
		for j := range 4 {
			p("vpadal.s16 q%d, q%d", 4*half+j, 12+j)
		}
	}
	p("subs r4, r4, #1")
	p("bne 3b")
	for i := range 8 {
		p("vpadd.i32 d%d, d%d, d%d", i, 2*i, 2*i+1)
	}
	for _, at := range []int{24, 44} { // biases, scales
		p("ldr r6, [r0, #%d]", at)
		p("vld1.32 {d16-d19}, [r6]!")
		p("vld1.32 {d20-d23}, [r6]")
		for q := range 4 {
			if at == 24 {
				p("vadd.i32 q%d, q%d, q%d", q, q, 8+q)
			}
		}
	}
	output(52)
	finish(func(q int) int { return 8 + q })
	p("vst1.8 {d0-d1}, [r7]")
	p("ldr r6, [r0, #4]") // from pixel to pixel
	p("add r1, r1, r6")
	p("ldr r6, [r0, #32]")
	p("add r7, r7, r6")
	nextPixel([]field{{0, 64}, {16, 64}, {24, 64}, {28, 16}, {44, 64}})
}

// field is a pointer at an offset of the arguments, and how far the next vector is.
type field struct{ at, step int }

// nextPixel goes on with the next block of a depthwise kernel, then with the next
// vector.
func nextPixel(fields []field) {
	p("subs r9, r9, #1")
	p("bne 2b")
	p("ldr r9, [r0, #48]") // vectors
	p("subs r9, r9, #1")
	p("beq 8f")
	// Never beyond the last vector: the collector may look at these pointers.
	p("str r9, [r0, #48]")
	for _, f := range fields {
		p("ldr r6, [r0, #%d]", f.at)
		p("add r6, r6, #%d", f.step)
		p("str r6, [r0, #%d]", f.at)
	}
	p("b 1b")
	p("8:")
}

// interleave writes quads of four rows, 16 elements at a time.
func interleave() {
	p("vdup.32 q4, r6")
	p("1:")
	for r := range 4 {
		p("vld1.8 {d%d-d%d}, [r%d]!", 2*r, 2*r+1, 1+r)
	}
	for r := range 4 {
		p("veor q%d, q%d, q4", r, r)
	}
	p("vst4.8 {d0,d2,d4,d6}, [r0]!")
	p("vst4.8 {d1,d3,d5,d7}, [r0]!")
	p("subs r5, r5, #1")
	p("bne 1b")
}
