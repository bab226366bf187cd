package main

// binary writes an element-wise operator of two rows, either of which may be
// one element; t holds whole vectors of 16 and a masked rest:
//
//	func <op>8<type>VNNI(t *row8)
func binary(op, typ, extend string, vector func()) {
	name := op + "8" + typ + "VNNI"
	p("// func %s(t *row8)", name)
	p("TEXT ·%s(SB), NOSPLIT, $0-8", name)
	p("\tMOVQ t+0(FP), AX")
	p("\tMOVQ (AX), DI\n\tMOVQ 8(AX), SI\n\tMOVQ 16(AX), DX\n\tMOVQ 24(AX), CX // elements")
	p("\tMOVQ 32(AX), R8 // bytes from vector to vector of a, 0 for one element\n\tMOVQ 40(AX), R9")
	for i := range 8 {
		p("\tVPBROADCASTD %d(AX), Z%d", 48+4*i, 24+i)
	}
	one := func(reg, mem string) {
		p("\tMOVB (%s), BX\n\tVMOVD BX, X1\n\tVPBROADCASTB X1, X1\n\t%s X1, %s", mem, extend, reg)
	}
	one("Z2", "SI")
	one("Z3", "DX")
	p("\tKXNORW K1, K1, K1")
	if op == "add" {
		addWide(typ == "U", extend)
	}
	p("loop:")
	p("\tCMPQ CX, $16\n\tJGE whole")
	p("\tMOVQ $1, BX\n\tSHLQ CX, BX\n\tDECQ BX\n\tKMOVW BX, K1")
	p("whole:")
	p("\tTESTQ R8, R8\n\tJEQ onea\n\t%s.Z (SI), K1, Z2\nonea:", extend)
	p("\tTESTQ R9, R9\n\tJEQ oneb\n\t%s.Z (DX), K1, Z3\noneb:", extend)
	vector()
	p("\tVPMOVDB Z0, X0\n\tVMOVDQU8 X0, K1, (DI)")
	p("\tADDQ R8, SI\n\tADDQ R9, DX\n\tADDQ $16, DI\n\tSUBQ $16, CX\n\tJGT loop")
	p("\tVZEROUPPER\n\tRET\n")
}

// addWide writes the sum of 64 elements at a time while both operands have as
// many; what is left goes on at the label loop.
func addWide(unsigned bool, extend string) {
	p("\tCMPQ CX, $64\n\tJLT loop\n\tTESTQ R8, R8\n\tJEQ loop\n\tTESTQ R9, R9\n\tJEQ loop")
	p("\tVPBROADCASTW 64(AX), Z20\n\tVPBROADCASTB 68(AX), Z21\n\tVPBROADCASTB 72(AX), Z22\n\tMOVQ 80(AX), BX\n\tVMOVDQU32 (BX), Z23")
	p("wide:")
	for i := range 4 {
		a, b := 4+i, 8+i
		p("\t%s %d(SI), Z%d\n\t%s %d(DX), Z%d", extend, 16*i, a, extend, 16*i, b)
		p("\tVPMULLD Z25, Z%d, Z%d\n\tVPMULLD Z26, Z%d, Z%d", a, a, b, b)
		p("\tVPADDD Z24, Z%d, Z%d\n\tVPADDD Z%d, Z%d, Z%d\n\tVPSRAVD Z27, Z%d, Z%d", a, a, b, a, a, a, a)
	}
	pack, least, most := "VPACKSSWB", "VPMINSB", "VPMAXSB"
	if unsigned {
		pack, least, most = "VPACKUSWB", "VPMINUB", "VPMAXUB"
	}
	p("\tVPACKSSDW Z5, Z4, Z4\n\tVPACKSSDW Z7, Z6, Z6\n\tVPADDSW Z20, Z4, Z4\n\tVPADDSW Z20, Z6, Z6")
	p("\t%s Z6, Z4, Z4\n\t%s Z21, Z4, Z4\n\t%s Z22, Z4, Z4\n\tVPERMD Z4, Z23, Z4\n\tVMOVDQU32 Z4, (DI)", pack, most, least)
	p("\tADDQ $64, SI\n\tADDQ $64, DX\n\tADDQ $64, DI\n\tSUBQ $64, CX\n\tCMPQ CX, $64\n\tJGE wide")
	p("\tTESTQ CX, CX\n\tJNE loop\n\tVZEROUPPER\n\tRET")
}

