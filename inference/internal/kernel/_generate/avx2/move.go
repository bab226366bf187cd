package main

// flipped loads the flip, four times the same byte, from a word of the frame.
func flipped(at string, y int) {
	p("\tMOVL %s, BX\n\tVMOVD BX, X%d\n\tVPBROADCASTD X%d, Y%d", at, y, y, y)
}

// interleaveWide writes pairs of two rows as 16 bits: element i of each, next to
// each other, in blocks of 16 elements.
func interleaveWide() {
	text("interleaveWideAVX2(dst, r0, r1 *byte, blocks int, flip uint32)", 36)
	p("\tMOVQ dst+0(FP), DI\n\tMOVQ r0+8(FP), R8\n\tMOVQ r1+16(FP), R9\n\tMOVQ blocks+24(FP), CX")
	flipped("flip+32(FP)", 4)
	p("loop:\n\tVPXOR (R8), X4, X0\n\tVPMOVSXBW X0, Y0\n\tVPXOR (R9), X4, X1\n\tVPMOVSXBW X1, Y1")
	p("\tVPUNPCKLWD Y1, Y0, Y2\n\tVPUNPCKHWD Y1, Y0, Y3")
	p("\tVPERM2I128 $0x20, Y3, Y2, Y0\n\tVPERM2I128 $0x31, Y3, Y2, Y1\n\tVMOVDQU Y0, (DI)\n\tVMOVDQU Y1, 32(DI)")
	p("\tADDQ $16, R8\n\tADDQ $16, R9\n\tADDQ $64, DI\n\tDECQ CX\n\tJNE loop")
	p("\tVZEROUPPER\n\tRET\n")
}

// interleaveQuads writes quads of four rows, in blocks of 16 elements.
func interleaveQuads() {
	text("interleaveAVX2(dst, r0, r1, r2, r3 *byte, blocks int, flip uint32)", 52)
	for i, r := range []string{"DI", "R8", "R9", "R10", "R11", "CX"} {
		p("\tMOVQ %s+%d(FP), %s", []string{"dst", "r0", "r1", "r2", "r3", "blocks"}[i], 8*i, r)
	}
	flipped("flip+48(FP)", 8)
	p("loop:")
	for i, r := range []string{"R8", "R9", "R10", "R11"} {
		p("\tVPXOR (%s), X8, X%d\n\tADDQ $16, %s", r, i, r)
	}
	p("\tVPUNPCKLBW X1, X0, X4\n\tVPUNPCKHBW X1, X0, X5\n\tVPUNPCKLBW X3, X2, X6\n\tVPUNPCKHBW X3, X2, X7")
	p("\tVPUNPCKLWD X6, X4, X0\n\tVPUNPCKHWD X6, X4, X1\n\tVPUNPCKLWD X7, X5, X2\n\tVPUNPCKHWD X7, X5, X3")
	p("\tVMOVDQU X0, (DI)\n\tVMOVDQU X1, 16(DI)\n\tVMOVDQU X2, 32(DI)\n\tVMOVDQU X3, 48(DI)")
	p("\tADDQ $64, DI\n\tDECQ CX\n\tJNE loop")
	p("\tVZEROUPPER\n\tRET\n")
}

// flipWide copies bytes as 16 bits, flipped or not, in blocks of 16.
func flipWide() {
	text("flipWideAVX2(dst, src *byte, blocks int, flip uint32)", 28)
	p("\tMOVQ dst+0(FP), DI\n\tMOVQ src+8(FP), SI\n\tMOVQ blocks+16(FP), CX")
	flipped("flip+24(FP)", 1)
	p("loop:\n\tVPXOR (SI), X1, X0\n\tVPMOVSXBW X0, Y0\n\tVMOVDQU Y0, (DI)\n\tADDQ $16, SI\n\tADDQ $32, DI\n\tDECQ CX\n\tJNE loop")
	p("\tVZEROUPPER\n\tRET\n")
}

// flipBytes copies bytes, flipped or not, in blocks of 32.
func flipBytes() {
	text("flipAVX2(dst, src *byte, blocks int, flip uint32)", 28)
	p("\tMOVQ dst+0(FP), DI\n\tMOVQ src+8(FP), SI\n\tMOVQ blocks+16(FP), CX")
	flipped("flip+24(FP)", 1)
	p("loop:\n\tVPXOR (SI), Y1, Y0\n\tVMOVDQU Y0, (DI)\n\tADDQ $32, SI\n\tADDQ $32, DI\n\tDECQ CX\n\tJNE loop")
	p("\tVZEROUPPER\n\tRET\n")
}

