// Command arm64 writes the kernels of arm64: ../int8_arm64.s, ../f32_arm64.s,
// ../rows_arm64.s, ../int16_arm64.s and ../i8mm_arm64.s.
//
//	cd inference/internal/kernel/_generate && go run ./arm64 > ../int8_arm64.s
//	cd inference/internal/kernel/_generate && go run ./arm64 float > ../f32_arm64.s
//	cd inference/internal/kernel/_generate && go run ./arm64 rows > ../rows_arm64.s
//	cd inference/internal/kernel/_generate && go run ./arm64 int16 > ../int16_arm64.s
//	cd inference/internal/kernel/_generate && go run ./arm64 i8mm > ../i8mm_arm64.s
//
// One text serves the dot product extension (Armv8.2-A) and the NEON that every
// arm64 has, where four instructions make up for one.
//
// Go's assembler lacks these instructions: aarch64-linux-gnu-as (binutils)
// encodes them here, and each stands as a WORD with its mnemonic beside it.
package main

import (
	"bufio"
	"fmt"
	"os"

	"generate/arm"
)

var asm = arm.Assembler{
	Generator: "arm64",
	As:        []string{"aarch64-linux-gnu-as", "-march=armv8.2-a+dotprod+i8mm"},
	Objdump:   []string{"aarch64-linux-gnu-objdump", "-d", "-M", "no-aliases"},
	Frame:     "NOSPLIT|NOFRAME, $0", Move: "MOVD", Size: 8,
}

func p(format string, args ...any) { asm.P(format, args...) }

func emit(out *bufio.Writer, signature string, args ...string) { asm.Emit(out, signature, args...) }

func main() {
	out := bufio.NewWriter(os.Stdout)
	asm.Begin(out)
	defer out.Flush()
	if len(os.Args) > 1 {
		map[string]func(*bufio.Writer){"float": floats, "rows": rows, "int16": int16s, "i8mm": i8mms}[os.Args[1]](out)
		return
	}
	for _, s := range []set{"Dotprod", "NEON"} {
		for rows := 1; rows <= 4; rows++ {
			if s == "NEON" && rows == 1 {
				gemmOne()
			} else {
				s.gemm(rows)
			}
			emit(out, fmt.Sprintf("gemm8x%d%s(t *tile8)", rows, s), "t")
		}
		for pixels := 1; pixels <= 4; pixels++ {
			s.depthwise(pixels)
			emit(out, fmt.Sprintf("depthwise8x%d%s(t *taps8)", pixels, s), "t")
		}
	}
	for _, s := range []set{"Dotprod", "NEON"} {
		s.peak()
		emit(out, fmt.Sprintf("peak8%s(rounds int)", s), "rounds")
	}
	peakF32()
	emit(out, "peakF32NEON(rounds int)", "rounds")
	interleave()
	emit(out, "interleaveNEON(dst, r0, r1, r2, r3 *byte, blocks int, flip uint64)", "dst", "r0", "r1", "r2", "r3", "blocks", "flip")
}

// set is an instruction set.
type set string

// dot adds the products of four groups of four bytes in a and w to acc. Without
// the extension products are 16 bits wide and the sum of two must not overflow:
// no weight may be -128. It takes v28 and v29.
func (s set) dot(acc, w, a int) {
	if s == "Dotprod" {
		p("sdot v%d.4s, v%d.16b, v%d.16b", acc, w, a)
		return
	}
	p("smull v28.8h, v%d.8b, v%d.8b", w, a)
	p("smull2 v29.8h, v%d.16b, v%d.16b", w, a)
	p("addp v28.8h, v28.8h, v29.8h")
	p("sadalp v%d.4s, v28.8h", acc)
}

// dotLane is dot of 16 outputs in v0 to v15 of each row with one quad of its
// input. It takes v27 too.
func (s set) dotLane(rows, quad int) {
	if s == "Dotprod" {
		for j := range 4 {
			for r := range rows {
				p("sdot v%d.4s, v%d.16b, v%d.4b[%d]", 4*r+j, 16+j, 20+r, quad)
			}
		}
		return
	}
	for r := range rows {
		p("dup v27.4s, v%d.s[%d]", 20+r, quad)
		for j := range 4 {
			s.dot(4*r+j, 16+j, 27)
		}
	}
}

