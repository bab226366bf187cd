package graph

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/micro"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// The operators of tflite-micro's signal library (signal/micro/kernels).

const ruleMicro = "tflite-micro"

// signalOp checks the types of inputs and outputs and binds run to them.
//
//go:noinline
func signalOp(name string, in, out []DType, prepare func(n *node, o flexOptions) (func(in, out []*Ref, mem []byte), error)) lowering {
	return lowering{in: [2]int{len(in), len(in)}, maxVersion: 1, many: true, lower: func(n *node) (Step, error) {
		if len(n.n.Out) != len(out) {
			return Step{}, fmt.Errorf("%d outputs", len(n.n.Out))
		}
		for i, d := range in {
			if t := n.in(i); t.DType != d || t.Elements() == 0 {
				return Step{}, unsupported("input of %s%v", t.DType, t.Shape)
			}
		}
		for i, d := range out {
			if t := n.outAt(i); t.DType != d {
				return Step{}, unsupported("output of %s", t.DType)
			}
		}
		o, err := tflite.FlexNumbers(n.n.Custom)
		if err != nil {
			return Step{}, fmt.Errorf("options: %w", err)
		}
		run, err := prepare(n, o)
		if err != nil {
			return Step{}, err
		}
		return n.bindSignal(name, run), nil
	}}
}

func (n *node) bindSignal(name string, run func(in, out []*Ref, mem []byte)) Step {
	var refs []*Ref
	for i := range n.n.In {
		refs = append(refs, n.inRef(i))
	}
	ins := len(refs)
	for i := range n.n.Out {
		refs = append(refs, n.outRefAt(i))
	}
	return Step{Kernel: name, Tier: kernel.TierGeneric, Rule: ruleMicro, Run: func(mem []byte) {
		run(refs[:ins], refs[ins:], mem)
	}}
}

type flexOptions map[string]float64

// int returns an option between lo and hi.
func (o flexOptions) int(key string, lo, hi int) (int, error) {
	v, ok := o[key]
	if !ok || v != math.Trunc(v) || v < float64(lo) || v > float64(hi) {
		return 0, fmt.Errorf("option %s: %v, want %d to %d", key, v, lo, hi)
	}
	return int(v), nil
}

var signals = map[string]lowering{
	"SignalWindow":               signalOp("signal_window", []DType{Int16, Int16}, []DType{Int16}, signalWindow),
	"SignalFftAutoScale":         signalOp("signal_fft_auto_scale", []DType{Int16}, []DType{Int16, Int32}, signalAutoScale),
	"SignalRfft":                 signalOp("signal_rfft", []DType{Int16}, []DType{Int16}, signalRfft),
	"SignalEnergy":               signalOp("signal_energy", []DType{Int16}, []DType{Uint32}, signalEnergy),
	"SignalFilterBank":           signalOp("signal_filter_bank", []DType{Uint32, Int16, Int16, Int16, Int16, Int16}, []DType{Uint64}, signalBank),
	"SignalFilterBankSquareRoot": signalOp("signal_square_root", []DType{Uint64, Int32}, []DType{Uint32}, signalSqrt),
	"SignalFilterBankSpectralSubtraction": signalOp("signal_spectral_subtraction", []DType{Uint32}, []DType{Uint32, Uint32},
		signalDenoise),
	"SignalPCAN":          signalOp("signal_pcan", []DType{Uint32, Uint32, Int16}, []DType{Uint32}, signalPCAN),
	"SignalFilterBankLog": signalOp("signal_log", []DType{Uint32}, []DType{Int16}, signalLog),
}

func (n *node) wantElements(t *Tensor, count int) error {
	if t.Elements() != count {
		return fmt.Errorf("tensor %q: shape %v, want %d elements", t.Name, t.Shape, count)
	}
	return nil
}

