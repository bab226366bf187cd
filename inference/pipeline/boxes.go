package pipeline

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/vision"
)

// maxBoxes bounds the boxes of one picture.
const maxBoxes = 1 << 10

// Layouts of a detector's outputs.
const (
	layoutYOLOv8 = "yolov8"     // [4+classes, places]
	layoutYOLOv5 = "yolov5"     // [places, 5+classes]
	layoutBoxes  = "detections" // boxes, classes, scores and their number: TFLite_Detection_PostProcess
)

func layouts() []string { return []string{layoutYOLOv8, layoutYOLOv5, layoutBoxes} }

// boxes turns a detector's outputs into boxes and a score for each label: that
// of its best box.
type boxes struct {
	layout  string
	yolo    vision.YOLO
	session *inference.Session
	scaler  *vision.Scaler
	values  [3][]float32 // classes, scores, number
}

// newBoxes binds the stage to a model's outputs and to the way pictures came in.
func newBoxes(st *Stage, labels int, session *inference.Session, sc *scaler) (*boxes, error) {
	b := &boxes{layout: st.Kind, session: session}
	if sc == nil {
		return nil, fmt.Errorf("a source of another kind than image has no boxes")
	}
	b.scaler = sc.Scaler
	limits := vision.Limits{Score: float32(st.Score), IoU: float32(st.IoU), Max: st.Max}
	b.yolo = vision.YOLO{Classes: labels, Size: float32(st.Size), Limits: limits}
	n, row := session.Output(0).Elements(), 4+labels
	switch st.Kind {
	case layoutYOLOv5:
		b.yolo.Version, row = vision.YOLOv5, row+1
	case layoutBoxes:
		return b, b.checkDetections()
	}
	if labels == 0 || n%row != 0 {
		return nil, fmt.Errorf("output %v is not a multiple of %d values, for %d labels", session.Output(0).Shape, row, labels)
	}
	return b, nil
}

func (b *boxes) checkDetections() error {
	s := b.session
	if s.Outputs() != 4 {
		return fmt.Errorf("the model has %d outputs, want boxes, classes, scores and their number", s.Outputs())
	}
	n := s.Output(1).Elements()
	if s.Output(0).Elements() != 4*n || s.Output(2).Elements() != n || s.Output(3).Elements() != 1 {
		return fmt.Errorf("outputs %v, %v, %v and %v", s.Output(0).Shape, s.Output(1).Shape, s.Output(2).Shape, s.Output(3).Shape)
	}
	return nil
}

// run appends the boxes in the model's outputs to dst[:0] in parts of the
// picture; first is output 0.
func (b *boxes) run(dst []vision.Box, first []float32) ([]vision.Box, error) {
	var err error
	if b.layout == layoutBoxes {
		dst = b.detections(dst[:0], first)
	} else if dst, err = b.yolo.Boxes(dst, first); err != nil {
		return dst, err
	}
	for i := range dst {
		dst[i] = b.scaler.Restore(dst[i])
	}
	return dst, nil
}

// detections appends the boxes of a model's own suppression. A detection may have
// several places after each other, for its best classes: one box, which is how
// the model's number of them is counted.
func (b *boxes) detections(dst []vision.Box, places []float32) []vision.Box {
	for i := range b.values {
		b.values[i] = b.session.Output(1 + i).AppendFloats(b.values[i][:0])
	}
	limits := b.yolo.Limits
	least, most := orDefault(limits.Score, 0.25), orDefault(limits.Max, 100)
	left := int(b.values[2][0])
	for i, score := range b.values[1] {
		class, p := int(b.values[0][i]), places[4*i:][:4]
		if i == 0 || !slices.Equal(p, places[4*i-4:][:4]) {
			left--
		}
		if left < 0 || len(dst) == most || class < 0 || class >= b.yolo.Classes {
			continue
		}
		if score >= least {
			dst = append(dst, vision.Box{Y0: p[0], X0: p[1], Y1: p[2], X1: p[3], Class: class, Score: score})
		}
	}
	return dst
}

// scores writes the score of each label.
func (b *boxes) scores(dst []float32, found []vision.Box) []float32 {
	dst = dst[:0]
	for range b.yolo.Classes {
		dst = append(dst, 0)
	}
	for _, f := range found {
		dst[f.Class] = max(dst[f.Class], f.Score)
	}
	return dst
}

func (st *Stage) validateBoxes() error {
	switch {
	case st.Kind == "":
		return fmt.Errorf("kind: missing, want one of %v", layouts())
	case !oneOf(st.Kind, layouts()):
		return at("kind", fmt.Errorf("%q: %w", st.Kind, unknown("kind", st.Kind, layouts())))
	case !(st.Score >= 0 && st.Score <= 1) || !(st.IoU >= 0 && st.IoU <= 1):
		return fmt.Errorf("score %g and iou %g, want 0 to 1", st.Score, st.IoU)
	case st.Max < 0 || st.Max > maxBoxes:
		return fmt.Errorf("max: %d, want at most %d", st.Max, maxBoxes)
	case !(st.Size >= 0 && st.Size <= 1<<15):
		return fmt.Errorf("size: %g pixels", st.Size)
	}
	return nil
}

func oneOf(word string, list []string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}
