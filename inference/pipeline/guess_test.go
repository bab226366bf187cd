package pipeline

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

func TestGuessByShape(t *testing.T) {
	for model, want := range map[string]struct{ kind, ops, note string }{
		"float4":  {KindTensor, "", "rows of 4"},
		"float64": {KindTensor, "", "rows of 64"},
		"micro":   {KindAudio, "micro_frontend", "micro_speech"},
		"micro8":  {KindAudio, "micro_frontend", "micro_speech"},
		"mfcc":    {KindAudio, "divide_by_max mfcc", "keyword spotting"},
		"lfbe":    {KindAudio, "lfbe", "wake word"},
	} {
		s, note, err := Guess(copier(t, model), nil)
		if err != nil {
			t.Errorf("%s: %v", model, err)
			continue
		}
		var ops []string
		for _, st := range s.Preprocess {
			ops = append(ops, st.Op)
		}
		if s.Source.Kind != want.kind || strings.Join(ops, " ") != want.ops || !strings.Contains(note, want.note) {
			t.Errorf("%s: %+v %q, want %+v", model, s, note, want)
		}
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseSpec(raw); err != nil {
			t.Errorf("%s: %s: %v", model, raw, err)
		}
	}
}

func TestGuessTakesLabels(t *testing.T) {
	s, _, err := Guess(copier(t, "float4"), []string{"a", "b", "c", "d"})
	if err != nil || len(s.Labels) != 4 || s.Labels[1] != "b" {
		t.Errorf("%+v %v", s, err)
	}
	if _, _, err = Guess(copier(t, "float4"), []string{"a"}); err == nil || !strings.Contains(err.Error(), "1 labels for 4 scores") {
		t.Errorf("%v, want both numbers", err)
	}
}

// Whatever the pixels, the guess for an 8-bit input hands them over unchanged.
func TestGuessedPixelsEnterUnchanged(t *testing.T) {
	for _, model := range []string{"tflite-micro/person_detect.tflite", "mlperf-tiny/vww_96_int8.tflite", "mlperf-tiny/pretrainedResnet_quant.tflite", "vision/tf2_mobilenet_v2_1.0_224_ptq.tflite"} {
		p := guessed(t, openReal(t, model), nil)
		shape := p.input.Shape
		img := gradient(shape[2], shape[1], shape[3])
		var r Result
		if err := p.Image(context.Background(), img, &r); err != nil {
			t.Fatal(err)
		}
		low := 0
		if strings.Contains(p.input.DType.String(), "int8") && p.input.DType.String() != "uint8" {
			low = 128
		}
		for i, q := range p.input.Bytes() {
			if want := byte(int(img.Pix[i]) - low); q != want {
				t.Fatalf("%s: pixel %d of %d entered as %d, want %d", model, i, img.Pix[i], q, want)
			}
		}
	}
}
