package inference

import (
	"bytes"
	"path/filepath"
	"strings"
)

// foreignFormats are the formats that people bring, and how to export them. Nothing of them is
// ever read further: a pickle runs what its author wrote.
var foreignFormats = []struct {
	name, exts string
	magic      func([]byte) bool
	export     string
}{
	{"PyTorch", ".pt .pth .mar .ptl", func(b []byte) bool {
		return starts(b, "PK\x03\x04") && bytes.Contains(b[:min(len(b), 256)], []byte("data.pkl"))
	},
		`export it in Python: litert_torch.convert(model.eval(), sample_inputs).export("model.tflite")  (pip install litert-torch)`},
	{"pickle", ".pkl .pickle .joblib", func(b []byte) bool { return len(b) > 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5 },
		`a pickle is a program, and is never run here; retrain or convert it to Keras, then tf.lite.TFLiteConverter.from_keras_model(model).convert()`},
	{"ONNX", ".onnx", func(b []byte) bool { return len(b) > 3 && b[0] == 0x08 && b[1] < 0x20 && b[2] == 0x12 && b[1] > 2 },
		`convert it: onnx2tf -i model.onnx -oiqt  (pip install onnx2tf)`},
	{"Keras", ".h5 .keras", func(b []byte) bool { return starts(b, "\x89HDF\r\n\x1a\n") },
		`convert it in Python: tf.lite.TFLiteConverter.from_keras_model(keras.models.load_model("model.keras")).convert()`},
	{"SavedModel", ".pb", func([]byte) bool { return false },
		`convert its folder in Python: tf.lite.TFLiteConverter.from_saved_model("DIR").convert()`},
	{"TensorRT", ".engine .plan", func(b []byte) bool { return starts(b, "ptrt") || starts(b, "ftrt") },
		`serve it with Triton beside the agent, and name that server in the pipeline's oip:`},
}

func starts(b []byte, s string) bool { return bytes.HasPrefix(b, []byte(s)) }

// ExportHint tells how a model in a format that this engine does not read gets
// into one that it does, by the file's ending or its first bytes; "" for what it
// does not know. Nothing of the file is decoded.
func ExportHint(name string, data []byte) string {
	ext := strings.ToLower(filepath.Ext(name))
	for _, f := range foreignFormats {
		if f.magic(data) || ext != "" && strings.Contains(" "+f.exts+" ", " "+ext+" ") {
			return "a " + f.name + " model is not read: " + f.export
		}
	}
	return ""
}
