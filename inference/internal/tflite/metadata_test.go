package tflite

import (
	"slices"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
)

func TestMetadata(t *testing.T) {
	for _, tt := range []struct {
		file   string
		labels int
		first  string
		name   string
		mean   []float32
	}{
		{"vision/tf2_mobilenet_v2_1.0_224_ptq.tflite", 1001, "background", "ImageClassifier", []float32{127.5}},
		{"audio/yamnet_audio_classifier_with_metadata.tflite", 521, "Speech", "yamnet/classification", nil},
	} {
		data := testmodels.Read(t, tt.file)
		m, err := Decode(data)
		if err != nil {
			t.Fatalf("%s: %v", tt.file, err)
		}
		md, err := m.Metadata(data)
		if err != nil || md == nil {
			t.Fatalf("%s: metadata %v, error %v", tt.file, md, err)
		}
		if len(md.Labels) != tt.labels || md.Labels[0] != tt.first {
			t.Errorf("%s: %d labels, the first %q", tt.file, len(md.Labels), md.Labels[0])
		}
		if md.Name != tt.name || len(md.Inputs) != 1 || !slices.Equal(md.Inputs[0].Mean, tt.mean) {
			t.Errorf("%s: name %q, inputs %+v", tt.file, md.Name, md.Inputs)
		}
	}
}

func TestNoMetadata(t *testing.T) {
	m := &Model{}
	if md, err := m.Metadata(nil); md != nil || err != nil {
		t.Errorf("metadata %v, error %v, want none", md, err)
	}
}

// FuzzMetadata reads the flatbuffer and the appended archive.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte("\x08\x00\x00\x00M001\x04\x00\x04\x00\x04\x00\x00\x00"), []byte("PK"))
	f.Fuzz(func(t *testing.T, meta, file []byte) {
		m := &Model{metadata: []metadataEntry{{"TFLITE_METADATA", 0}}, buffers: [][]byte{meta}}
		if md, err := m.Metadata(file); err != nil && md != nil && md.Labels != nil {
			t.Error("labels beside an error")
		}
	})
}