// addVector: parameters bias, a, b, shift, zero, min, max in Z24 to Z30.
func addVector() {
	p("\tVPMULLD Z25, Z2, Z0\n\tVPMULLD Z26, Z3, Z1")
	p("\tVPADDD Z24, Z0, Z0\n\tVPADDD Z1, Z0, Z0")
	p("\tVPSRAVD Z27, Z0, Z0\n\tVPADDD Z28, Z0, Z0")
	p("\tVPMAXSD Z29, Z0, Z0\n\tVPMINSD Z30, Z0, Z0")
}

// mulVector: zero points of a and b, scale, lo, hi, zero in Z24 to Z29.
func mulVector() {
	p("\tVPSUBD Z24, Z2, Z0\n\tVPSUBD Z25, Z3, Z1\n\tVPMULLD Z1, Z0, Z0")
	requantize("Z0", "Z26", "Z27", "Z28", "Z29")
}

// sumWindow adds the pixels of a window to 16 channels:
//
//	func sumWindow8<type>VNNI(acc *int32, src *byte, pixel, nx, line, ny int, mask uint32)
//
// with pixel and line in bytes.
func sumWindow(typ, extend string) {
	p("// func sumWindow8%sVNNI(acc *int32, src *byte, pixel, nx, line, ny int, mask uint32)", typ)
	p("TEXT ·sumWindow8%sVNNI(SB), NOSPLIT, $0-52", typ)
	p("\tMOVQ acc+0(FP), DI\n\tMOVQ src+8(FP), SI\n\tMOVQ pixel+16(FP), R8\n\tMOVQ nx+24(FP), R9")
	p("\tMOVQ line+32(FP), R10\n\tMOVQ ny+40(FP), DX\n\tMOVL mask+48(FP), BX\n\tKMOVW BX, K1")
	p("\tVPXORD Z0, Z0, Z0")
	p("row:\n\tMOVQ SI, AX\n\tMOVQ R9, CX")
	p("pixel:\n\t%s.Z (AX), K1, Z1\n\tVPADDD Z1, Z0, Z0\n\tADDQ R8, AX\n\tDECQ CX\n\tJNE pixel", extend)
	p("\tADDQ R10, SI\n\tDECQ DX\n\tJNE row")
	p("\tVMOVDQU32 Z0, (DI)\n\tVZEROUPPER\n\tRET\n")
}

// maxRow keeps the larger of dst and src:
//
//	func maxRow8<type>VNNI(dst, src *byte, n int)
func maxRow(typ, op string) {
	p("// func maxRow8%sVNNI(dst, src *byte, n int)", typ)
	p("TEXT ·maxRow8%sVNNI(SB), NOSPLIT, $0-24", typ)
	p("\tMOVQ dst+0(FP), DI\n\tMOVQ src+8(FP), SI\n\tMOVQ n+16(FP), CX")
	p("\tSUBQ $64, CX\n\tJLT tail")
	p("loop:\n\tVMOVDQU32 (SI), Z0\n\t%s (DI), Z0, Z0\n\tVMOVDQU32 Z0, (DI)", op)
	p("\tADDQ $64, SI\n\tADDQ $64, DI\n\tSUBQ $64, CX\n\tJGE loop")
	p("tail:\n\tADDQ $64, CX\n\tJEQ done\n\tMOVQ $1, BX\n\tSHLQ CX, BX\n\tDECQ BX\n\tKMOVQ BX, K1")
	p("\tVMOVDQU8.Z (SI), K1, Z0\n\tVMOVDQU8.Z (DI), K1, Z1\n\t%s Z1, Z0, Z0\n\tVMOVDQU8 Z0, K1, (DI)", op)
	p("done:\n\tVZEROUPPER\n\tRET\n")
}

