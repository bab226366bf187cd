package graph

import "github.com/dunlin-edge/dunlin/inference/internal/kernel"

// castBlock is how many elements are converted at a time, by way of 64 bits: a
// copy of the loop for each pair of types would take 50 KB of the binary.
const castBlock = 256

// lowerCast converts as C does.
func lowerCast(n *node) (Step, error) {
	switch in := n.in(0).DType; {
	case in == Float32:
		return castFloat(n)
	case n.out().DType == Float32 && (in == Int8 || in == Uint8):
		return n.castByte()
	}
	return n.castStep("cast", nil)
}

// castStep lowers a conversion between integers, or from them; change, unless nil,
// sees each block on its way.
func (n *node) castStep(name string, change func([]int64)) (Step, error) {
	widen, narrow := widener(n.in(0).DType), narrower(n.out().DType)
	if widen == nil || narrow == nil {
		return Step{}, unsupported("types %s", n.types())
	}
	if err := n.same(); err != nil {
		return Step{}, err
	}
	from, to := n.in(0).DType.Size(), n.out().DType.Size()
	src, dst, block := n.inRef(0), n.outRef(), n.scratch(castBlock, 8)
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			in, out, wide := src.Bytes(mem), dst.Bytes(mem), viewOf[int64](block.Bytes(mem))
			for len(out) > 0 {
				k := min(castBlock, len(out)/to)
				widen(wide, in[:k*from])
				if change != nil {
					change(wide[:k])
				}
				narrow(out[:k*to], wide)
				in, out = in[k*from:], out[k*to:]
			}
		},
	}, nil
}

// castByte converts bytes to floats: a dequantization by 1.
func (n *node) castByte() (Step, error) {
	if err := n.same(); err != nil {
		return Step{}, err
	}
	k := kernel.NewDequantize(kernel.Side{Signed: n.in(0).DType == Int8, Scale: 1})
	src, dst := n.inRef(0), n.outRef()
	return Step{Kernel: "cast", Tier: k.Tier(), Rule: ruleExact,
		Run: func(mem []byte) { k.Run(f32(dst.Bytes(mem)), src.Bytes(mem)) }}, nil
}

func widener(d DType) func(dst []int64, src []byte) {
	switch d {
	case Int8:
		return func(dst []int64, src []byte) { kernel.Widen(dst, i8(src)) }
	case Uint8, Bool:
		return func(dst []int64, src []byte) { kernel.Widen(dst, src) }
	case Int16:
		return func(dst []int64, src []byte) { kernel.Widen(dst, i16(src)) }
	case Int32:
		return func(dst []int64, src []byte) { kernel.Widen(dst, i32(src)) }
	case Int64:
		return func(dst []int64, src []byte) { kernel.Widen(dst, viewOf[int64](src)) }
	case Uint32:
		return func(dst []int64, src []byte) { kernel.Widen(dst, viewOf[uint32](src)) }
	}
	return nil
}

func narrower(d DType) func(dst []byte, src []int64) {
	switch d {
	case Int8:
		return func(dst []byte, src []int64) { kernel.Narrow(i8(dst), src) }
	case Uint8:
		return func(dst []byte, src []int64) { kernel.Narrow(dst, src) }
	case Int16:
		return func(dst []byte, src []int64) { kernel.Narrow(i16(dst), src) }
	case Int32:
		return func(dst []byte, src []int64) { kernel.Narrow(i32(dst), src) }
	case Int64:
		return func(dst []byte, src []int64) { kernel.Narrow(viewOf[int64](dst), src) }
	case Uint32:
		return func(dst []byte, src []int64) { kernel.Narrow(viewOf[uint32](dst), src) }
	case Float32:
		return func(dst []byte, src []int64) { kernel.Narrow(f32(dst), src) }
	case Bool:
		return kernel.Truths
	}
	return nil
}