// sumPixels adds the inputs of windows at even distances, four windows at a time, and
// multiplies each sum:
//
//	func sumPixels<Bytes or Wide>AVX2(t *pixelSums)
//
// Beyond a segment's end at most three bytes are read.
func sumPixels(wide bool) {
	name, add := "sumPixelsBytesAVX2", "VPSADBW"
	if wide {
		name, add = "sumPixelsWideAVX2", "VPMADDWD"
	}
	text(name+"(t *pixelSums)", 8)
	p("\tMOVQ t+0(FP), AX\n\tMOVQ (AX), DI\n\tMOVQ 8(AX), R8\n\tMOVQ 16(AX), R9 // bytes from window to window\n\tMOVQ 48(AX), DX // windows")
	p("\tVPBROADCASTD 56(AX), X9\n\tMOVQ 64(AX), R14 // masks: 32 set lanes, then empty ones")
	p("\tVPXOR Y8, Y8, Y8")
	if wide {
		p("\tVPCMPEQW Y8, Y8, Y8\n\tVPSRLW $15, Y8, Y8 // ones")
	}
	p("\tMOVQ 40(AX), R15\n\tANDQ $31, R15 // bytes after whole vectors, as lanes and as bytes")
	p("\tMOVQ $128, BX\n\tSUBQ R15, BX\n\tVMOVDQU (R14)(BX*1), Y11\n\tANDQ $-4, BX\n\tVMOVDQU (R14)(BX*1), Y10")
	at := []string{"R8", "R10", "R11", "R12"}
	p("four:")
	for i := 1; i < 4; i++ { // those that are missing are the last one again
		p("\tLEAQ (%s)(R9*1), %s\n\tCMPQ DX, $%d\n\tCMOVQLE %s, %s", at[i-1], at[i], i, at[i-1], at[i])
	}
	for i := range at {
		p("\tVPXOR Y%d, Y%d, Y%d", i, i, i)
	}
	p("\tMOVQ 24(AX), SI // where each segment begins\n\tMOVQ 32(AX), R13 // segments")
	p("segment:\n\tMOVQ (SI), BX\n\tADDQ $8, SI\n\tMOVQ 40(AX), CX\n\tSUBQ $32, CX\n\tJLT tail")
	p("loop:")
	for i, r := range at {
		p("\t%s (%s)(BX*1), Y8, Y%d\n\tVPADDD Y%d, Y%d, Y%d", add, r, 4+i, 4+i, i, i)
	}
	p("\tADDQ $32, BX\n\tSUBQ $32, CX\n\tJGE loop")
	p("tail:\n\tTESTQ R15, R15\n\tJEQ summed")
	for i, r := range at {
		p("\tVPMASKMOVD (%s)(BX*1), Y10, Y%d\n\tVPAND Y11, Y%d, Y%d\n\t%s Y%d, Y8, Y%d\n\tVPADDD Y%d, Y%d, Y%d", r, 4+i, 4+i, 4+i, add, 4+i, 4+i, 4+i, i, i)
	}
	p("summed:\n\tDECQ R13\n\tJNE segment")
	p("\tVPHADDD Y1, Y0, Y0\n\tVPHADDD Y3, Y2, Y2\n\tVPHADDD Y2, Y0, Y0\n\tVEXTRACTI128 $1, Y0, X1\n\tVPADDD X1, X0, X0\n\tVPMULLD X9, X0, X0")
	p("\tCMPQ DX, $4\n\tJLT some\n\tVMOVDQU X0, (DI)\n\tADDQ $16, DI\n\tLEAQ (R12)(R9*1), R8\n\tSUBQ $4, DX\n\tJGT four\n\tVZEROUPPER\n\tRET")
	p("some:\n\tVMOVD X0, (DI)\n\tVPSRLDQ $4, X0, X0\n\tADDQ $4, DI\n\tDECQ DX\n\tJNE some\n\tVZEROUPPER\n\tRET\n")
}

// dot multiplies a row of inputs, flipped or not, by one of weights, in blocks of 32:
//
//	func dot8AVX2(x, w *byte, blocks int, flip uint32) int32
func dot() {
	text("dot8AVX2(x, w *byte, blocks int, flip uint32) int32", 36)
	p("\tMOVQ x+0(FP), SI\n\tMOVQ w+8(FP), DI\n\tMOVQ blocks+16(FP), CX")
	flipped("flip+24(FP)", 8)
	p("\tVPXOR Y0, Y0, Y0\n\tVPXOR Y1, Y1, Y1\nloop:")
	for i := range 2 {
		p("\tVPXOR %d(SI), X8, X%d\n\tVPMOVZXBW X%d, Y%d\n\tVPMOVSXBW %d(DI), Y%d", 16*i, 2+i, 2+i, 2+i, 16*i, 4+i)
		p("\tVPMADDWD Y%d, Y%d, Y%d\n\tVPADDD Y%d, Y%d, Y%d", 4+i, 2+i, 2+i, 2+i, i, i)
	}
	p("\tADDQ $32, SI\n\tADDQ $32, DI\n\tDECQ CX\n\tJNE loop\n\tVPADDD Y1, Y0, Y0")
	p("\tVEXTRACTI128 $1, Y0, X1\n\tVPADDD X1, X0, X0\n\tVPSHUFD $0x4E, X0, X1\n\tVPADDD X1, X0, X0\n\tVPSHUFD $0xB1, X0, X1\n\tVPADDD X1, X0, X0")
	p("\tVMOVD X0, AX\n\tMOVL AX, ret+32(FP)\n\tVZEROUPPER\n\tRET\n")
}
