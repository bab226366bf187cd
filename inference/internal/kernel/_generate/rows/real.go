package main

import "math"

// Kernels of real functions return how many blocks they did: one that holds
// anything out of the ordinary is left to Go, and those behind it.

// constant spreads a float64 over a vector.
func (s set) constant(v float64, i int) {
	p("\tMOVQ $0x%016X, BX\n\tVMOVQ BX, X%d\n\tVPBROADCASTQ X%d, %s // %v", math.Float64bits(v), i, i, s.v(i), v)
}

// begin and end frame a kernel of blocks of 16 floats at SI, which go to DI.
func (s set) begin(name string) {
	s.text(name, "dst, src *float32, blocks int) (done int", 32)
	p("\tMOVQ dst+0(FP), DI\n\tMOVQ src+8(FP), SI\n\tMOVQ blocks+16(FP), CX")
}

func end() {
	p("\tADDQ $64, DI\n\tDECQ CX\n\tJNE loop")
	p("stop:\n\tMOVQ blocks+16(FP), AX\n\tSUBQ CX, AX\n\tMOVQ AX, done+24(FP)\n\tVZEROUPPER\n\tRET\n")
}

// stopIf goes to stop if a comparison of floats holds for any lane.

func (s set) stopIf(predicate int, b, a string) {
	if s.avx512() {
		p("\tVCMPPS $%d, %s, %s, K3\n\tKORTESTW K3, K3\n\tJNE stop", predicate, b, a)
		return
	}
	p("\tVCMPPS $%d, %s, %s, Y15\n\tVPTEST Y15, Y15\n\tJNE stop", predicate, b, a)
}

// sqrt takes the root, which is correctly rounded.
func (s set) sqrt() {
	s.begin("sqrt")
	p("loop:")
	for k := range 16 / s.lanes {
		p("\tVSQRTPS %d(SI), %s", k*s.bytes(), s.v(k))
		s.stopIf(3, s.v(k), s.v(k))
	}
	for k := range 16 / s.lanes {
		p("\tVMOVUPS %s, %d(DI)", s.v(k), k*s.bytes())
	}
	p("\tADDQ $64, SI")
	end()
}

// narrow turns the float64 in register i into floats in the lower half of it.
func (s set) narrow(i int) {
	if s.avx512() {
		p("\tVCVTPD2PS Z%d, Y%d", i, i)
	} else {
		p("\tVCVTPD2PSY Y%d, X%d", i, i)
	}
}

// half names the lower half of a register.
func (s set) half(i int) string {
	if s.avx512() {
		return "Y" + s.v(i)[1:]
	}
	return "X" + s.v(i)[1:]
}

// magnitude is ComplexAbsF32.
func (s set) magnitude() {
	s.begin("magnitude")
	n := s.lanes / 2 // results of a pair of vectors
	if s.avx512() {
		p("\tMOVQ $0x0705030106040200, BX\n\tVMOVQ BX, X6\n\tVPMOVZXBQ X6, Z6 // the order")
	}
	p("loop:")
	for k := range 16 / n {
		for i := range 2 {
			v := s.v(2 + i)
			p("\tVCVTPS2PD %d(SI), %s\n\tVMULPD %s, %s, %s", 8*n*k+4*n*i, v, v, v, v)
		}
		// Even lanes of both, odd lanes of both; then back in order.
		p("\tVUNPCKLPD %s, %s, %s\n\tVUNPCKHPD %s, %s, %s", s.v(3), s.v(2), s.v(4), s.v(3), s.v(2), s.v(5))
		p("\tVADDPD %s, %s, %s\n\tVSQRTPD %s, %s", s.v(5), s.v(4), s.v(4), s.v(4), s.v(4))
		if s.avx512() {
			p("\tVPERMPD %s, %s, %s", s.v(4), s.v(6), s.v(4))
		} else {
			p("\tVPERMPD $0xD8, Y4, Y4")
		}
		s.narrow(4)
		p("\tVMOVUPS %s, %d(DI)", s.half(4), 4*n*k)
	}
	for k := range 16 / s.lanes {
		p("\tVMOVUPS %d(DI), %s", k*s.bytes(), s.v(4))
		s.stopIf(3, s.v(4), s.v(4))
	}
	p("\tADDQ $128, SI")
	end()
}

// log is LogF32 of positive, finite numbers.
func (s set) log() {
	s.begin("log")
	n := s.lanes / 2
	one, ln2, first := 8, 9, 10
	s.constant(1, one)
	s.constant(math.Ln2, ln2)
	s.constant(1.0/17, first)
	s.constant(math.Sqrt2, 11)
	s.constant(1<<52, 12)
	p("\tMOVQ $0x000FFFFFFFFFFFFF, BX\n\tVMOVQ BX, X13\n\tVPBROADCASTQ X13, %s", s.v(13))
	s.constant(1<<52+1023, 14)
	s.xor(s.v(7), s.v(7), s.v(7))
	p("\tMOVL $0x7F7FFFFF, BX\n\tVMOVD BX, X6\n\tVPBROADCASTD X6, %s", s.v(6))
	p("loop:")
	for k := range 16 / s.lanes {
		p("\tVMOVUPS %d(SI), %s", k*s.bytes(), s.v(0))
		s.stopIf(10, s.v(7), s.v(0)) // not above 0
		s.stopIf(6, s.v(6), s.v(0))  // above the largest
	}
	for k := range 16 / n {
		p("\tVCVTPS2PD %d(SI), %s", 4*n*k, s.v(0))
		s.logarithm()
		s.narrow(0)
		p("\tVMOVUPS %s, %d(DI)", s.half(0), 4*n*k)
	}
	p("\tADDQ $64, SI")
	end()
}

