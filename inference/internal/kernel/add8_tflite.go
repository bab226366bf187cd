package kernel

// SumTFLite is a quantized 8-bit sum by the rule of TFLite's kernels, for the
// scales that XNNPACK's delegate leaves: both operands shifted left by 20 and
// scaled to twice the larger scale, then their sum to the output's. LiteRT's
// vector code takes whole blocks of a run of elements and rounds once where the
// scalar code rounds twice; its sums have 16 bits
// (kernels/internal/optimized/integer_ops/add.h, optimized_ops.h).
type SumTFLite struct {
	a, b   [2][256]int32 // scaled operands by their byte: of the rest of a run, of blocks
	result Multiplier
	out    Clamp8
	Runs
}

// Runs tells how LiteRT cuts the elements of an operator with two operands.
type Runs struct {
	Length int // of a run
	Block  int // elements of a block
}

// blocked tells whether element i is in a block.
func (r *Runs) blocked(i int) bool {
	at := i % r.Length
	return at < r.Length-r.Length%r.Block
}

// NewSumTFLite prepares a sum of elements of type T. With early, blocks shift
// operands before they multiply.
func NewSumTFLite[T Byte](a, b, result Multiplier, aZero, bZero int32, out Clamp8, runs Runs, early bool) *SumTFLite {
	s := &SumTFLite{result: result, out: out, Runs: runs}
	for i := range 256 {
		x, y := int32(T(i))-aZero, int32(T(i))-bZero
		s.a[0][i], s.b[0][i] = a.Apply(x<<20), b.Apply(y<<20)
		if early {
			s.a[1][i], s.b[1][i] = highMulUp(shifted(x, 20+a.Shift), a.Mantissa), highMulUp(shifted(y, 20+b.Shift), b.Mantissa)
		} else {
			s.a[1][i], s.b[1][i] = shifted(highMulUp(x<<20, a.Mantissa), a.Shift), shifted(highMulUp(y<<20, b.Mantissa), b.Shift)
		}
	}
	return s
}

// RunSumTFLite computes dst[i] = a[i*aStep] + b[i*bStep], as RunAdd8.
func RunSumTFLite[T Byte](s *SumTFLite, dst, a, b []T, aStep, bStep int) {
	for i := range dst {
		x, y := uint8(a[i*aStep]), uint8(b[i*bStep])
		var v int32
		if s.blocked(i) {
			sum := shiftRound(highMulUp(s.a[1][x]+s.b[1][y], s.result.Mantissa), -s.result.Shift)
			v = int32(int16(sum) + int16(s.out.Zero))
		} else {
			v = s.result.Apply(s.a[0][x]+s.b[0][y]) + s.out.Zero
		}
		dst[i] = T(min(max(v, s.out.Min), s.out.Max))
	}
}

// ProductTFLite is a quantized 8-bit product by the rule of TFLite's kernels
// (kernels/internal/optimized/integer_ops/mul.h).
type ProductTFLite struct {
	AZero, BZero int32
	Factor       Multiplier
	Out          Clamp8
	Runs
	Cut bool // blocks cut products to 16 bits instead of saturating them
}

// RunProductTFLite computes dst[i] = a[i*aStep] * b[i*bStep], as RunAdd8.
func RunProductTFLite[T Byte](p *ProductTFLite, dst, a, b []T, aStep, bStep int) {
	for i := range dst {
		x := (int32(a[i*aStep]) - p.AZero) * (int32(b[i*bStep]) - p.BZero)
		var v int32
		if p.blocked(i) {
			v = shiftRound(highMulUp(x<<max(p.Factor.Shift, 0), p.Factor.Mantissa), max(-p.Factor.Shift, 0))
			if !p.Cut {
				v = min(max(v, -1<<15), 1<<15-1)
			}
			v = int32(int16(v) + int16(p.Out.Zero)) // which may wrap
		} else {
			v = p.Factor.Apply(x) + p.Out.Zero
		}
		dst[i] = T(min(max(v, p.Out.Min), p.Out.Max))
	}
}

// highMulUp is the doubled product's high half, rounded half up (vqrdmulh).
func highMulUp(a, b int32) int32 { return int32((int64(a)*int64(b) + 1<<30) >> 31) }

// shifted is x shifted left, or right for a negative n, where bits fall off.
func shifted(x int32, n int) int32 {
	if n < 0 {
		return x >> -n
	}
	return x << n
}
