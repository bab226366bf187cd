//go:build !tensorflow || !cgo

package tensorflow

import (
	"errors"

	"github.com/dunlin-edge/dunlin/inference"
)

// Open tells that this build has no libtensorflow.
func Open(dir, signature string) (*inference.Model, error) {
	return nil, errors.New("SavedModel: this build has no libtensorflow; build with -tags tensorflow and cgo, or convert it: tf.lite.TFLiteConverter.from_saved_model(DIR).convert()")
}
