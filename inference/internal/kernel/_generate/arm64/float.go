package main

import (
	"bufio"
	"fmt"
	"strings"
)

// floats writes the float32 kernels: vectors of four lanes, FMLA rounds once.
func floats(out *bufio.Writer) {
	for vectors := 1; vectors <= 2; vectors++ {
		for rows := 1; rows <= 8; rows++ {
			gemmF32(rows, vectors)
			emit(out, fmt.Sprintf("gemmF32x%dx%dNEON(t *tileF32)", rows, vectors), "t")
		}
	}
	gemvF32()
	emit(out, "gemvF32NEON(t *tileF32)", "t")
	for pixels := 1; pixels <= 8; pixels++ {
		depthwiseF32(pixels)
		emit(out, fmt.Sprintf("depthwiseF32x%dNEON(t *tapsF32)", pixels), "t")
	}
	maxWindowF32()
	emit(out, "maxWindowF32NEON(t *windowF32)", "t")
	for _, op := range []string{"ADD", "SUB", "MUL", "DIV", "MAX", "MIN"} {
		binaryF32(op)
		emit(out, fmt.Sprintf("binaryF32%sNEON(t *rowF32)", op), "t")
	}
}

// cursors are registers that walk along the rows; x18 belongs to the platform.
var cursors = []string{"x13", "x14", "x15", "x16", "x17", "x19", "x20", "x21"}

// limits loads lo, hi and nan at an offset of the arguments into v and the next
// two.
func limits(at, v int) {
	for i := range 3 {
		p("add x22, x0, #%d", at+4*i)
		p("ld1r {v%d.4s}, [x22]", v+i)
	}
}

// fit clamps v with the limits in l and the next two, every NaN made the same; it
// takes t.
func fit(v, l, t int) {
	p("fcmeq v%d.4s, v%d.4s, v%d.4s", t, v, v)
	p("fmax v%d.4s, v%d.4s, v%d.4s", v, v, l)
	p("fmin v%d.4s, v%d.4s, v%d.4s", v, v, l+1)
	p("bif v%d.16b, v%d.16b, v%d.16b", v, l+2, t)
}

// gemmF32 writes blocks of rows pixels, evenly spaced, by one or two vectors of
// outputs. The
// panel is [bias][element][output]. Sums stand in v0 to v15, weights of four
// elements in v16 to v23, inputs of the rows in v24 to v31.
func gemmF32(rows, vectors int) {
	for r := range rows {
		p("ldr x%d, [x0, #%d]", 1+r, 8*r)
	}
	p("ldr x23, [x0, #72]")  // destination
	p("ldr x24, [x0, #152]") // blocks
	p("6:")                  // block
	p("ldr x9, [x0, #64]")   // panel
	p("ldr x10, [x0, #88]")  // segments
	p("ldr x11, [x0, #104]") // where each segment begins
	for j := range vectors {
		p("ldr q%d, [x9], #16", j)
	}
	for i := vectors; i < rows*vectors; i++ {
		p("mov v%d.16b, v%d.16b", i, i%vectors)
	}
	p("1:") // segment
	p("ldr x22, [x11], #8")
	for r := range rows {
		p("add %s, x%d, x22, lsl #2", cursors[r], 1+r)
	}
	p("ldr x12, [x0, #96]") // its elements
	p("subs x12, x12, #4")
	p("b.lt 3f")
	p("2:") // four elements
	for r := range rows {
		p("ldr q%d, [%s], #16", 24+r, cursors[r])
	}
	for i := 0; i < 4*vectors; i += 2 {
		p("ldp q%d, q%d, [x9], #32", 16+i, 17+i)
	}
	for k := range 4 {
		for r := range rows {
			for j := range vectors {
				p("fmla v%d.4s, v%d.4s, v%d.s[%d]", r*vectors+j, 16+k*vectors+j, 24+r, k)
			}
		}
	}
	p("subs x12, x12, #4")
	p("b.ge 2b")
	p("3:")
	p("adds x12, x12, #4")
	p("b.eq 5f")
	p("4:") // one element
	if vectors == 2 {
		p("ldp q16, q17, [x9], #32")
	} else {
		p("ldr q16, [x9], #16")
	}
	for r := range rows {
		p("ldr s%d, [%s], #4", 24+r, cursors[r])
		for j := range vectors {
			p("fmla v%d.4s, v%d.4s, v%d.s[0]", r*vectors+j, 16+j, 24+r)
		}
	}
	p("subs x12, x12, #1")
	p("b.ne 4b")
	p("5:")
	p("subs x10, x10, #1")
	p("b.ne 1b")
	p("ldr x13, [x0, #80]") // bytes from row to row
	limits(120, 24)
	for r := range rows {
		for j := range vectors {
			v := r*vectors + j
			fit(v, 24, 27)
			p("str q%d, [x23, #%d]", v, 16*j)
		}
		p("add x23, x23, x13")
	}
	p("subs x24, x24, #1")
	p("b.eq 7f")
	p("ldr x13, [x0, #160]") // bytes from block to block
	for r := range rows {
		p("add x%d, x%d, x13", 1+r, 1+r)
	}
	p("b 6b")
	p("7:")
	p("ret")
}

