package kernel

// Sum16 is a quantized sum or difference of int16: both operands times 2^15
// and a factor of at most a half, then one factor for the output
// (kernels/internal/reference/add.h, sub.h).
type Sum16 struct {
	A, B, Out Multiplier
	Minus     bool
	Min, Max  int32
}

// Run computes dst[i] = a[i*aStep] + b[i*bStep]; a step is 0 for an operand of
// one element and 1 otherwise. The first blocked elements follow LiteRT's
// vector code, which multiplies once where the scalar code also rounds a shift
// (kernels/internal/optimized/integer_ops/add.h, AddElementwiseInt16).
func (s *Sum16) Run(dst, a, b []int16, aStep, bStep, blocked int) {
	for i := range dst {
		x, y := int32(a[i*aStep]), int32(b[i*bStep])
		if i < blocked {
			x, y = s.A.once(x, 15), s.B.once(y, 15)
		} else {
			x, y = s.A.Apply(x<<15), s.B.Apply(y<<15)
		}
		if s.Minus {
			y = -y
		}
		dst[i] = int16(min(max(s.Out.Apply(x+y), s.Min), s.Max))
	}
}

// once multiplies x * 2^left with the factor's own shift taken from left.
func (m Multiplier) once(x int32, left int) int32 {
	if left += m.Shift; left >= 0 {
		return highMul(x<<left, m.Mantissa)
	}
	return highMul(x>>-left, m.Mantissa)
}

// Mul16 is a quantized product of int16
// (kernels/internal/reference/integer_ops/mul.h).
type Mul16 struct {
	Factor   Multiplier
	Min, Max int32
}

// Run computes dst[i] = a[i*aStep] * b[i*bStep], as Sum16.Run.
func (m *Mul16) Run(dst, a, b []int16, aStep, bStep int) {
	for i := range dst {
		v := m.Factor.Apply(int32(a[i*aStep]) * int32(b[i*bStep]))
		dst[i] = int16(min(max(v, m.Min), m.Max))
	}
}

// MatMul16 is a product of int16 matrices, or of int16 with int8, summed in
// int64 (kernels/internal/reference/batch_matmul.h). Rows of A have ARow
// elements between them, elements of a row ACol; B likewise.
type MatMul16[B int8 | int16] struct {
	M, K, N                int
	ARow, ACol, BRow, BCol int
	Factor                 Multiplier
}

// Run computes one product, dst[M][N] = a * b.
func (p *MatMul16[B]) Run(dst, a []int16, b []B) {
	for i := range p.M {
		for j := range p.N {
			var sum int64
			for k := range p.K {
				sum += int64(a[i*p.ARow+k*p.ACol]) * int64(b[k*p.BRow+j*p.BCol])
			}
			dst[i*p.N+j] = int16(min(max(p.Factor.Apply64(sum), -1<<15), 1<<15-1))
		}
	}
}