// gemm writes blocks of rows pixels, evenly spaced, by 16 outputs of each of the
// panels that follow each other. A panel is [bias][quad of inputs][output][4]; offsets are those
// of tile8. Sums stand in v0 to v15, four registers a row; v16 to v19 hold weights,
// v20 to v23 the inputs of the rows.
func (s set) gemm(rows int) {
	begin(rows)
	p("ldp q0, q1, [x5], #32")
	p("ldp q2, q3, [x5], #32")
	for r := 1; r < rows; r++ {
		for j := range 4 {
			p("mov v%d.16b, v%d.16b", 4*r+j, j)
		}
	}
	p("cbnz w16, 1f")
	p("add x19, x0, #136") // added to the sums of each row
	for r := range rows {
		p("ld1r {v27.4s}, [x19], #4")
		for j := range 4 {
			p("add v%d.4s, v%d.4s, v27.4s", 4*r+j, 4*r+j)
		}
	}
	segment(rows)
	p("subs x9, x9, #4")
	p("b.lt 3f")
	p("2:") // four quads
	for r := range rows {
		p("ldr q%d, [x%d], #16", 20+r, 10+r)
	}
	for q := range 4 {
		p("ldp q16, q17, [x5], #32")
		p("ldp q18, q19, [x5], #32")
		s.dotLane(rows, q)
	}
	p("subs x9, x9, #4")
	p("b.ge 2b")
	p("3:")
	p("adds x9, x9, #4")
	p("b.eq 5f")
	p("4:") // one quad
	for r := range rows {
		p("ldr s%d, [x%d], #4", 20+r, 10+r)
	}
	p("ldp q16, q17, [x5], #32")
	p("ldp q18, q19, [x5], #32")
	s.dotLane(rows, 0)
	p("subs x9, x9, #1")
	p("b.ne 4b")
	p("5:")
	p("subs x6, x6, #1")
	p("b.ne 1b")
	store(rows, 16, func(r int) int { return 4 * r })
}

// gemmOne is gemm of one pixel for NEON. It has registers for sums of two inputs each:
// v0 to v7, two to four outputs, so that products of two quads are added in 16 bits, and
// pairs of sums at the end. v8 to v11 hold biases, v16 to v19 and v21 to v23 and v31
// weights, v20 the inputs.
func gemmOne() {
	begin(1)
	p("ldp q8, q9, [x5], #32")
	p("ldp q10, q11, [x5], #32")
	for j := range 8 {
		p("movi v%d.4s, #0", j)
	}
	p("cbnz w16, 1f")
	p("add x19, x0, #136") // added to the sums of each row
	p("ld1r {v27.4s}, [x19]")
	for j := range 4 {
		p("add v%d.4s, v%d.4s, v27.4s", 8+j, 8+j)
	}
	segment(1)
	p("subs x9, x9, #4")
	p("b.lt 3f")
	p("2:") // four quads
	p("ldr q20, [x10], #16")
	for q := 0; q < 4; q += 2 {
		p("ldp q16, q17, [x5], #32")
		p("ldp q18, q19, [x5], #32")
		p("dup v27.4s, v20.s[%d]", q)
		p("ldp q21, q22, [x5], #32")
		p("ldp q23, q31, [x5], #32")
		p("dup v12.4s, v20.s[%d]", q+1)
		for j := 0; j < 4; j += 2 {
			second := [4]int{21, 22, 23, 31}
			for i := range 2 {
				p("smull v%d.8h, v%d.8b, v27.8b", []int{13, 15}[i], 16+j+i)
				p("smull2 v%d.8h, v%d.16b, v27.16b", []int{14, 28}[i], 16+j+i)
			}
			for i := range 2 {
				p("smlal v%d.8h, v%d.8b, v12.8b", []int{13, 15}[i], second[j+i])
				p("smlal2 v%d.8h, v%d.16b, v12.16b", []int{14, 28}[i], second[j+i])
			}
			for i := range 2 {
				p("sadalp v%d.4s, v%d.8h", 2*(j+i), []int{13, 15}[i])
				p("sadalp v%d.4s, v%d.8h", 2*(j+i)+1, []int{14, 28}[i])
			}
		}
	}
	p("subs x9, x9, #4")
	p("b.ge 2b")
	p("3:")
	p("adds x9, x9, #4")
	p("b.eq 5f")
	p("4:") // one quad
	p("ld1r {v27.4s}, [x10], #4")
	p("ldp q16, q17, [x5], #32")
	p("ldp q18, q19, [x5], #32")
	for j := range 4 {
		p("smull v13.8h, v%d.8b, v27.8b", 16+j)
		p("smull2 v14.8h, v%d.16b, v27.16b", 16+j)
		p("sadalp v%d.4s, v13.8h", 2*j)
		p("sadalp v%d.4s, v14.8h", 2*j+1)
	}
	p("subs x9, x9, #1")
	p("b.ne 4b")
	p("5:")
	p("subs x6, x6, #1")
	p("b.ne 1b")
	for j := range 4 {
		p("addp v%d.4s, v%d.4s, v%d.4s", j, 2*j, 2*j+1)
	}
	for j := range 4 {
		p("add v%d.4s, v%d.4s, v%d.4s", j, j, 8+j)
	}
	store(1, 16, func(int) int { return 0 })
}

