package graph

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// customs lists the custom operators the engine runs.
var customs = map[string]lowering{
	"TFLite_Detection_PostProcess": {in: [2]int{3, 3}, maxVersion: 1, lower: lowerDetect, many: true},
	"PosenetDecoderOp":             {in: [2]int{3, 3}, maxVersion: 1, lower: lowerPosenet, many: true},
	"Convolution2DTransposeBias":   {in: [2]int{3, 3}, maxVersion: 1, lower: lowerTransposeBias},
}

// maxDetections bounds what one run returns.
const maxDetections = 1 << 12

// lowerDetect lowers TFLite_Detection_PostProcess: box encodings, class scores
// and anchors to boxes, classes, scores and their number. Files leave the
// shapes of the outputs out, so the options make them.
func lowerDetect(n *node) (Step, error) {
	if len(n.n.Out) != 4 {
		return Step{}, fmt.Errorf("%d outputs", len(n.n.Out))
	}
	d, err := n.detect()
	if err != nil {
		return Step{}, err
	}
	places := d.Max * d.Each
	for i, shape := range [][]int{{1, places, 4}, {1, places}, {1, places}, {1}} {
		if n.outAt(i).DType != Float32 {
			return Step{}, unsupported("output of %s", n.outAt(i).DType)
		}
		n.outAt(i).Shape = shape
	}
	// One comparison a detection and candidate, one look at every score, and a
	// heap of classes for every detection.
	if err := n.b.mem.Work(n.n.Name, int64(d.Anchors)*int64(d.Max+d.Classes+16)+int64(places)*int64(d.Classes)); err != nil {
		return Step{}, err
	}
	per, err := n.perClass(d)
	if err != nil {
		return Step{}, err
	}
	if per > 0 {
		return n.detectRegular(d, per), nil
	}
	list, tops, order := n.scratch(d.Anchors, 8), n.scratch(d.Anchors, 1), n.scratch(d.Classes-d.First, 4)
	in, out := n.detectValues()
	return Step{
		Kernel: "detect_ssd", Tier: d.Choose(in[1].bytes), Rule: ruleTFLite,
		Run: func(mem []byte) {
			encoding, score, anchor := in[0].in(mem), in[1].in(mem), in[2].in(mem)
			d.Run(detections(mem, out), &encoding, &anchor, &score, viewOf[kernel.Candidate](list.Bytes(mem)), tops.Bytes(mem), viewOf[int32](order.Bytes(mem)))
		},
	}, nil
}

// detectRegular suppresses for each class by itself.
func (n *node) detectRegular(d *kernel.Detect, per int) Step {
	boxes, list, best := n.scratch(d.Anchors, 16), n.scratch(d.Anchors, 16), n.scratch(2*(d.Max+per), 16)
	in, out := n.detectValues()
	return Step{
		Kernel: "detect_ssd_regular", Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) {
			encoding, score, anchor := in[0].in(mem), in[1].in(mem), in[2].in(mem)
			d.RunRegular(detections(mem, out), &encoding, &anchor, &score, viewOf[kernel.Box](boxes.Bytes(mem)),
				viewOf[kernel.Ranked](list.Bytes(mem)), viewOf[kernel.Ranked](best.Bytes(mem)), per)
		},
	}
}

func (n *node) detectValues() (in [3]values, out [4]*Ref) {
	for i := range in {
		in[i] = n.values(i)
	}
	for i := range out {
		out[i] = n.outRefAt(i)
	}
	return in, out
}

func detections(mem []byte, out [4]*Ref) kernel.Detections {
	return kernel.Detections{
		Boxes: viewOf[kernel.Box](out[0].Bytes(mem)), Classes: f32(out[1].Bytes(mem)),
		Scores: f32(out[2].Bytes(mem)), Count: f32(out[3].Bytes(mem)),
	}
}

