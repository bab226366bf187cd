package main

// binary writes an element-wise operator of two rows, either of which may be one
// element, in blocks of 16 elements:
//
//	func <op>8<type>AVX2(t *row8)
//
// A vector of operands stands in Y0 and Y1; vector leaves its result in Y0.
func binary(op, typ, extend string, vector func()) {
	text(op+"8"+typ+"AVX2(t *row8)", 8)
	p("\tMOVQ t+0(FP), AX\n\tMOVQ (AX), DI\n\tMOVQ 8(AX), SI\n\tMOVQ 16(AX), DX\n\tMOVQ 24(AX), CX // elements")
	p("\tMOVQ 32(AX), R8 // bytes from vector to vector of a, 0 for one element\n\tMOVQ 40(AX), R9\n\tMOVQ 80(AX), R10 // order")
	for i := range 7 {
		p("\tVPBROADCASTD %d(AX), Y%d", 48+4*i, 9+i)
	}
	one := func(reg int, mem string) {
		p("\tMOVB (%s), BX\n\tVMOVD BX, X%d\n\tVPBROADCASTB X%d, X%d\n\t%s X%d, Y%d", mem, reg, reg, reg, extend, reg, reg)
	}
	one(7, "SI")
	one(8, "DX")
	p("loop:")
	for half := range 2 {
		operand := func(step, mem string, one, reg int) {
			p("\tVMOVDQA Y%d, Y%d\n\tTESTQ %s, %s\n\tJEQ one%d%d\n\t%s %d(%s), Y%d\none%d%d:", one, reg, step, step, half, reg, extend, 8*half, mem, reg, half, reg)
		}
		operand("R8", "SI", 7, 0)
		operand("R9", "DX", 8, 1)
		vector()
		p("\tVMOVDQA Y0, Y%d", 4+half)
	}
	// Results lie within a byte's range, whatever its sign: packing keeps them.
	pack := "VPACKSSWB"
	if typ == "U" {
		pack = "VPACKUSWB"
	}
	p("\tVPACKSSDW Y5, Y4, Y4\n\t%s Y4, Y4, Y4\n\tVMOVDQU (R10), Y0\n\tVPERMD Y4, Y0, Y4\n\tVMOVDQU X4, (DI)", pack)
	p("\tADDQ R8, SI\n\tADDQ R9, DX\n\tADDQ $16, DI\n\tSUBQ $16, CX\n\tJGT loop")
	p("\tVZEROUPPER\n\tRET\n")
}

// addVector: parameters bias, a, b, shift, zero, min, max in Y9 to Y15.
func addVector() {
	p("\tVPMULLD Y10, Y0, Y0\n\tVPMULLD Y11, Y1, Y1\n\tVPADDD Y9, Y0, Y0\n\tVPADDD Y1, Y0, Y0")
	p("\tVPSRAVD Y12, Y0, Y0\n\tVPADDD Y13, Y0, Y0\n\tVPMAXSD Y14, Y0, Y0\n\tVPMINSD Y15, Y0, Y0")
}

// mulVector: zero points of a and b, scale, lo, hi, zero in Y9 to Y14.
func mulVector() {
	p("\tVPSUBD Y9, Y0, Y0\n\tVPSUBD Y10, Y1, Y1\n\tVPMULLD Y1, Y0, Y0\n\tVCVTDQ2PS Y0, Y0\n\tVMULPS Y11, Y0, Y0")
	p("\tVMAXPS Y12, Y0, Y0\n\tVMINPS Y13, Y0, Y0\n\tVCVTPS2DQ Y0, Y0\n\tVPADDD Y14, Y0, Y0")
}

// sumWindow adds the pixels of a window to 16 channels; pixel and line are bytes.
func sumWindow(typ, extend string) {
	text("sumWindow8"+typ+"AVX2(acc *int32, src *byte, pixel, nx, line, ny int)", 48)
	p("\tMOVQ acc+0(FP), DI\n\tMOVQ src+8(FP), SI\n\tMOVQ pixel+16(FP), R8\n\tMOVQ nx+24(FP), R9\n\tMOVQ line+32(FP), R10\n\tMOVQ ny+40(FP), DX")
	p("\tVPXOR Y0, Y0, Y0\n\tVPXOR Y1, Y1, Y1\nrow:\n\tMOVQ SI, AX\n\tMOVQ R9, CX")
	p("pixel:\n\t%s (AX), Y2\n\tVPADDD Y2, Y0, Y0\n\t%s 8(AX), Y3\n\tVPADDD Y3, Y1, Y1\n\tADDQ R8, AX\n\tDECQ CX\n\tJNE pixel", extend, extend)
	p("\tADDQ R10, SI\n\tDECQ DX\n\tJNE row\n\tVMOVDQU Y0, (DI)\n\tVMOVDQU Y1, 32(DI)\n\tVZEROUPPER\n\tRET\n")
}

// maxRow keeps the larger of dst and src, in blocks of 16.
func maxRow(typ, op string) {
	text("maxRow8"+typ+"AVX2(dst, src *byte, blocks int)", 24)
	p("\tMOVQ dst+0(FP), DI\n\tMOVQ src+8(FP), SI\n\tMOVQ blocks+16(FP), CX")
	p("loop:\n\tVMOVDQU (SI), X0\n\t%s (DI), X0, X0\n\tVMOVDQU X0, (DI)\n\tADDQ $16, SI\n\tADDQ $16, DI\n\tDECQ CX\n\tJNE loop\n\tVZEROUPPER\n\tRET\n", op)
}