// begin loads what matrix kernels of bytes take from tile8, up to a panel's biases at
// x5.
func begin(rows int) {
	for r := range rows {
		p("ldr x%d, [x0, #%d]", 1+r, 8*r)
	}
	p("ldr x22, [x0, #64]")  // panels
	p("ldr x20, [x0, #72]")  // destination
	p("ldr x15, [x0, #80]")  // bytes from output pixel to output pixel
	p("ldr x21, [x0, #168]") // scales
	p("ldr x23, [x0, #184]") // panels
	p("ldr x24, [x0, #192]") // blocks
	output(120)
	p("9:") // block
	p("mov x5, x22")
	p("mov x25, x20")
	p("mov x26, x21")
	p("mov x17, x23")
	p("0:")                 // panel
	p("ldr x6, [x0, #88]")  // segments
	p("ldr x7, [x0, #104]") // where each segment begins
}

// segment points x10 and on to a segment of each row, of x9 quads.
func segment(rows int) {
	p("1:")
	p("ldr x8, [x7], #8")  // its offset
	p("ldr x9, [x0, #96]") // its quads
	for r := range rows {
		p("add x%d, x%d, x8", 10+r, 1+r)
	}
}

// store requantizes and writes the rows, or writes their sums, and goes on with the
// next panel, then with the next block. sums returns the first of four registers that
// hold a row's; scales go to scale and the next three.
func store(rows, scale int, sums func(r int) int) {
	p("mov x14, x25")
	p("cmp w16, #1")
	p("b.eq 6f")
	p("ldp q%d, q%d, [x26], #32", scale, scale+1)
	p("ldp q%d, q%d, [x26], #32", scale+2, scale+3)
	for r := range rows {
		v := sums(r)
		finish(v, scale)
		p("str q%d, [x14]", v)
		p("add x14, x14, x15")
	}
	p("add x25, x25, #16")
	p("b 7f")
	p("6:") // the sums as they are
	for r := range rows {
		v := sums(r)
		p("stp q%d, q%d, [x14]", v, v+1)
		p("stp q%d, q%d, [x14, #32]", v+2, v+3)
		p("add x14, x14, x15")
	}
	p("add x25, x25, #64")
	p("7:")
	p("subs x17, x17, #1")
	p("b.ne 0b")
	p("subs x24, x24, #1")
	p("b.eq 8f")
	p("ldr x12, [x0, #200]") // bytes from block to block
	for r := range rows {
		p("add x%d, x%d, x12", 1+r, 1+r)
	}
	p("mov x12, #%d", rows)
	p("madd x20, x15, x12, x20")
	p("b 9b")
	p("8:")
	p("ret")
}

// output loads the output side at an offset of the arguments (out8): v24 the upper
// bound, v25 the zero point, v26 the lower bound, v30 and w16 the flip.
func output(at int) {
	p("add x19, x0, #%d", at+4)
	p("ld1r {v24.4s}, [x19], #4") // less the zero point
	p("ld1r {v25.4s}, [x19]")
	p("fcvtns v24.4s, v24.4s")
	p("add v24.4s, v24.4s, v25.4s")
	p("dup v24.16b, v24.b[0]")
	p("ld1r {v25.8h}, [x19]")
	p("add x19, x19, #4")
	p("ld1r {v26.16b}, [x19]")
	p("ldr w16, [x0, #%d]", at)
	p("dup v30.4s, w16")
}

// finish turns the 16 sums in v and the next three to bytes in v, with scales in
// scale and the next three (Clamp8.fp32: FCVTNS rounds half to even and saturates, so the upper
// bound can wait until they are bytes).
func finish(v, scale int) {
	for j := range 4 {
		p("scvtf v%d.4s, v%d.4s", v+j, v+j)
		p("fmul v%d.4s, v%d.4s, v%d.4s", v+j, v+j, scale+j)
		p("fcvtns v%d.4s, v%d.4s", v+j, v+j)
	}
	for i := v; i < v+4; i += 2 {
		p("sqxtn v%d.4h, v%d.4s", i, i)
		p("sqxtn2 v%d.8h, v%d.4s", i, i+1)
		p("sqadd v%d.8h, v%d.8h, v25.8h", i, i)
	}
	p("sqxtun v%d.8b, v%d.8h", v, v)
	p("sqxtun2 v%d.16b, v%d.8h", v, v+2)
	p("umin v%d.16b, v%d.16b, v24.16b", v, v)
	p("umax v%d.16b, v%d.16b, v26.16b", v, v)
	p("eor v%d.16b, v%d.16b, v30.16b", v, v)
}