// logarithm computes the logarithms of float64 in register 0.
func (s set) logarithm() {
	x, e, m, d, sq, pol := s.v(0), s.v(1), s.v(2), s.v(3), s.v(4), s.v(5)
	one, ln2 := s.v(8), s.v(9)
	and, or := "VPAND", "VPOR"
	if s.avx512() {
		and, or = "VPANDQ", "VPORQ"
	}
	// An integer below 2^52 beside the exponent of 2^52 is 2^52 more.
	p("\tVPSRLQ $52, %s, %s\n\t%s %s, %s, %s\n\tVSUBPD %s, %s, %s", x, e, or, s.v(12), e, e, s.v(14), e, e)
	p("\t%s %s, %s, %s\n\t%s %s, %s, %s", and, s.v(13), x, m, or, one, m, m)
	s.constant(0.5, 3)
	p("\tVMULPD %s, %s, %s\n\tVADDPD %s, %s, %s", d, m, d, one, e, sq)
	if s.avx512() {
		p("\tVCMPPD $14, %s, %s, K3\n\tVMOVAPD %s, K3, %s\n\tVMOVAPD %s, K3, %s", s.v(11), m, d, m, sq, e)
	} else {
		p("\tVCMPPD $14, Y11, %s, Y15\n\tVBLENDVPD Y15, %s, %s, %s\n\tVBLENDVPD Y15, %s, %s, %s", m, d, m, m, sq, e, e)
	}
	p("\tVADDPD %s, %s, %s\n\tVSUBPD %s, %s, %s\n\tVDIVPD %s, %s, %s", one, m, d, one, m, m, d, m, m)
	p("\tVMULPD %s, %s, %s\n\tVMOVAPD %s, %s", m, m, sq, s.v(10), pol)
	for k := 15; k > 0; k -= 2 {
		s.constant(1/float64(k), 3)
		p("\tVMULPD %s, %s, %s\n\tVADDPD %s, %s, %s", sq, pol, pol, d, pol, pol)
	}
	p("\tVMULPD %s, %s, %s\n\tVADDPD %s, %s, %s\n\tVMULPD %s, %s, %s\n\tVADDPD %s, %s, %s", pol, m, m, m, m, m, ln2, e, e, m, e, x)
}

// butterflies does one stage of a Fourier transform of n complex numbers: half
// pairs, whole vectors, of each 2*half.
//
//	func butterflies<set>(re, im *float64, n, half int, turns *float64)
//
// turns holds half cosines, then half sines.
func (s set) butterflies() {
	s.text("butterflies", "re, im *float64, n, half int, turns *float64", 40)
	p("\tMOVQ re+0(FP), SI\n\tMOVQ im+8(FP), DI\n\tMOVQ n+16(FP), R8\n\tMOVQ half+24(FP), R9\n\tMOVQ turns+32(FP), DX")
	p("\tSHLQ $3, R8\n\tSHLQ $3, R9\n\tADDQ SI, R8 // end of re\n\tLEAQ (DX)(R9*1), R10 // sines")
	p("block:\n\tLEAQ (SI)(R9*1), R11\n\tLEAQ (DI)(R9*1), R12\n\tXORQ BX, BX")
	c, si, rb, ib, x, y, t := s.v(0), s.v(1), s.v(2), s.v(3), s.v(4), s.v(5), s.v(6)
	p("pair:\n\tVMOVUPD (DX)(BX*1), %s\n\tVMOVUPD (R10)(BX*1), %s\n\tVMOVUPD (R11)(BX*1), %s\n\tVMOVUPD (R12)(BX*1), %s", c, si, rb, ib)
	p("\tVMULPD %s, %s, %s\n\tVMULPD %s, %s, %s\n\tVADDPD %s, %s, %s", c, rb, x, si, ib, t, t, x, x)
	p("\tVMULPD %s, %s, %s\n\tVMULPD %s, %s, %s\n\tVSUBPD %s, %s, %s", c, ib, y, si, rb, t, t, y, y)
	for _, r := range []struct{ a, b, part string }{{"SI", "R11", x}, {"DI", "R12", y}} {
		p("\tVMOVUPD (%s)(BX*1), %s\n\tVSUBPD %s, %s, %s\n\tVADDPD %s, %s, %s", r.a, c, r.part, c, si, r.part, c, c)
		p("\tVMOVUPD %s, (%s)(BX*1)\n\tVMOVUPD %s, (%s)(BX*1)", si, r.b, c, r.a)
	}
	p("\tADDQ $%d, BX\n\tCMPQ BX, R9\n\tJLT pair", s.bytes())
	p("\tLEAQ (SI)(R9*2), SI\n\tLEAQ (DI)(R9*2), DI\n\tCMPQ SI, R8\n\tJLT block")
	p("\tVZEROUPPER\n\tRET\n")
}
