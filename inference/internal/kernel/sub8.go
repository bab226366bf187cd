package kernel

// Sub8 is a quantized 8-bit difference by TFLite's rule, for the scales that
// XNNPACK's delegate leaves (kernels/internal/reference/sub.h): both inputs
// shifted left by 20 and scaled to twice the larger scale, then the difference
// to the output's.
type Sub8 struct {
	a, b   [256]int32 // scaled inputs, by their byte
	result Multiplier
	out    Clamp8
}

// NewSub8 prepares a difference of elements of type T.
func NewSub8[T Byte](a, b, result Multiplier, aZero, bZero int32, out Clamp8) *Sub8 {
	p := &Sub8{result: result, out: out}
	for i := range p.a {
		p.a[i] = a.Apply((int32(T(i)) - aZero) << 20)
		p.b[i] = b.Apply((int32(T(i)) - bZero) << 20)
	}
	return p
}

// RunSub8 computes dst[i] = a[i*aStep] - b[i*bStep], as RunAdd8.
func RunSub8[T Byte](p *Sub8, dst, a, b []T, aStep, bStep int) {
	for i := range dst {
		dst[i] = T(p.value(uint8(a[i*aStep]), uint8(b[i*bStep])))
	}
}

func (p *Sub8) value(a, b uint8) int32 {
	v := p.result.Apply(p.a[a]-p.b[b]) + p.out.Zero
	return min(max(v, p.out.Min), p.out.Max)
}

// Tables returns the difference to each of a period of constants, as functions
// of the other operand: one where all of them act alike.
func (p *Sub8) Tables(period []byte) []*Map8 {
	list := make([]*Map8, len(period))
	alike := true
	for k, b := range period {
		list[k] = &Map8{}
		for a := range list[k].block {
			list[k].block[a] = byte(p.value(uint8(a), b))
		}
		list[k].tail = list[k].block
		list[k].choose()
		alike = alike && list[k].block == list[0].block
	}
	if alike {
		return list[:1]
	}
	return list
}

// RunTables computes dst[i] = tables[i mod their number](src[i]).
func RunTables(tables []*Map8, dst, src []byte) {
	if len(tables) == 1 {
		tables[0].Run(dst, src)
		return
	}
	for ; len(src) >= len(tables); dst, src = dst[len(tables):], src[len(tables):] {
		for k, t := range tables {
			dst[k] = t.block[src[k]]
		}
	}
}
