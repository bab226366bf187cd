package kernel

// Softmax is TFLite's 8-bit softmax on x86-64: a table of float exponentials,
// a float32 sum in index order, one reciprocal; int8 rounds half away from
// zero, uint8 adds a half and truncates
// (kernels/internal/optimized/optimized_ops.h, PopulateSoftmaxLookupTable and
// Softmax).
type Softmax[T Byte] struct {
	table    [256]float32 // exp(-scale * beta * (255 - i))
	outScale float32
	out      Clamp8
	v        *vector8 // nil for portable Go
}

// softmaxRows is what a vector kernel of it works on. Assembly knows the offsets of
// the fields (_generate/vnni).
type softmaxRows struct {
	dst, src       *byte    // 0
	n, rows        int      // 16: elements of a row
	table          *float32 // 32
	outScale       float32  // 40
	zero, min, max int32    // 44
}

// NewSoftmax prepares rows with the given input scale.
func NewSoftmax[T Byte](inScale, beta, outScale float32, out Clamp8) *Softmax[T] {
	s := &Softmax[T]{outScale: outScale, out: out}
	if v := rows8Of(Tier()); v != nil && v.masked {
		s.v = v
	}
	scale := float32(-inScale * beta)
	for d := range s.table {
		s.table[255-d] = expf(float32(scale * float32(d)))
	}
	return s
}

// Tier returns the instruction set of Run.
func (s *Softmax[T]) Tier() string {
	if s.v == nil {
		return TierGeneric
	}
	return s.v.tier
}

// Run normalizes each row of n elements.
func (s *Softmax[T]) Run(dst, src []T, n int) {
	if rows := len(src) / n; s.v != nil && rows > 0 {
		s.v.softmax(isSigned[T](), &softmaxRows{
			dst: &bytesOf(dst)[0], src: &bytesOf(src)[0], n: n, rows: rows, table: &s.table[0],
			outScale: s.outScale, zero: s.out.Zero, min: s.out.Min, max: s.out.Max,
		})
		return
	}
	for len(src) >= n {
		s.row(dst[:n], src[:n])
		dst, src = dst[n:], src[n:]
	}
}

func (s *Softmax[T]) row(dst, src []T) {
	top := src[0]
	for _, v := range src {
		top = max(top, v)
	}
	offset := 255 - int(top)
	var sum float32
	for _, v := range src {
		sum += s.table[offset+int(v)]
	}
	inv := float32(1) / float32(sum*s.outScale)
	for i, v := range src {
		p := min(float32(s.table[offset+int(v)]*inv), 512)
		// p is positive: half away from zero is half up. In float64 the sum is
		// exact; in float32 it may round.
		q := int32(p + 0.5)
		if s.out.Min != 0 {
			q = int32(float64(p) + 0.5)
		}
		dst[i] = T(min(max(q+s.out.Zero, s.out.Min), s.out.Max))
	}
}
