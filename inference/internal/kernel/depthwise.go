package kernel

import (
	"slices"
	"unsafe"
)

// Depthwise is a quantized depthwise convolution by XNNPACK's rule. Weights are
// [KH][KW][channel]; output channel c reads input channel c / Multiplier. Bias
// already holds -InZero * sum of (weight - WeightZero).
type Depthwise[T Byte] struct {
	Window
	Batch      int
	InC        int
	Multiplier int
	Weights    []T
	Bias       []int32
	Scale      []float32
	InZero     T
	Out        Clamp8
	WeightZero int32 // 0 for int8
	// WeightSums, unless nil, is the sum of each channel's weights less WeightZero.
	WeightSums []int32

	Workers int // that compute parts at the same time; 0 is 1

	fast  *depthwiseTiles8[T]
	dense *Conv[T]
}

// Choose takes the vector kernels of the tier in use, if it has any for the
// layer, and returns the bytes that Pack will take for them.
func (d *Depthwise[T]) Choose() int {
	v := vector8Of(Tier())
	switch {
	case v == nil || v.bounded && !bounded(d.Scale, d.Bias, d.KH*d.KW):
		return d.KH * d.KW * d.outC()
	case d.Multiplier == 1:
		d.fast = d.layout(v)
		return d.fast.size()
	}
	// Each input channel has a convolution of its own.
	d.dense = &Conv[T]{
		Weights: d.Weights, // in no order yet, see Pack
		Window:  d.Window, Batch: d.Batch, Groups: d.InC, InC: 1, OutC: d.Multiplier, Bias: d.Bias, Scale: d.Scale,
		InZero: d.InZero, Out: d.Out, WeightZero: d.WeightZero,
	}
	size := d.dense.Choose()
	if d.dense.fast == nil {
		d.dense = nil
	}
	return size
}

// Pack copies the weights, rearranged for the kernels chosen.
func (d *Depthwise[T]) Pack(room *Room) {
	switch {
	case d.fast != nil:
		d.fast.pack(room)
	case d.dense != nil:
		n, taps := d.outC(), d.KH*d.KW
		d.dense.Weights = make([]T, len(d.Weights))
		for i, w := range d.Weights {
			d.dense.Weights[i%n*taps+i/n] = w
		}
		d.dense.Pack(room)
	default:
		d.Weights = slices.Clone(d.Weights)
		return
	}
	d.Weights = nil
}

// Tier names the instruction set that computes the layer.
func (d *Depthwise[T]) Tier() string {
	switch {
	case d.fast != nil:
		return d.fast.v.tier
	case d.dense != nil:
		return d.dense.Tier()
	}
	return TierGeneric
}

func (d *Depthwise[T]) outC() int { return d.InC * d.Multiplier }

// Scratch returns the number of bytes that Run needs.
func (d *Depthwise[T]) Scratch() int {
	switch {
	case d.fast != nil:
		return alignUp(d.fast.bytes()) * max(d.Workers, 1)
	case d.dense != nil:
		_, _, staged, sums := d.dense.ScratchSizes()
		return staged + 4*sums
	}
	return 4 * d.outC()
}

// MACs returns the multiply-accumulates of one run.
func (d *Depthwise[T]) MACs() int64 {
	return int64(d.Batch) * int64(d.OutH) * int64(d.OutW) * int64(d.outC()) * int64(d.KH*d.KW)
}

// Run computes dst = depthwise(src). scratch has Scratch bytes, aligned to int32.
func (d *Depthwise[T]) Run(dst, src []T, scratch []byte) {
	if d.fast != nil {
		d.fast.run(dst, src, scratch, share{0, 1})
		return
	}
	if d.dense != nil {
		_, _, _, sums := d.dense.ScratchSizes()
		d.dense.Run(dst, src, Scratch[T]{Sums: words(scratch, sums), Staged: scratch[4*sums:]})
		return
	}
	outC := d.outC()
	acc := words(scratch, outC)
	for b := range d.Batch {
		in := src[b*d.InH*d.InW*d.InC:]
		for y := range d.OutH {
			for x := range d.OutW {
				copy(acc, d.Bias)
				d.pixel(in, acc, y*d.StrideH-d.PadTop, x*d.StrideW-d.PadLeft)
				out := dst[((b*d.OutH+y)*d.OutW+x)*outC:][:outC]
				for c, a := range acc {
					out[c] = T(d.Out.fp32(a, d.Scale[c]))
				}
			}
		}
	}
}

// Splits tells whether Part, for all parts in any order, does what Run does.
func (d *Depthwise[T]) Splits() bool { return d.fast != nil }

// Part computes part i of n; no two at the same time have the same worker.
func (d *Depthwise[T]) Part(dst, src []T, scratch []byte, worker, i, n int) {
	size := alignUp(d.fast.bytes())
	d.fast.run(dst, src, scratch[worker*size:][:d.fast.bytes()], share{i, n})
}

// alignUp rounds up to whole cache lines.
func alignUp(n int) int { return (n + 63) &^ 63 }

// pixel adds all taps of the window whose corner is (y0, x0) to acc.
func (d *Depthwise[T]) pixel(in []T, acc []int32, y0, x0 int) {
	outC := len(acc)
	for ky := range d.KH {
		y := y0 + ky*d.DilationH
		w := d.Weights[ky*d.KW*outC:][:d.KW*outC]
		inside := y >= 0 && y < d.InH && x0 >= 0 && x0+(d.KW-1)*d.DilationW < d.InW
		if d.KW == 3 && d.Multiplier == 1 && inside {
			step := d.DilationW * d.InC
			row3(acc, w, d.WeightZero, in[(y*d.InW+x0)*d.InC:][:2*step+d.InC], step)
			continue
		}
		for kx := range d.KW {
			x := x0 + kx*d.DilationW
			wx := w[kx*outC:][:outC]
			if y < 0 || y >= d.InH || x < 0 || x >= d.InW {
				z := int32(d.InZero)
				for c := range acc {
					acc[c] += z * (int32(wx[c]) - d.WeightZero)
				}
				continue
			}
			d.tap(acc, wx, in[(y*d.InW+x)*d.InC:][:d.InC])
		}
	}
}

// row3 adds three taps of a row at once, so that acc is loaded and stored once
// for all; in holds their pixels step elements apart.
func row3[T Byte](acc []int32, w []T, zero int32, in []T, step int) {
	n := len(acc)
	w0, w1, w2 := w[:n], w[n:][:n], w[2*n:][:n]
	i0, i1, i2 := in[:n], in[step:][:n], in[2*step:][:n]
	for c := range acc {
		acc[c] += int32(i0[c])*(int32(w0[c])-zero) + int32(i1[c])*(int32(w1[c])-zero) + int32(i2[c])*(int32(w2[c])-zero)
	}
}

func (d *Depthwise[T]) tap(acc []int32, w, in []T) {
	zero := d.WeightZero
	if d.Multiplier == 1 {
		in = in[:len(acc)]
		w = w[:len(acc)]
		for c := range acc {
			acc[c] += int32(in[c]) * (int32(w[c]) - zero)
		}
		return
	}
	c := 0
	for _, v := range in {
		for range d.Multiplier {
			acc[c] += int32(v) * (int32(w[c]) - zero)
			c++
		}
	}
}

// words returns the first n int32 of aligned bytes.
func words(b []byte, n int) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(b))), n)
}