// gemvF32 writes one pixel by four panels of two vectors.
func gemvF32() {
	p("ldr x1, [x0]")
	p("ldr x2, [x0, #64]")  // panels
	p("ldr x3, [x0, #144]") // bytes of a panel
	p("ldr x4, [x0, #96]")  // elements
	p("add x5, x2, x3")
	p("add x6, x5, x3")
	p("add x7, x6, x3")
	load := func(v int) {
		for i := range 4 {
			p("ldp q%d, q%d, [x%d], #32", v+2*i, v+2*i+1, []int{2, 5, 6, 7}[i])
		}
	}
	load(0)
	p("1:")
	p("ldr s24, [x1], #4")
	load(16)
	for i := range 8 {
		p("fmla v%d.4s, v%d.4s, v24.s[0]", i, 16+i)
	}
	p("subs x4, x4, #1")
	p("b.ne 1b")
	p("ldr x1, [x0, #72]")
	limits(120, 24)
	for i := range 8 {
		fit(i, 24, 27)
		p("str q%d, [x1], #16", i)
	}
	p("ret")
}

// depthwiseF32 writes vectors of channels of blocks of neighbouring pixels.
// Offsets are those of tapsF32.
func depthwiseF32(pixels int) {
	p("ldr x2, [x0, #8]")    // bytes from pixel to pixel
	p("ldr x6, [x0, #40]")   // bytes from tap to tap
	p("ldr x8, [x0, #64]")   // bytes from output pixel to output pixel
	p("ldr x10, [x0, #104]") // vectors
	limits(76, 24)
	p("ldr x14, [x0]")      // input
	p("ldr x15, [x0, #32]") // weights
	p("ldr x16, [x0, #48]") // bias
	p("ldr x17, [x0, #56]") // destination
	p("1:")                 // vector
	p("mov x1, x14")
	p("mov x7, x17")
	p("ldr x9, [x0, #96]") // blocks
	p("2:")                // block
	p("ldr q0, [x16]")
	for i := 1; i < pixels; i++ {
		p("mov v%d.16b, v0.16b", i)
	}
	p("ldr x3, [x0, #16]") // offsets of the taps
	p("ldr x4, [x0, #24]") // taps
	p("mov x5, x15")
	p("3:") // tap
	p("ldr x13, [x3], #8")
	p("add x13, x1, x13")
	p("ldr q16, [x5]")
	p("add x5, x5, x6")
	for i := range pixels {
		p("ld1 {v%d.4s}, [x13], x2", 17+i%4)
		p("fmla v%d.4s, v%d.4s, v16.4s", i, 17+i%4)
	}
	p("subs x4, x4, #1")
	p("b.ne 3b")
	for i := range pixels {
		fit(i, 24, 27)
		p("str q%d, [x7]", i)
		p("add x7, x7, x8")
	}
	p("mov x13, #%d", pixels)
	p("madd x1, x2, x13, x1")
	p("subs x9, x9, #1")
	p("b.ne 2b")
	for _, r := range []int{14, 15, 16, 17} {
		p("add x%d, x%d, #16", r, r)
	}
	p("subs x10, x10, #1")
	p("b.ne 1b")
	p("ret")
}

