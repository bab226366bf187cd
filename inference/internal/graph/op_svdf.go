package graph

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// Inputs of SVDF.
const (
	svdfFeature = 1
	svdfTime    = 2
	svdfBias    = 3
	svdfState   = 4
)

func lowerSVDF(n *node) (Step, error) {
	in, out, feature, time, state := n.in(0), n.out(), n.in(svdfFeature), n.in(svdfTime), n.in(svdfState)
	if feature == nil || time == nil || state == nil || !state.Variable {
		return Step{}, fmt.Errorf("weights or state are missing")
	}
	rank := int(n.n.Opt.Int32(0, 0))
	if len(in.Shape) != 2 || len(out.Shape) != 2 || len(feature.Shape) != 2 || len(time.Shape) != 2 || rank < 1 {
		return Step{}, fmt.Errorf("input %v, weights %v and %v, rank %d", in.Shape, feature.Shape, time.Shape, rank)
	}
	s := kernel.SVDFShape{Batch: in.Shape[0], Input: in.Shape[1], Units: out.Shape[1], Rank: rank, Memory: time.Shape[1]}
	filters := feature.Shape[0]
	if filters%rank != 0 || filters/rank != s.Units || feature.Shape[1] != s.Input || time.Shape[0] != filters || out.Shape[0] != s.Batch ||
		int64(state.Elements()) != int64(s.Batch)*int64(filters)*int64(s.Memory) {
		return Step{}, fmt.Errorf("input %v, weights %v and %v, state %v, output %v", in.Shape, feature.Shape, time.Shape, state.Shape, out.Shape)
	}
	if b := n.in(svdfBias); b != nil && b.Elements() != s.Units {
		return Step{}, fmt.Errorf("bias %v of %d units", b.Shape, s.Units)
	}
	if in.DType == Int8 {
		return n.svdf8(s)
	}
	return n.svdfF32(s)
}

func svdfMACs(s kernel.SVDFShape) int64 {
	return int64(s.Batch) * int64(s.Units*s.Rank) * int64(s.Input+s.Memory)
}

// svdf8 lowers the layer of int8, of which LiteRT has ReLU alone.
func (n *node) svdf8(shape kernel.SVDFShape) (Step, error) {
	in, out, feature, time, state := n.in(0), n.out(), n.in(svdfFeature), n.in(svdfTime), n.in(svdfState)
	if out.DType != Int8 || feature.DType != Int8 || time.DType != Int16 || state.DType != Int16 || n.n.Opt.Byte(1, 0) != actRelu {
		return Step{}, unsupported("types %s with %s and %s weights, state %s, activation %d", n.types(), feature.DType, time.DType, state.DType, n.n.Opt.Byte(1, 0))
	}
	if err := n.quantized(in, out, feature, time, state); err != nil {
		return Step{}, err
	}
	if feature.Zero() != 0 || time.Zero() != 0 || state.Zero() != 0 {
		return Step{}, unsupported("weights or state with a zero point")
	}
	w, err := n.static(svdfFeature, "weights")
	if err != nil {
		return Step{}, err
	}
	t, err := n.static(svdfTime, "weights")
	if err != nil {
		return Step{}, err
	}
	if err := n.b.hold("weights", len(w)+len(t)+4*shape.Units); err != nil {
		return Step{}, err
	}
	s := &kernel.SVDF8{SVDFShape: shape, Feature: slices.Clone(viewOf[int8](w)), Time: int16sOf(t), InZero: in.Zero(), Clamp: n.wholeRange()}
	if n.in(svdfBias) != nil {
		if s.Bias, err = n.staticInt32s(svdfBias, "bias"); err != nil {
			return Step{}, err
		}
	}
	if s.State, err = factor(float64(float32(in.Scale()*feature.Scale())/state.Scale()), 15); err != nil {
		return Step{}, err
	}
	if s.Out, err = factor(float64(float32(state.Scale()*time.Scale())/out.Scale()), 15); err != nil {
		return Step{}, err
	}
	src, dst, memory := n.inRef(0), n.outRef(), n.inRef(svdfState)
	return Step{
		Kernel: "svdf_qs8", Tier: kernel.TierGeneric, Rule: ruleTFLite, MACs: svdfMACs(shape),
		Run: func(mem []byte) { s.Run(i8(dst.Bytes(mem)), i8(src.Bytes(mem)), i16(memory.Bytes(mem))) },
	}, nil
}

func (n *node) svdfF32(shape kernel.SVDFShape) (Step, error) {
	if err := n.floats(n.in(0), n.out(), n.in(svdfState)); err != nil {
		return Step{}, err
	}
	s := &kernel.SVDFF32{SVDFShape: shape}
	var err error
	if s.Feature, err = n.staticFloats(svdfFeature, "weights"); err != nil {
		return Step{}, err
	}
	if s.Time, err = n.staticFloats(svdfTime, "weights"); err != nil {
		return Step{}, err
	}
	if n.in(svdfBias) != nil {
		if s.Bias, err = n.staticFloats(svdfBias, "bias"); err != nil {
			return Step{}, err
		}
	}
	if s.Range, err = rangeF32(n.n.Opt.Byte(1, 0)); err != nil {
		return Step{}, err
	}
	src, dst, memory := n.inRef(0), n.outRef(), n.inRef(svdfState)
	return Step{
		Kernel: "svdf_f32", Tier: kernel.TierGeneric, Rule: ruleFloat, MACs: svdfMACs(shape),
		Run: func(mem []byte) { s.Run(f32(dst.Bytes(mem)), f32(src.Bytes(mem)), f32(memory.Bytes(mem))) },
	}, nil
}
