package main

import "bufio"

// rows writes the kernels that pass over rows of elements.
func rows(out *bufio.Writer) {
	for _, t := range []string{"S", "U"} {
		binary8(t, addVector)
		emit(out, "add8"+t+"NEON(t *row8)", "t")
		binary8(t, mulVector)
		emit(out, "mul8"+t+"NEON(t *row8)", "t")
		sumWindow(t)
		emit(out, "sumWindow8"+t+"NEON(acc *int32, src *byte, pixel, nx, line, ny int)", "acc", "src", "pixel", "nx", "line", "ny")
		maxRow(t)
		emit(out, "maxRow8"+t+"NEON(dst, src *byte, blocks int)", "dst", "src", "blocks")
		bilinear(t)
		emit(out, "bilinear8"+t+"NEON(dst, tl, tr, bl, br *byte, blocks, x, y int)", "dst", "tl", "tr", "bl", "br", "blocks", "x", "y")
		dequantize(t)
		emit(out, "dequantize8"+t+"NEON(dst *float32, src *byte, blocks int, p *[2]uint32)", "dst", "src", "blocks", "p")
	}
	table()
	emit(out, "table8NEON(dst, src *byte, blocks int, table *byte)", "dst", "src", "blocks", "table")
	quantize()
	emit(out, "quantize8NEON(dst *byte, src *float32, blocks int, p *rounding)", "dst", "src", "blocks", "p")
	bounds()
	emit(out, "boundsNEON(src *float32, blocks int, b *[2]float32)", "src", "blocks", "b")
	finishRow()
	emit(out, "finishNEON(t *dynamicRow)", "t")
	rowMax()
	emit(out, "rowMax8NEON(dst, src *byte, stride, n, rows int)", "dst", "src", "stride", "n", "rows")
}

// widen spreads 16 bytes in v over four registers of int32 from to on; it takes t
// and the next.
func widen(typ string, v, to, t int) {
	x := map[string]string{"S": "sxtl", "U": "uxtl"}[typ]
	p("%s v%d.8h, v%d.8b", x, t, v)
	p("%s2 v%d.8h, v%d.16b", x, t+1, v)
	for i := range 2 {
		p("%s v%d.4s, v%d.4h", x, to+2*i, t+i)
		p("%s2 v%d.4s, v%d.8h", x, to+2*i+1, t+i)
	}
}

// lowBytes gathers the lowest bytes of four registers of int32 from v on in v.
func lowBytes(v int) {
	p("uzp1 v%d.8h, v%d.8h, v%d.8h", v, v, v+1)
	p("uzp1 v%d.8h, v%d.8h, v%d.8h", v+2, v+2, v+3)
	p("uzp1 v%d.16b, v%d.16b, v%d.16b", v, v, v+2)
}

// binary8 writes an element-wise operator of two rows, either of which may be one
// element, in blocks of 16. vector combines v0 to v3 with v4 to v7 in v0 to v3.
func binary8(typ string, vector func(i int)) {
	p("ldp x1, x2, [x0]")      // destination, a
	p("ldp x3, x4, [x0, #16]") // b, elements
	p("ldp x5, x6, [x0, #32]") // bytes from vector to vector, 0 for one element
	p("add x7, x0, #48")
	for i := range 7 {
		p("ld1r {v%d.4s}, [x7], #4", 24+i)
	}
	p("ld1r {v16.16b}, [x2]")
	p("ld1r {v17.16b}, [x3]")
	p("1:")
	p("cbz x5, 2f")
	p("ldr q16, [x2]")
	p("2:")
	p("cbz x6, 3f")
	p("ldr q17, [x3]")
	p("3:")
	widen(typ, 16, 0, 18)
	widen(typ, 17, 4, 18)
	for i := range 4 {
		vector(i)
	}
	lowBytes(0)
	p("str q0, [x1], #16")
	p("add x2, x2, x5")
	p("add x3, x3, x6")
	p("subs x4, x4, #16")
	p("b.gt 1b")
	p("ret")
}

// addVector: parameters bias, a, b, shift, zero, min, max in v24 to v30.
func addVector(i int) {
	p("mul v%d.4s, v%d.4s, v25.4s", i, i)
	p("mla v%d.4s, v%d.4s, v26.4s", i, 4+i)
	p("add v%d.4s, v%d.4s, v24.4s", i, i)
	p("neg v18.4s, v27.4s")
	p("sshl v%d.4s, v%d.4s, v18.4s", i, i)
	p("add v%d.4s, v%d.4s, v28.4s", i, i)
	p("smax v%d.4s, v%d.4s, v29.4s", i, i)
	p("smin v%d.4s, v%d.4s, v30.4s", i, i)
}