// perClass returns how many boxes of a class regular suppression keeps, 0 for
// the fast one, and charges its work.
func (n *node) perClass(d *kernel.Detect) (int, error) {
	o, err := tflite.FlexNumbers(n.n.Custom)
	if err != nil || o["use_regular_nms"] == 0 {
		return 0, err
	}
	per, given := o["detections_per_class"]
	if !given {
		per = 100
	}
	if !(per >= 1 && per <= maxDetections && per == math.Trunc(per)) {
		return 0, unsupported("%v detections for a class", per)
	}
	per = min(per, float64(d.Max))
	classes := int64(d.Classes - d.First)
	return int(per), n.b.mem.Work(n.n.Name, classes*int64(d.Anchors)*(int64(per)+16))
}

// detect checks options and shapes.
func (n *node) detect() (*kernel.Detect, error) {
	o, err := tflite.FlexNumbers(n.n.Custom)
	if err != nil {
		return nil, fmt.Errorf("options: %w", err)
	}
	enc, scores, anchors := n.in(0), n.in(1), n.in(2)
	if len(enc.Shape) != 3 || len(scores.Shape) != 3 || len(anchors.Shape) != 2 || enc.Shape[0] != 1 || scores.Shape[0] != 1 ||
		scores.Shape[1] != enc.Shape[1] || anchors.Shape[0] != enc.Shape[1] || enc.Shape[2] < 4 || anchors.Shape[1] != 4 || enc.Shape[1] < 1 {
		return nil, fmt.Errorf("encodings %v, scores %v, anchors %v", enc.Shape, scores.Shape, anchors.Shape)
	}
	for i := range 3 {
		t := n.in(i)
		if t.DType != Float32 && t.DType != Uint8 || t.DType != enc.DType {
			return nil, unsupported("types %s, %s, %s", enc.DType, scores.DType, anchors.DType)
		}
		if t.DType == Uint8 {
			if err := n.quantized(t); err != nil {
				return nil, err
			}
		}
	}
	limit, classes, each := o["max_detections"], o["num_classes"], o["max_classes_per_detection"]
	switch {
	case !(each >= 1 && each <= maxDetections && each == math.Trunc(each)):
		return nil, unsupported("%v classes for a detection", each)
	case !(limit >= 1 && limit <= maxDetections && limit == math.Trunc(limit)):
		return nil, unsupported("%v detections", limit)
	case !(classes >= 1 && classes <= float64(scores.Shape[2]) && classes == math.Trunc(classes)):
		return nil, fmt.Errorf("%v classes of %d scores", classes, scores.Shape[2])
	}
	d := &kernel.Detect{
		Anchors: enc.Shape[1], Coords: enc.Shape[2], Classes: scores.Shape[2], First: scores.Shape[2] - int(classes), Max: int(limit), Each: int(each),
		Score: float32(o["nms_score_threshold"]), IoU: float32(o["nms_iou_threshold"]),
		Scale: kernel.Box{
			Y0: float32(o["y_scale"]), X0: float32(o["x_scale"]), Y1: float32(o["h_scale"]), X1: float32(o["w_scale"]),
		},
	}
	for _, s := range []float32{d.Scale.Y0, d.Scale.X0, d.Scale.Y1, d.Scale.X1} {
		if !positive(s) {
			return nil, fmt.Errorf("scale %g", s)
		}
	}
	if !(d.IoU > 0 && d.IoU <= 1) {
		return nil, fmt.Errorf("overlap threshold %g", d.IoU)
	}
	return d, nil
}

// values is an input of uint8 or float32 to be read as real numbers.
type values struct {
	ref   *Ref
	bytes bool
	scale float32
	zero  int32
}

func (n *node) values(i int) values {
	t := n.in(i)
	return values{n.inRef(i), t.DType == Uint8, t.Scale(), t.Zero()}
}

func (v values) in(mem []byte) kernel.Reals {
	r := kernel.Reals{Scale: v.scale, Zero: v.zero}
	if v.bytes {
		r.Q = v.ref.Bytes(mem)
	} else {
		r.F = f32(v.ref.Bytes(mem))
	}
	return r
}
