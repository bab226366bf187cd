package pipeline

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
	"github.com/dunlin-edge/dunlin/inference/vision"
)

// TestDetectorFindsBoxes runs a detector on a photograph: its boxes come in parts
// of the picture, and labels score as their best box.
func TestDetectorFindsBoxes(t *testing.T) {
	m := openReal(t, "vision/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite")
	labels := strings.Split(strings.TrimSpace(string(testmodels.Read(t, "inputs/coco_labels.txt"))), "\n")
	s, _, err := Guess(m, labels)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(m, s)
	if err != nil {
		t.Fatal(err)
	}
	r := classify(t, p, "inputs/cats_and_dogs.jpg")
	best := map[string]vision.Box{}
	for _, b := range r.Boxes {
		if label := labels[b.Class]; b.Score > best[label].Score {
			best[label] = b
		}
	}
	cat, dog := best["cat"], best["dog"]
	if r.Label != "cat" || r.Score != cat.Score || dog.Score < 0.4 {
		t.Errorf("%s %.3f; boxes %v", r.Label, r.Score, r.Boxes)
	}
	if cat.X1 > 0.4 || cat.Y0 < 0.6 || dog.X0 < 0.3 || dog.X1 > 0.6 {
		t.Errorf("cat at %v, dog at %v", cat, dog)
	}
}

// TestDetectionsOfSeveralClasses asks a detector for three classes each: all its
// boxes stay, and further classes of them join.
func TestDetectionsOfSeveralClasses(t *testing.T) {
	data := testmodels.Read(t, "vision/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite")
	labels := strings.Split(strings.TrimSpace(string(testmodels.Read(t, "inputs/coco_labels.txt"))), "\n")
	found := func(m *inference.Model) []vision.Box {
		s, _, err := Guess(m, labels)
		if err != nil {
			t.Fatal(err)
		}
		s.Postprocess[0].Score = 0.01
		p, err := New(m, s)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(classify(t, p, "inputs/cats_and_dogs.jpg").Boxes)
	}
	one, err := inference.Open(data, inference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var three *inference.Model
	at := bytes.Index(data, []byte("max_classes_per_detection"))
	for i := at; three == nil && i < at+400; i++ {
		if data[i] != 1 {
			continue
		}
		changed := bytes.Clone(data)
		changed[i] = 3
		if m, err := inference.Open(changed, inference.Options{}); err == nil && m.Outputs()[1].Shape[1] == 3*one.Outputs()[1].Shape[1] {
			three = m
		}
	}
	if three == nil {
		t.Fatal("the option is not where it was")
	}
	want, got := found(one), found(three)
	for _, b := range want {
		if !slices.Contains(got, b) {
			t.Errorf("%v is missing", b)
		}
	}
	if len(want) < 10 || len(got) <= len(want) {
		t.Errorf("%d boxes, %d with three classes each", len(want), len(got))
	}
}

func TestBoxesWantADetector(t *testing.T) {
	for spec, want := range map[string]string{
		`{"op":"boxes","kind":"yolov8"}`:           "no boxes",
		`{"op":"boxes","kind":"yolo"}`:             "yolov",
		`{"op":"boxes"}`:                           "kind: missing",
		`{"op":"boxes","kind":"yolov5","score":2}`: "score 2",
		`{"op":"boxes","kind":"yolov5","max":-1}`:  "max: -1",
	} {
		s, err := ParseSpec([]byte(`{"source":{"kind":"tensor"},"postprocess":[` + spec + `],"labels":["a"]}`))
		if err == nil {
			_, err = New(copier(t, "float4"), s)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", spec, err, want)
		}
	}
}