// bilinear blends four pixels, eight channels a block; weights have 11 fractional
// bits.
func bilinear(typ, extend string) {
	text("bilinear8"+typ+"AVX2(dst, tl, tr, bl, br *byte, blocks int, x, y int32)", 56)
	p("\tMOVQ dst+0(FP), DI\n\tMOVQ tl+8(FP), R8\n\tMOVQ tr+16(FP), R9\n\tMOVQ bl+24(FP), R10\n\tMOVQ br+32(FP), R11\n\tMOVQ blocks+40(FP), CX")
	for _, c := range []struct {
		from string
		to   int
	}{{"x+48(FP)", 5}, {"y+52(FP)", 6}, {"$0x200000", 7}, {"$255", 8}} {
		p("\tMOVL %s, BX\n\tVMOVD BX, X%d\n\tVPBROADCASTD X%d, Y%d", c.from, c.to, c.to, c.to)
	}
	p("\tXORQ SI, SI\nloop:")
	for i, r := range []string{"R8", "R9", "R10", "R11"} {
		p("\t%s (%s)(SI*1), Y%d", extend, r, i)
	}
	p("\tVPSUBD Y0, Y1, Y1\n\tVPMULLD Y5, Y1, Y1\n\tVPSLLD $11, Y0, Y0\n\tVPADDD Y1, Y0, Y0")
	p("\tVPSUBD Y2, Y3, Y3\n\tVPMULLD Y5, Y3, Y3\n\tVPSLLD $11, Y2, Y2\n\tVPADDD Y3, Y2, Y2")
	p("\tVPSUBD Y0, Y2, Y2\n\tVPMULLD Y6, Y2, Y2\n\tVPSLLD $11, Y0, Y0\n\tVPADDD Y2, Y0, Y0")
	p("\tVPADDD Y7, Y0, Y0\n\tVPSRAD $22, Y0, Y0\n\tVPAND Y8, Y0, Y0")
	p("\tVEXTRACTI128 $1, Y0, X1\n\tVPACKUSDW X1, X0, X0\n\tVPACKUSWB X0, X0, X0\n\tVMOVQ X0, (DI)(SI*1)")
	p("\tADDQ $8, SI\n\tDECQ CX\n\tJNE loop\n\tVZEROUPPER\n\tRET\n")
}

// argMax writes the position of the first largest of n <= 64 bytes, row by row:
//
//	func argMax8AVX2(dst *int32, src *byte, n, rows int, flip uint32, masks *uint32)
//
// flip turns the order of the bytes into the reverse of the unsigned one: the smallest is
// found, which VPHMINPOSUW does for words. At least 32 bytes of a row are read; masks
// are 32 set lanes, then empty ones.
func argMax() {
	text("argMax8AVX2(dst *int32, src *byte, n, rows int, flip uint32, masks *uint32)", 48)
	p("\tMOVQ dst+0(FP), DI\n\tMOVQ src+8(FP), SI\n\tMOVQ n+16(FP), R8\n\tMOVQ rows+24(FP), DX")
	flipped("flip+32(FP)", 4)
	p("\tMOVQ R8, CX\n\tSUBQ $32, CX\n\tJGE long")
	p("\tMOVQ masks+40(FP), R9\n\tVPCMPEQD Y5, Y5, Y5\n\tMOVQ $128, BX\n\tSUBQ R8, BX\n\tVPXOR (R9)(BX*1), Y5, Y5 // beyond the row")
	smallest := func(y int) {
		p("\tVEXTRACTI128 $1, Y%d, X3\n\tVPMINUB X3, X%d, X2\n\tVPSRLW $8, X2, X3\n\tVPMINUB X3, X2, X2\n\tVPHMINPOSUW X2, X2\n\tVPBROADCASTB X2, Y2", y, y)
	}
	p("short:\n\tVPXOR (SI), Y4, Y0\n\tVPOR Y5, Y0, Y0")
	smallest(0)
	p("\tVPCMPEQB Y2, Y0, Y3\n\tVPMOVMSKB Y3, BX\n\tBSFL BX, BX\n\tMOVL BX, (DI)")
	p("\tADDQ $4, DI\n\tADDQ R8, SI\n\tDECQ DX\n\tJNE short\n\tVZEROUPPER\n\tRET")
	// The second vector ends with the row.
	p("long:\n\tVPXOR (SI), Y4, Y0\n\tVPXOR (SI)(CX*1), Y4, Y1\n\tVPMINUB Y1, Y0, Y6")
	smallest(6)
	p("\tVPCMPEQB Y2, Y0, Y3\n\tVPMOVMSKB Y3, BX\n\tVPCMPEQB Y2, Y1, Y3\n\tVPMOVMSKB Y3, R9\n\tSHLQ CX, R9\n\tORQ R9, BX\n\tBSFQ BX, BX\n\tMOVL BX, (DI)")
	p("\tADDQ $4, DI\n\tADDQ R8, SI\n\tDECQ DX\n\tJNE long\n\tVZEROUPPER\n\tRET\n")
}