// depthwise writes vectors of 16 channels of blocks of neighbouring pixels; the
// input holds quads of rows (see interleave). Offsets are those of taps8. Sums
// stand in v0 to v15, four registers a pixel.
func (s set) depthwise(pixels int) {
	p("ldr x2, [x0, #8]")  // bytes from pixel to pixel
	p("ldr x6, [x0, #40]") // bytes from tap to tap
	p("ldr x8, [x0, #64]") // bytes from output pixel to output pixel
	output(104)
	p("1:") // vector
	p("ldr x1, [x0]")
	p("ldr x7, [x0, #56]")  // destination
	p("ldr x9, [x0, #72]")  // blocks
	p("ldr x11, [x0, #48]") // bias
	p("ldr x12, [x0, #88]") // scales
	p("2:")                 // block
	p("ldp q0, q1, [x11]")
	p("ldp q2, q3, [x11, #32]")
	for i := 4; i < 4*pixels; i++ {
		p("mov v%d.16b, v%d.16b", i, i%4)
	}
	p("ldr x3, [x0, #16]") // offsets of the taps
	p("ldr x4, [x0, #24]") // taps
	p("ldr x5, [x0, #32]") // weights
	p("3:")                // tap
	p("ldr x13, [x3], #8")
	p("add x13, x1, x13")
	p("ldp q16, q17, [x5]")
	p("ldp q18, q19, [x5, #32]")
	p("add x5, x5, x6")
	for i := range pixels {
		p("ldp q20, q21, [x13]")
		p("ldp q22, q23, [x13, #32]")
		if i < pixels-1 {
			p("add x13, x13, x2")
		}
		for j := range 4 {
			s.dot(4*i+j, 20+j, 16+j)
		}
	}
	p("subs x4, x4, #1")
	p("b.ne 3b")
	p("ldp q16, q17, [x12]")
	p("ldp q18, q19, [x12, #32]")
	for i := range pixels {
		finish(4*i, 16)
		p("str q%d, [x7]", 4*i)
		p("add x7, x7, x8")
	}
	nextPixels(pixels, []field{{0, 64}, {32, 64}, {48, 64}, {56, 16}, {88, 64}})
}

// field is a pointer at an offset of the arguments, and how far the next vector is.
type field struct{ at, step int }

// nextPixels goes on with the next block of a depthwise kernel, then with the next
// vector.
func nextPixels(pixels int, fields []field) {
	p("mov x13, #%d", pixels)
	p("madd x1, x2, x13, x1")
	p("subs x9, x9, #1")
	p("b.ne 2b")
	p("ldr x10, [x0, #96]")
	p("subs x10, x10, #1")
	p("b.eq 8f")
	// Never beyond the last vector: the collector may look at these pointers.
	p("str x10, [x0, #96]")
	for _, f := range fields {
		p("ldr x10, [x0, #%d]", f.at)
		p("add x10, x10, #%d", f.step)
		p("str x10, [x0, #%d]", f.at)
	}
	p("b 1b")
	p("8:")
	p("ret")
}

// peak multiplies registers only, 16 independent sums a round.
func (s set) peak() {
	p("1:")
	for i := range 16 {
		s.dot(i, 16, 17)
	}
	p("subs x0, x0, #1")
	p("b.ne 1b")
	p("ret")
}

// peakF32 is peak of floats.
func peakF32() {
	for i := range 18 {
		p("movi v%d.4s, #0", i)
	}
	p("1:")
	for i := range 16 {
		p("fmla v%d.4s, v16.4s, v17.4s", i)
	}
	p("subs x0, x0, #1")
	p("b.ne 1b")
	p("ret")
}

// interleave writes quads of four rows, 16 elements at a time.
func interleave() {
	p("dup v16.2d, x6")
	p("1:")
	for r := range 4 {
		p("ldr q%d, [x%d], #16", r, 1+r)
	}
	p("zip1 v4.16b, v0.16b, v1.16b")
	p("zip2 v5.16b, v0.16b, v1.16b")
	p("zip1 v6.16b, v2.16b, v3.16b")
	p("zip2 v7.16b, v2.16b, v3.16b")
	for i, z := range []string{"zip1 v%d.8h, v4.8h, v6.8h", "zip2 v%d.8h, v4.8h, v6.8h", "zip1 v%d.8h, v5.8h, v7.8h", "zip2 v%d.8h, v5.8h, v7.8h"} {
		p(z, i)
		p("eor v%d.16b, v%d.16b, v16.16b", i, i)
	}
	p("stp q0, q1, [x0], #32")
	p("stp q2, q3, [x0], #32")
	p("subs x5, x5, #1")
	p("b.ne 1b")
	p("ret")
}