func signalWindow(n *node, o flexOptions) (func(in, out []*Ref, mem []byte), error) {
	shift, err := o.int("shift", 0, 31)
	if err != nil {
		return nil, err
	}
	size, total := n.in(1).Elements(), n.in(0).Elements()
	if total%size != 0 {
		return nil, fmt.Errorf("frames of %d in %d samples", size, total)
	}
	return func(in, out []*Ref, mem []byte) {
		dst, src, window := i16(out[0].Bytes(mem)), i16(in[0].Bytes(mem)), i16(in[1].Bytes(mem))
		for at := 0; at < len(src); at += len(window) {
			micro.Window(dst[at:], src[at:], window, uint(shift))
		}
	}, n.wantElements(n.out(), total)
}

func signalAutoScale(n *node, _ flexOptions) (func(in, out []*Ref, mem []byte), error) {
	if err := n.wantElements(n.outAt(1), 1); err != nil {
		return nil, err
	}
	return func(in, out []*Ref, mem []byte) {
		i32(out[1].Bytes(mem))[0] = int32(micro.AutoScale(i16(out[0].Bytes(mem)), i16(in[0].Bytes(mem))))
	}, n.wantElements(n.out(), n.in(0).Elements())
}

// maxSignalFFT bounds the length of a fixed-point transform, whose tables count
// as memory.
const maxSignalFFT = 1 << 14

func signalRfft(n *node, o flexOptions) (func(in, out []*Ref, mem []byte), error) {
	size, err := o.int("fft_length", 8, maxSignalFFT)
	if err != nil {
		return nil, err
	}
	if bits.OnesCount(uint(size)) != 1 {
		return nil, unsupported("transform of %d", size)
	}
	if n.in(0).Elements() > size || n.in(0).Shape[len(n.in(0).Shape)-1] != n.in(0).Elements() {
		return nil, unsupported("input %v", n.in(0).Shape)
	}
	if err := n.b.hold("transform", 16*size); err != nil {
		return nil, err
	}
	tables, work := micro.NewFFT(size), n.scratch(size, 4)
	return func(in, out []*Ref, mem []byte) {
		pairs := viewOf[micro.Complex](work.Bytes(mem))
		clear(pairs)
		copy(viewOf[int16](work.Bytes(mem)), i16(in[0].Bytes(mem)))
		tables.Transform(viewOf[micro.Complex](out[0].Bytes(mem)), pairs[:size/2], pairs[size/2:])
	}, n.wantElements(n.out(), size+2)
}

func signalEnergy(n *node, o flexOptions) (func(in, out []*Ref, mem []byte), error) {
	bins := n.in(0).Elements() / 2
	start, err := o.int("start_index", 0, bins)
	if err != nil {
		return nil, err
	}
	end, err := o.int("end_index", start, bins)
	if err != nil {
		return nil, err
	}
	return func(in, out []*Ref, mem []byte) {
		micro.Energy(viewOf[uint32](out[0].Bytes(mem)), i16(in[0].Bytes(mem)), start, end)
	}, n.wantElements(n.out(), bins)
}

func signalBank(n *node, o flexOptions) (func(in, out []*Ref, mem []byte), error) {
	channels, err := o.int("num_channels", 1, 1<<12)
	if err != nil {
		return nil, err
	}
	var lists [5][]int16
	total := 0
	for i := range lists {
		data, err := n.static(i+1, "table")
		if err != nil {
			return nil, err
		}
		if err := n.b.hold("filter bank", 4*len(data)); err != nil {
			return nil, err
		}
		lists[i] = int16sOf(data)
	}
	b := &micro.Bank{Weights: lists[0], Rest: lists[1]}
	if len(b.Rest) != len(b.Weights) {
		return nil, fmt.Errorf("%d weights and %d complements", len(b.Weights), len(b.Rest))
	}
	energies := n.in(0).Elements()
	for _, l := range lists[2:] {
		if len(l) != channels+1 {
			return nil, fmt.Errorf("%d entries for %d channels", len(l), channels)
		}
	}
	for c := range channels + 1 {
		first, weight, width := int(lists[2][c]), int(lists[3][c]), int(lists[4][c])
		if first < 0 || weight < 0 || width < 0 || first+width > energies || weight+width > len(b.Weights) {
			return nil, fmt.Errorf("channel %d: %d bins from %d, weights from %d", c, width, first, weight)
		}
		b.First, b.Weight, b.Width = append(b.First, first), append(b.Weight, weight), append(b.Width, width)
		total += width
	}
	if err := n.b.mem.Work(n.n.Name, int64(total)); err != nil {
		return nil, err
	}
	return func(in, out []*Ref, mem []byte) {
		b.Run(viewOf[uint64](out[0].Bytes(mem)), viewOf[uint32](in[0].Bytes(mem)))
	}, n.wantElements(n.out(), channels)
}

