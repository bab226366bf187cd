package graph

import (
	"math"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// TestQuantizedScales: one scale that is a normal number, and a zero point of the type.
func TestQuantizedScales(t *testing.T) {
	for _, c := range []struct {
		scale []float32
		zero  int32
		dtype DType
		want  bool
	}{
		{[]float32{0x1p-126}, 0, Int8, true}, {[]float32{math.MaxFloat32}, -128, Int8, true}, {[]float32{1}, 255, Uint8, true},
		{[]float32{0x1p-127}, 0, Int8, false}, {[]float32{0}, 0, Int8, false}, {[]float32{-1}, 0, Int8, false},
		{nil, 0, Int8, false}, {[]float32{1, 1}, 0, Int8, false},
		{[]float32{1}, 128, Int8, false}, {[]float32{1}, -1, Uint8, false}, {[]float32{1}, 256, Uint8, false},
	} {
		x := &Tensor{DType: c.dtype, Quant: tflite.Quantization{Scale: c.scale}}
		x.Quant.ZeroPoint = append(x.Quant.ZeroPoint, c.zero)
		if err := (&node{}).quantized(x); (err == nil) != c.want {
			t.Errorf("%s, scales %v, zero point %d: %v", c.dtype, c.scale, c.zero, err)
		}
	}
}