// maxWindowF32 keeps the first of the largest of a window's pixels, vector by
// vector; v4 tells where all are numbers.
func maxWindowF32() {
	p("ldp x1, x2, [x0]")      // destination, source
	p("ldp x3, x4, [x0, #16]") // bytes from pixel to pixel, pixels
	p("ldp x5, x6, [x0, #32]") // bytes from line to line, lines
	p("ldr x7, [x0, #48]")     // vectors
	limits(60, 24)
	p("1:") // vector
	p("mov w8, #0xff800000")
	p("dup v0.4s, w8")
	p("fcmeq v4.4s, v0.4s, v0.4s")
	p("mov x8, x2")
	p("mov x9, x6")
	p("2:") // line
	p("mov x10, x8")
	p("mov x11, x4")
	p("3:") // pixel
	p("ldr q1, [x10]")
	p("add x10, x10, x3")
	p("fcmgt v2.4s, v1.4s, v0.4s")
	p("bit v0.16b, v1.16b, v2.16b")
	p("fcmeq v2.4s, v1.4s, v1.4s")
	p("and v4.16b, v4.16b, v2.16b")
	p("subs x11, x11, #1")
	p("b.ne 3b")
	p("add x8, x8, x5")
	p("subs x9, x9, #1")
	p("b.ne 2b")
	p("bif v0.16b, v26.16b, v4.16b")
	fit(0, 24, 27)
	p("str q0, [x1], #16")
	p("add x2, x2, #16")
	p("subs x7, x7, #1")
	p("b.ne 1b")
	p("ret")
}

// larger keeps in v2 what is in v0 where a is above b, NaN where v0 is, v1
// elsewhere: FMAX would prefer one of two zeros.
func larger(a, b string) {
	p("mov v2.16b, v1.16b")
	p("fcmgt v3.4s, %s.4s, %s.4s", a, b)
	p("bit v2.16b, v0.16b, v3.16b")
	p("fcmeq v3.4s, v0.4s, v0.4s")
	p("bif v2.16b, v26.16b, v3.16b")
}

// binaryF32 writes an element-wise operator of two rows, either of which may be
// one element. Whole vectors only; Go does the rest.
func binaryF32(op string) {
	p("ldp x1, x2, [x0]")      // destination, a
	p("ldp x3, x4, [x0, #16]") // b, vectors
	p("ldp x5, x6, [x0, #32]") // bytes from vector to vector of a and b, 0 for one element
	limits(48, 24)
	p("ld1r {v0.4s}, [x2]")
	p("ld1r {v1.4s}, [x3]")
	p("1:")
	p("cbz x5, 2f")
	p("ldr q0, [x2]")
	p("2:")
	p("cbz x6, 3f")
	p("ldr q1, [x3]")
	p("3:")
	switch op {
	case "MAX":
		larger("v0", "v1")
	case "MIN":
		larger("v1", "v0")
	default:
		p("f%s v2.4s, v0.4s, v1.4s", strings.ToLower(op))
	}
	fit(2, 24, 27)
	p("str q2, [x1], #16")
	p("add x2, x2, x5")
	p("add x3, x3, x6")
	p("subs x4, x4, #1")
	p("b.ne 1b")
	p("ret")
}
