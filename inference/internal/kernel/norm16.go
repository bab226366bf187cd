package kernel

// Norm16 normalizes a row of int16 to mean 0 and variance 1, weighs it and adds
// a bias, in fixed point (kernels/internal/reference/portable_tensor_utils.cc,
// PortableApplyLayerNorm).
type Norm16 struct {
	Weights []int16
	Bias    []int32
	Factor  Multiplier // of the weights' scale and 12 fractional bits
	Least   int32      // variance that stands for none
}

// run works in place; products of weights wrap.
func (n *Norm16) run(row []int16) {
	var sum, squares int64
	for _, v := range row {
		sum += int64(v)
		squares += int64(v) * int64(v)
	}
	size := int64(len(row))
	mean := int32(sum * 1024 / size)
	variance := int32((squares*(1<<20/size) - int64(mean)*int64(mean)) / (1 << 20))
	if variance < 1 {
		variance = n.Least
	}
	inverse := invSqrt(variance)
	for i, v := range row {
		x := inverse.Apply(1024*int32(v) - mean)
		y := int64(x*int32(n.Weights[i]) + n.Bias[i])
		if y > 0 {
			y += 512
		} else {
			y -= 512
		}
		row[i] = clip16(int64(n.Factor.Apply(int32(y / 1024))))
	}
}