// bilinear blends four pixels; weights have 11 fractional bits:
//
//	func bilinear8<type>VNNI(dst, tl, tr, bl, br *byte, n int, x, y int32)
func bilinear(typ, extend string) {
	p("// func bilinear8%sVNNI(dst, tl, tr, bl, br *byte, n int, x, y int32)", typ)
	p("TEXT ·bilinear8%sVNNI(SB), NOSPLIT, $0-56", typ)
	p("\tMOVQ dst+0(FP), DI\n\tMOVQ tl+8(FP), R8\n\tMOVQ tr+16(FP), R9\n\tMOVQ bl+24(FP), R10\n\tMOVQ br+32(FP), R11")
	p("\tMOVQ n+40(FP), CX\n\tMOVL x+48(FP), BX\n\tVPBROADCASTD BX, Z30\n\tMOVL y+52(FP), BX\n\tVPBROADCASTD BX, Z31")
	p("\tMOVL $0x200000, BX\n\tVPBROADCASTD BX, Z29\n\tXORQ SI, SI\n\tKXNORW K1, K1, K1")
	p("loop:\n\tCMPQ CX, $16\n\tJGE whole\n\tMOVQ $1, BX\n\tSHLQ CX, BX\n\tDECQ BX\n\tKMOVW BX, K1\nwhole:")
	for i, r := range []string{"R8", "R9", "R10", "R11"} {
		p("\t%s.Z (%s)(SI*1), K1, Z%d", extend, r, i)
	}
	p("\tVPSUBD Z0, Z1, Z1\n\tVPMULLD Z30, Z1, Z1\n\tVPSLLD $11, Z0, Z0\n\tVPADDD Z1, Z0, Z0")
	p("\tVPSUBD Z2, Z3, Z3\n\tVPMULLD Z30, Z3, Z3\n\tVPSLLD $11, Z2, Z2\n\tVPADDD Z3, Z2, Z2")
	p("\tVPSUBD Z0, Z2, Z2\n\tVPMULLD Z31, Z2, Z2\n\tVPSLLD $11, Z0, Z0\n\tVPADDD Z2, Z0, Z0")
	p("\tVPADDD Z29, Z0, Z0\n\tVPSRAD $22, Z0, Z0\n\tVPMOVDB Z0, X0\n\tVMOVDQU8 X0, K1, (DI)(SI*1)")
	p("\tADDQ $16, SI\n\tSUBQ $16, CX\n\tJGT loop")
	p("\tVZEROUPPER\n\tRET\n")
}

// argMax writes the position of the first largest of n <= 64 bytes, row by row:
//
//	func argMax8VNNI(dst *int32, src *byte, n, rows int, flip uint32)
//
// flip turns the order of the bytes into the reverse of the unsigned one: the
// smallest is found, which VPHMINPOSUW does for words.
func argMax() {
	p("// func argMax8VNNI(dst *int32, src *byte, n, rows int, flip uint32)")
	p("TEXT ·argMax8VNNI(SB), NOSPLIT, $0-36")
	p("\tMOVQ dst+0(FP), DI\n\tMOVQ src+8(FP), SI\n\tMOVQ n+16(FP), R8\n\tMOVQ rows+24(FP), DX")
	p("\tMOVL flip+32(FP), BX\n\tVPBROADCASTD BX, Z4")
	p("\tMOVQ $64, CX\n\tSUBQ R8, CX\n\tMOVQ $-1, BX\n\tSHRQ CX, BX\n\tKMOVQ BX, K1")
	p("\tVPTERNLOGD $255, Z5, Z5, Z5")
	p("row:\n\tVMOVDQU8.Z (SI), K1, Z0\n\tVPXORD Z4, Z0, Z0\n\tVMOVDQA32 Z5, Z1\n\tVMOVDQU8 Z0, K1, Z1")
	p("\tVEXTRACTI64X4 $1, Z1, Y2\n\tVPMINUB Y2, Y1, Y2\n\tVEXTRACTI128 $1, Y2, X3\n\tVPMINUB X3, X2, X2")
	// Bytes to words, the smaller of each pair; then the smallest word.
	p("\tVPSRLW $8, X2, X3\n\tVPMINUB X3, X2, X2\n\tVPHMINPOSUW X2, X2")
	p("\tVPBROADCASTB X2, Z2\n\tVPCMPEQB Z2, Z1, K2\n\tKMOVQ K2, BX\n\tBSFQ BX, BX\n\tMOVL BX, (DI)")
	p("\tADDQ $4, DI\n\tADDQ R8, SI\n\tDECQ DX\n\tJNE row")
	p("\tVZEROUPPER\n\tRET\n")
}

