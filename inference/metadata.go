package inference

import (
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// Metadata is what a model file says about itself (TFLite metadata schema,
// tensorflow.org/lite/models/convert/metadata).
type Metadata = tflite.Metadata

// InputMeta tells how an input's values were normalized for training:
// (x - Mean) / Std, per channel or for all.
type InputMeta = tflite.InputMeta

func readMetadata(m *tflite.Model, file []byte) (*Metadata, error) { return m.Metadata(file) }