// mulVector: zero points of a and b, scale, lo, hi, zero in v24 to v29.
func mulVector(i int) {
	p("sub v%d.4s, v%d.4s, v24.4s", i, i)
	p("sub v%d.4s, v%d.4s, v25.4s", 4+i, 4+i)
	p("mul v%d.4s, v%d.4s, v%d.4s", i, i, 4+i)
	p("scvtf v%d.4s, v%d.4s", i, i)
	p("fmul v%d.4s, v%d.4s, v26.4s", i, i)
	p("fmax v%d.4s, v%d.4s, v27.4s", i, i)
	p("fmin v%d.4s, v%d.4s, v28.4s", i, i)
	p("fcvtns v%d.4s, v%d.4s", i, i)
	p("add v%d.4s, v%d.4s, v29.4s", i, i)
}

// sumWindow adds the pixels of a window to 16 channels; pixel and line are bytes.
func sumWindow(typ string) {
	for i := range 4 {
		p("movi v%d.4s, #0", 16+i)
	}
	x, w := "sxtl", "saddw"
	if typ == "U" {
		x, w = "uxtl", "uaddw"
	}
	p("1:") // line
	p("mov x6, x1")
	p("mov x7, x3")
	p("2:") // pixel
	p("ldr q0, [x6]")
	p("add x6, x6, x2")
	p("%s v1.8h, v0.8b", x)
	p("%s2 v2.8h, v0.16b", x)
	for i := range 2 {
		p("%s v%d.4s, v%d.4s, v%d.4h", w, 16+2*i, 16+2*i, 1+i)
		p("%s2 v%d.4s, v%d.4s, v%d.8h", w, 17+2*i, 17+2*i, 1+i)
	}
	p("subs x7, x7, #1")
	p("b.ne 2b")
	p("add x1, x1, x4")
	p("subs x5, x5, #1")
	p("b.ne 1b")
	p("stp q16, q17, [x0]")
	p("stp q18, q19, [x0, #32]")
	p("ret")
}

// maxRow keeps the larger of dst and src, in blocks of 16.
func maxRow(typ string) {
	p("1:")
	p("ldr q0, [x1], #16")
	p("ldr q1, [x0]")
	p("%s v0.16b, v0.16b, v1.16b", map[string]string{"S": "smax", "U": "umax"}[typ])
	p("str q0, [x0], #16")
	p("subs x2, x2, #1")
	p("b.ne 1b")
	p("ret")
}

// bilinear blends four pixels, eight channels a block; weights have 11 fractional
// bits. Four registers of int32 hold two pixels' halves.
func bilinear(typ string) {
	x := map[string]string{"S": "sxtl", "U": "uxtl"}[typ]
	p("dup v30.4s, w6")
	p("dup v31.4s, w7")
	p("1:")
	for i := range 4 {
		p("ldr d%d, [x%d], #8", i, 1+i)
		p("%s v%d.8h, v%d.8b", x, i, i)
		p("%s v%d.4s, v%d.4h", x, 16+2*i, i)
		p("%s2 v%d.4s, v%d.8h", x, 17+2*i, i)
	}
	for h := range 2 {
		tl, tr, bl, br := 16+h, 18+h, 20+h, 22+h
		blend := func(a, b, weight int) {
			p("sub v%d.4s, v%d.4s, v%d.4s", b, b, a)
			p("shl v%d.4s, v%d.4s, #11", a, a)
			p("mla v%d.4s, v%d.4s, v%d.4s", a, b, weight)
		}
		blend(tl, tr, 30)
		blend(bl, br, 30)
		blend(tl, bl, 31)
		p("srshr v%d.4s, v%d.4s, #22", tl, tl)
	}
	p("uzp1 v16.8h, v16.8h, v17.8h")
	p("xtn v16.8b, v16.8h")
	p("str d16, [x0], #8")
	p("subs x5, x5, #1")
	p("b.ne 1b")
	p("ret")
}

// dequantize converts 16 bytes a block to floats.
func dequantize(typ string) {
	p("ld1r {v24.4s}, [x3], #4")
	p("ld1r {v25.4s}, [x3]")
	p("1:")
	p("ldr q0, [x1], #16")
	widen(typ, 0, 1, 5)
	for i := 1; i <= 4; i++ {
		p("sub v%d.4s, v%d.4s, v25.4s", i, i)
		p("scvtf v%d.4s, v%d.4s", i, i)
		p("fmul v%d.4s, v%d.4s, v24.4s", i, i)
		p("str q%d, [x0], #16", i)
	}
	p("subs x2, x2, #1")
	p("b.ne 1b")
	p("ret")
}

