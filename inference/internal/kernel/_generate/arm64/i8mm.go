package main

import (
	"bufio"
	"fmt"
)

// i8mms writes the matrix kernels of the matrix extension (Armv8.6-A): SMMLA multiplies
// eight inputs of two pixels by those of two outputs, twice the products of SDOT.
func i8mms(out *bufio.Writer) {
	for rows := 1; rows <= 4; rows++ {
		gemmI8MM(rows)
		emit(out, fmt.Sprintf("gemm8x%dI8MM(t *tile8)", rows), "t")
	}
	p("1:")
	for i := range 16 {
		p("smmla v%d.4s, v16.16b, v17.16b", i)
	}
	p("subs x0, x0, #1")
	p("b.ne 1b")
	p("ret")
	emit(out, "peak8I8MM(rounds int)", "rounds")
}

// gemmI8MM is gemm. A panel is [bias][pair of quads][output][8], and a last quad of a
// segment [output][4]. A register of v0 to v15 holds the sums of two pixels by two
// outputs; 4 pixels by 16 outputs leave as many for weights and inputs, where 6 would
// save a sixteenth of the instructions and have none left to requantize with.
func gemmI8MM(rows int) {
	begin(rows)
	p("ldp q16, q17, [x5], #32")
	p("ldp q18, q19, [x5], #32")
	for m := range 4 { // each pixel begins with the biases
		p("zip1 v%d.2d, v%d.2d, v%d.2d", m, 16+m, 16+m)
		p("zip2 v%d.2d, v%d.2d, v%d.2d", 4+m, 16+m, 16+m)
	}
	for i := 8; i < 8*pairs(rows); i++ {
		p("mov v%d.16b, v%d.16b", i, i-8)
	}
	p("cbnz w16, 1f")
	p("add x19, x0, #136") // added to the sums of each row
	for pair := range pairs(rows) {
		p("ld1r {v27.2s}, [x19], #4")
		p("ld1r {v28.2s}, [x19], #4")
		p("zip1 v27.2d, v27.2d, v28.2d")
		for j := range 8 {
			p("add v%d.4s, v%d.4s, v27.4s", 8*pair+j, 8*pair+j)
		}
	}
	segment(rows)
	p("subs x9, x9, #4")
	p("b.lt 3f")
	p("2:") // four quads
	for pair := range pairs(rows) {
		r, first, second := 2*pair, octs[2*pair], octs[2*pair+1]
		if r+1 == rows {
			p("ldr d%d, [x%d], #8", first, 10+r)
			p("ldr d%d, [x%d], #8", second, 10+r)
			continue
		}
		p("ldr q%d, [x%d], #16", 20+r, 10+r)
		p("ldr q%d, [x%d], #16", 21+r, 11+r)
		p("zip1 v%d.2d, v%d.2d, v%d.2d", first, 20+r, 21+r)
		p("zip2 v%d.2d, v%d.2d, v%d.2d", second, 20+r, 21+r)
	}
	for oct := range 2 {
		multiply(rows, oct)
	}
	p("subs x9, x9, #4")
	p("b.ge 2b")
	p("3:")
	p("tbz x9, #1, 4f")
	few(rows, "d", 8)
	multiply(rows, 0)
	p("4:")
	p("tbz x9, #0, 5f")
	few(rows, "s", 4)
	p("movi v20.4s, #0")
	for half := range 2 {
		p("ldp q21, q22, [x5], #32")
		for i := range 2 {
			p("zip1 v%d.4s, v%d.4s, v20.4s", 16+2*i, 21+i)
			p("zip2 v%d.4s, v%d.4s, v20.4s", 17+2*i, 21+i)
		}
		products(rows, half, 0)
	}
	p("5:")
	p("subs x6, x6, #1")
	p("b.ne 1b")
	store(rows, 20, func(r int) int {
		base := r / 2 * 8
		if r%2 == 1 {
			return base + 4
		}
		for m := range 4 {
			p("zip1 v%d.2d, v%d.2d, v%d.2d", 16+m, base+m, base+4+m)
			p("zip2 v%d.2d, v%d.2d, v%d.2d", base+4+m, base+m, base+4+m)
		}
		return 16
	})
}

// pairs returns how many pairs of rows there are, the last of which may be one row.
func pairs(rows int) int { return (rows + 1) / 2 }

// octs are the registers of eight inputs of each pair of rows, and of the next eight.
var octs = []int{27, 28, 29, 31}

// few loads so many inputs of each row, and zeros.
func few(rows int, size string, bytes int) {
	for r := 0; r < rows; r += 2 {
		if r+1 == rows {
			p("ldr %s%d, [x%d], #%d", size, octs[r], 10+r, bytes)
			continue
		}
		p("ldr %s20, [x%d], #%d", size, 10+r, bytes)
		p("ldr %s21, [x%d], #%d", size, 11+r, bytes)
		p("zip1 v%d.2d, v20.2d, v21.2d", octs[r])
	}
}

// multiply adds the products of eight inputs of each row.
func multiply(rows, oct int) {
	for half := range 2 {
		p("ldp q16, q17, [x5], #32")
		p("ldp q18, q19, [x5], #32")
		products(rows, half, oct)
	}
}

// products multiplies by the weights of eight outputs in v16 to v19. Outputs 4m and
// 4m+1 of a pair of rows stand in register m of eight, 4m+2 and 4m+3 in m+4: so a row's
// four follow each other once they are parted.
func products(rows, half, oct int) {
	for i := range 4 {
		for pair := range pairs(rows) {
			p("smmla v%d.4s, v%d.16b, v%d.16b", 8*pair+2*half+i/2+i%2*4, octs[2*pair+oct], 16+i)
		}
	}
}
