package kernel

// vectorRows are the kernels of one tier that pass over rows of elements. They
// take whole blocks; their callers do the rest.
type vectorRows struct {
	tier string
	wide bool // vectors of 16 lanes
	// reals tells whether there are kernels of functions of floats and of Fourier
	// transforms.
	reals bool
}

// Elements of a block.
const (
	tableBlock      = 64
	quantizeBlock   = 32
	dequantizeBlock = 16
	boundsBlock     = 32
	rowMaxLeast     = 32 // elements of a row, which need not be whole blocks
	butterflyLeast  = 4  // pairs of a block, a power of two
)

// rounding is how floats become bytes: times factor, clamped to [lo, hi],
// rounded half to even, plus zero. Assembly knows the offsets of the fields
// (_generate/rows).
type rounding struct {
	factor, lo, hi float32
	zero           int32
	order          *uint32 // 16: of dwords after packing, AVX2
}

// newRounding clamps to what out holds.
func newRounding(factor float32, out Clamp8) rounding {
	return rounding{factor: factor, lo: float32(out.Min - out.Zero), hi: float32(out.Max - out.Zero), zero: out.Zero, order: &packedOrder[0]}
}

// packedOrder is where the dwords of eight go after two packings of AVX2, which
// keep to halves.
var packedOrder = [8]uint32{0, 4, 1, 5, 2, 6, 3, 7}

// apply converts src to bytes. What is no number gives the lower bound, on every
// CPU.
func (r *rounding) apply(v *vectorRows, dst []byte, src []float32) {
	if n := len(src) / quantizeBlock; v != nil && n > 0 {
		v.quantize(dst, src, n, r)
		dst, src = dst[n*quantizeBlock:], src[n*quantizeBlock:]
	}
	for i, x := range src {
		f := float32(x * r.factor)
		if !(f > r.lo) {
			f = r.lo
		}
		dst[i] = byte(roundEven(min(f, r.hi)) + r.zero)
	}
}

// name returns the tier, also of no kernels.
func (v *vectorRows) name() string {
	if v == nil {
		return TierGeneric
	}
	return v.tier
}

// maxOfRows writes the largest of n bytes of each row, stride bytes apart.
func maxOfRows(v *vectorRows, dst, src []byte, stride, n int) {
	if v != nil && n >= rowMaxLeast {
		v.rowMax(dst, src, stride, n)
		return
	}
	for i := range dst {
		top := byte(0)
		for _, x := range src[i*stride:][:n] {
			top = max(top, x)
		}
		dst[i] = top
	}
}