// table looks 64 bytes a block up in a table of 256: TBL gives 0 beyond the 64
// entries it has.
func table() {
	for i := range 4 {
		p("ld1 {v%d.16b-v%d.16b}, [x3], #64", 16+4*i, 19+4*i)
	}
	p("movi v7.16b, #64")
	p("mov x4, #4")
	p("mul x2, x2, x4")
	p("1:")
	p("ldr q0, [x1], #16")
	p("tbl v1.16b, {v16.16b-v19.16b}, v0.16b")
	for i := 1; i < 4; i++ {
		p("sub v0.16b, v0.16b, v7.16b")
		p("tbl v2.16b, {v%d.16b-v%d.16b}, v0.16b", 16+4*i, 19+4*i)
		p("orr v1.16b, v1.16b, v2.16b")
	}
	p("str q1, [x0], #16")
	p("subs x2, x2, #1")
	p("b.ne 1b")
	p("ret")
}

// quantize converts 32 floats a block to bytes; what is no number gives the lower
// bound.
func quantize() {
	for i := range 4 {
		p("ld1r {v%d.4s}, [x3], #4", 24+i)
	}
	p("lsl x2, x2, #1")
	p("1:")
	for i := range 4 {
		p("ldr q%d, [x1], #16", i)
		p("fmul v%d.4s, v%d.4s, v24.4s", i, i)
		p("fcmgt v16.4s, v%d.4s, v25.4s", i)
		p("bif v%d.16b, v25.16b, v16.16b", i)
		p("fmin v%d.4s, v%d.4s, v26.4s", i, i)
		p("fcvtns v%d.4s, v%d.4s", i, i)
		p("add v%d.4s, v%d.4s, v27.4s", i, i)
	}
	lowBytes(0)
	p("str q0, [x0], #16")
	p("subs x2, x2, #1")
	p("b.ne 1b")
	p("ret")
}

// bounds finds the smallest and the largest of 0 and 32 floats a block. What is no
// number counts for nothing, and 0 is the positive one.
func bounds() {
	p("movi v0.4s, #0")
	p("movi v1.4s, #0")
	p("lsl x1, x1, #3")
	p("1:")
	p("ldr q2, [x0], #16")
	p("fcmgt v3.4s, v0.4s, v2.4s")
	p("bit v0.16b, v2.16b, v3.16b")
	p("fcmgt v3.4s, v2.4s, v1.4s")
	p("bit v1.16b, v2.16b, v3.16b")
	p("subs x1, x1, #1")
	p("b.ne 1b")
	p("fminv s0, v0.4s")
	p("fmaxv s1, v1.4s")
	p("stp s0, s1, [x2]")
	p("ret")
}

// finishRow turns a vector of sums a block into floats (DynamicConv.finish).
func finishRow() {
	p("ldp x1, x2, [x0]")      // sums, and where the floats go; sums of the weights
	p("ldp x3, x4, [x0, #16]") // scales, bias
	p("ldr x5, [x0, #32]")     // vectors
	p("add x6, x0, #40")
	for i := range 5 {
		p("ld1r {v%d.4s}, [x6], #4", 24+i) // zero, inverse, lo, hi, NaN
	}
	p("1:")
	p("ldr q0, [x1]")
	p("ldr q1, [x2], #16")
	p("ldr q2, [x3], #16")
	p("ldr q3, [x4], #16")
	p("mls v0.4s, v1.4s, v24.4s")
	p("scvtf v0.4s, v0.4s")
	p("fmul v0.4s, v0.4s, v25.4s")
	p("fmul v0.4s, v0.4s, v2.4s")
	p("fadd v0.4s, v0.4s, v3.4s")
	fit(0, 26, 4)
	p("str q0, [x1], #16")
	p("subs x5, x5, #1")
	p("b.ne 1b")
	p("ret")
}

// rowMax writes the largest of n >= 32 unsigned bytes a row; the last 16 may
// overlap those before.
func rowMax() {
	p("sub x3, x3, #16")
	p("1:") // row
	p("ldr q0, [x1, x3]")
	p("mov x5, #0")
	p("2:")
	p("ldr q1, [x1, x5]")
	p("umax v0.16b, v0.16b, v1.16b")
	p("add x5, x5, #16")
	p("cmp x5, x3")
	p("b.lt 2b")
	p("umaxv b0, v0.16b")
	p("str b0, [x0], #1")
	p("add x1, x1, x2")
	p("subs x4, x4, #1")
	p("b.ne 1b")
	p("ret")
}
