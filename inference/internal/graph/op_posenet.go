package graph

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// lowerPosenet lowers Coral's PosenetDecoderOp: part scores, short and edge
// offsets to places, part scores, pose scores and their number. Files leave the
// shapes of the outputs out, so the options make them.
func lowerPosenet(n *node) (Step, error) {
	if len(n.n.Out) != 4 {
		return Step{}, unsupported("%d outputs: masks of people", len(n.n.Out))
	}
	p, err := n.poses()
	if err != nil {
		return Step{}, err
	}
	for i, shape := range [][]int{{1, p.Max, kernel.PoseParts, 2}, {1, p.Max, kernel.PoseParts}, {1, p.Max}, {1}} {
		if n.outAt(i).DType != Float32 {
			return Step{}, unsupported("output of %s", n.outAt(i).DType)
		}
		n.outAt(i).Shape, n.outAt(i).Unknown = shape, false
	}
	cells := p.H * p.W
	if err := n.b.mem.Work(n.n.Name, int64(cells)*kernel.PoseParts*int64(16+p.Max)+int64(p.Max)*int64(p.Max+4096)); err != nil {
		return Step{}, err
	}
	var maps [3]posenetMap
	for i, scale := range []float32{1, 1 / float32(p.Stride), 1 / float32(p.Stride)} {
		maps[i] = posenetMap{n.values(i), n.scratch(n.in(i).Elements(), 4), scale}
		maps[i].from.scale *= scale
	}
	parts, poses := n.scratch(cells*kernel.PoseParts, 16), n.scratch(p.Max, kernel.PoseParts*16+4)
	var out [4]*Ref
	for i := range out {
		out[i] = n.outRefAt(i)
	}
	return Step{
		Kernel: "posenet_decoder", Tier: kernel.TierGeneric, Rule: ruleFloat,
		Run: func(mem []byte) {
			p.Run(kernel.Found{
				Places: f32(out[0].Bytes(mem)), PartScores: f32(out[1].Bytes(mem)), Scores: f32(out[2].Bytes(mem)), Count: f32(out[3].Bytes(mem)),
			}, kernel.PoseMaps{Scores: maps[0].in(mem), Short: maps[1].in(mem), Mid: maps[2].in(mem)},
				viewOf[kernel.Part](parts.Bytes(mem)), viewOf[kernel.Pose](poses.Bytes(mem)))
		},
	}, nil
}

// posenetMap is an input and its real values.
type posenetMap struct {
	from  values
	to    *Ref
	scale float32 // of floats; that of bytes is in from
}

func (m *posenetMap) in(mem []byte) []float32 {
	to, from := f32(m.to.Bytes(mem)), m.from.in(mem)
	for i := range to {
		if to[i] = from.At(i); !m.from.bytes {
			to[i] *= m.scale
		}
	}
	return to
}

// poses checks options and shapes.
func (n *node) poses() (*kernel.Poses, error) {
	o, err := tflite.FlexNumbers(n.n.Custom)
	if err != nil {
		return nil, fmt.Errorf("options: %w", err)
	}
	scores := n.in(0).Shape
	for i, depth := range []int{kernel.PoseParts, 2 * kernel.PoseParts, 4 * kernel.PoseEdges} {
		t := n.in(i)
		if len(t.Shape) != 4 || t.Shape[0] != 1 || len(scores) != 4 || t.Shape[1] != scores[1] || t.Shape[2] != scores[2] || t.Shape[3] != depth {
			return nil, fmt.Errorf("shape %v of input %d, scores %v", t.Shape, i, scores)
		}
		if t.DType != Float32 && t.DType != Uint8 {
			return nil, unsupported("input of %s", t.DType)
		}
		if t.DType == Uint8 {
			if err := n.quantized(t); err != nil {
				return nil, err
			}
		}
	}
	limit, stride, threshold, radius := o["max_detections"], o["stride"], float32(o["score_threshold"]), float32(o["nms_radius"])
	if !(limit >= 1 && limit <= maxDetections && limit == math.Trunc(limit)) || !(stride >= 1 && stride <= 1<<16 && stride == math.Trunc(stride)) {
		return nil, unsupported("%v poses, a stride of %v", limit, stride)
	}
	if !(threshold >= 0 && threshold < 1) || !(radius >= 0 && radius < 1<<20) {
		return nil, fmt.Errorf("score threshold %g, radius %g", threshold, radius)
	}
	return &kernel.Poses{H: scores[1], W: scores[2], Max: int(limit), Stride: int(stride), Threshold: threshold, Radius: radius}, nil
}