// softmax normalizes rows by a table of exponentials, see Softmax.row:
//
//	func softmax8<type>VNNI(t *softmaxRows)
//
// The sum goes element by element, which its order asks for.
func softmax(typ, extend, most string) {
	p("// func softmax8%sVNNI(t *softmaxRows)", typ)
	p("TEXT ·softmax8%sVNNI(SB), NOSPLIT, $0-8", typ)
	p("\tMOVQ t+0(FP), AX\n\tMOVQ (AX), DI\n\tMOVQ 8(AX), SI\n\tMOVQ 16(AX), R9\n\tMOVQ 24(AX), DX // rows")
	for i := range 3 {
		p("\tVPBROADCASTD %d(AX), Z%d", 44+4*i, 24+i)
	}
	p("\tVPTERNLOGD $255, Z31, Z31, Z31 // ones")
	p("\tMOVL $0x44000000, BX\n\tVPBROADCASTD BX, Z30 // 512\n\tMOVL $0x3F000000, BX\n\tVPBROADCASTD BX, Z29 // 0.5\n\tVPSRLD $31, Z31, Z28 // 1\n\tVCVTDQ2PS Z28, Z27")
	p("row:\n\tVPBROADCASTB (SI), Z0\n\tMOVQ SI, R10\n\tMOVQ R9, CX\n\tSUBQ $64, CX\n\tJLT last")
	p("most:\n\t%s (R10), Z0, Z0\n\tADDQ $64, R10\n\tSUBQ $64, CX\n\tJGE most", most)
	p("last:\n\tADDQ $64, CX\n\tMOVQ $-1, R11\n\tSHLQ CX, R11\n\tNOTQ R11\n\tKMOVQ R11, K1\n\t%s (R10), Z0, K1, Z0", most)
	p("\tVEXTRACTI64X4 $1, Z0, Y1\n\t%s Y1, Y0, Y0\n\tVEXTRACTI128 $1, Y0, X1\n\t%s X1, X0, X0", most, most)
	// The largest is the smallest of what lies below the end of the table.
	below := 0
	if typ == "S" {
		below = 128
		p("\tVPSRLW $9, X31, X1\n\tVPACKUSWB X1, X1, X1 // 0x7F")
	} else {
		p("\tVMOVDQA32 X31, X1")
	}
	p("\tVPXOR X1, X0, X0\n\tVPSRLW $8, X0, X1\n\tVPMINUB X1, X0, X0\n\tVPHMINPOSUW X0, X0\n\tVPEXTRB $0, X0, BX")
	p("\tMOVQ 32(AX), R8\n\tLEAQ %d(R8)(BX*4), R8 // where the table has an element of 0", 4*below)
	p("\tVXORPS X0, X0, X0\n\tXORQ CX, CX")
	load := map[string]string{"S": "MOVBQSX", "U": "MOVBQZX"}[typ]
	p("sum:\n\t%s (SI)(CX*1), BX\n\tVADDSS (R8)(BX*4), X0, X0\n\tINCQ CX\n\tCMPQ CX, R9\n\tJLT sum", load)
	p("\tVMULSS 40(AX), X0, X0\n\tVDIVSS X0, X27, X0\n\tVBROADCASTSS X0, Z0")
	p("\tKXNORW K1, K1, K1\n\tMOVQ R9, CX")
	p("loop:\n\tCMPQ CX, $16\n\tJGE whole\n\tMOVQ $1, BX\n\tSHLQ CX, BX\n\tDECQ BX\n\tKMOVW BX, K1\nwhole:")
	p("\t%s.Z (SI), K1, Z1\n\tKMOVW K1, K2\n\tVGATHERDPS (R8)(Z1*4), K2, Z2", extend)
	p("\tVMULPS Z0, Z2, Z2\n\tVMINPS Z2, Z30, Z2 // the second where one is no number")
	if typ == "S" {
		p("\tVCVTTPS2DQ Z2, Z3\n\tVCVTDQ2PS Z3, Z4\n\tVSUBPS Z4, Z2, Z4\n\tVCMPPS $0x1D, Z29, Z4, K2 // half or more\n\tVPADDD Z28, Z3, K2, Z3")
	} else {
		p("\tVADDPS Z29, Z2, Z2\n\tVCVTTPS2DQ Z2, Z3")
	}
	p("\tVPADDD Z24, Z3, Z3\n\tVPMAXSD Z25, Z3, Z3\n\tVPMINSD Z26, Z3, Z3\n\tVPMOVDB Z3, X3\n\tVMOVDQU8 X3, K1, (DI)")
	p("\tSUBQ $16, CX\n\tJLE end\n\tADDQ $16, SI\n\tADDQ $16, DI\n\tJMP loop")
	p("end:\n\tADDQ $16, CX\n\tADDQ CX, SI\n\tADDQ CX, DI\n\tDECQ DX\n\tJNE row\n\tVZEROUPPER\n\tRET\n")
}
