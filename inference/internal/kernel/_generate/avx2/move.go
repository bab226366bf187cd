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

// reduce adds the eight sums in Y0.
func reduce() {
	p("\tVEXTRACTI128 $1, Y0, X1\n\tVPADDD X1, X0, X0\n\tVPSHUFD $0x4E, X0, X1\n\tVPADDD X1, X0, X0\n\tVPSHUFD $0xB1, X0, X1\n\tVPADDD X1, X0, X0")
	p("\tVMOVD X0, AX\n\tMOVL AX, ret+16(FP)\n\tVZEROUPPER\n\tRET\n")
}

// sumWide adds inputs of 16 bits in blocks of 16.
func sumWide() {
	text("sumWideAVX2(row *byte, blocks int) int32", 20)
	p("\tMOVQ row+0(FP), SI\n\tMOVQ blocks+8(FP), CX\n\tMOVL $0x00010001, BX\n\tVMOVD BX, X2\n\tVPBROADCASTD X2, Y2\n\tVPXOR Y0, Y0, Y0")
	p("loop:\n\tVPMADDWD (SI), Y2, Y1\n\tVPADDD Y1, Y0, Y0\n\tADDQ $32, SI\n\tDECQ CX\n\tJNE loop")
	reduce()
}

// sumBytes adds unsigned inputs in blocks of 32.
func sumBytes() {
	text("sumBytesAVX2(row *byte, blocks int) int32", 20)
	p("\tMOVQ row+0(FP), SI\n\tMOVQ blocks+8(FP), CX\n\tVPXOR Y0, Y0, Y0\n\tVPXOR Y2, Y2, Y2")
	p("loop:\n\tVPSADBW (SI), Y2, Y1\n\tVPADDD Y1, Y0, Y0\n\tADDQ $32, SI\n\tDECQ CX\n\tJNE loop")
	reduce()
}
