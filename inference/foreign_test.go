package inference

import (
	"strings"
	"testing"
)

func TestExportHint(t *testing.T) {
	for _, tt := range []struct{ name, data, want string }{
		{"m.onnx", "", "onnx2tf"},
		{"m", "\x08\x08\x12\x07pytorch", "onnx2tf"},
		{"m.PTH", "", "litert_torch"},
		{"m.bin", "PK\x03\x04\x00\x00\x08\x08\x00\x00archive/data.pkl", "litert_torch"},
		{"m.bin", "\x80\x04\x95\x10", "never run here"},
		{"m.keras", "", "from_keras_model"},
		{"m.tflite", "\x1c\x00\x00\x00TFL3", ""},
		{"m", "", ""},
	} {
		if got := ExportHint(tt.name, []byte(tt.data)); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s %q: %q", tt.name, tt.data, got)
		}
	}
}