func signalSqrt(n *node, _ flexOptions) (func(in, out []*Ref, mem []byte), error) {
	if err := n.wantElements(n.in(1), 1); err != nil {
		return nil, err
	}
	return func(in, out []*Ref, mem []byte) {
		shift := uint(i32(in[1].Bytes(mem))[0]) & 31
		dst := viewOf[uint32](out[0].Bytes(mem))
		for i, v := range viewOf[uint64](in[0].Bytes(mem)) {
			dst[i] = micro.Sqrt(v) >> shift
		}
	}, n.wantElements(n.out(), n.in(0).Elements())
}

func signalDenoise(n *node, o flexOptions) (func(in, out []*Ref, mem []byte), error) {
	var v [8]int
	var err error
	for i, key := range []string{"smoothing", "alternate_smoothing", "one_minus_smoothing", "alternate_one_minus_smoothing",
		"min_signal_remaining", "smoothing_bits", "spectral_subtraction_bits", "clamping"} {
		top := math.MaxInt32
		if i == 5 || i == 6 {
			top = 31
		}
		if v[i], err = o.int(key, 0, top); err != nil {
			return nil, err
		}
	}
	d := &micro.Denoise{
		Smoothing: [2]uint32{uint32(v[0]), uint32(v[1])}, OneMinus: [2]uint32{uint32(v[2]), uint32(v[3])},
		Remaining: uint32(v[4]), SmoothBits: uint(v[5]), Bits: uint(v[6]), Clamp: v[7] != 0,
	}
	channels := n.in(0).Elements()
	if err := n.wantElements(n.outAt(1), channels); err != nil {
		return nil, err
	}
	noise := n.b.vars.state(4 * channels)
	return func(in, out []*Ref, mem []byte) {
		estimate := viewOf[uint32](noise.ref.Bytes(mem))
		d.Run(viewOf[uint32](out[0].Bytes(mem)), viewOf[uint32](in[0].Bytes(mem)), estimate)
		copy(viewOf[uint32](out[1].Bytes(mem)), estimate)
	}, n.wantElements(n.out(), channels)
}

func signalPCAN(n *node, o flexOptions) (func(in, out []*Ref, mem []byte), error) {
	shift, err := o.int("snr_shift", 0, 63)
	if err != nil {
		return nil, err
	}
	if err := n.wantElements(n.in(2), micro.GainTable); err != nil {
		return nil, err
	}
	if err := n.wantElements(n.in(1), n.in(0).Elements()); err != nil {
		return nil, err
	}
	return func(in, out []*Ref, mem []byte) {
		noise, gains, dst := viewOf[uint32](in[1].Bytes(mem)), i16(in[2].Bytes(mem)), viewOf[uint32](out[0].Bytes(mem))
		for i, v := range viewOf[uint32](in[0].Bytes(mem)) {
			dst[i] = micro.PCAN(v, noise[i], gains, uint(shift))
		}
	}, n.wantElements(n.out(), n.in(0).Elements())
}

func signalLog(n *node, o flexOptions) (func(in, out []*Ref, mem []byte), error) {
	shift, err := o.int("input_correction_bits", 0, 31)
	if err != nil {
		return nil, err
	}
	scale, err := o.int("output_scale", 0, math.MaxInt16)
	if err != nil {
		return nil, err
	}
	l := micro.NewLog()
	return func(in, out []*Ref, mem []byte) {
		l.Run(i16(out[0].Bytes(mem)), viewOf[uint32](in[0].Bytes(mem)), uint(shift), uint32(scale))
	}, n.wantElements(n.out(), n.in(0).Elements())
}
