package graph

import "github.com/dunlin-edge/dunlin/inference/internal/tflite"

// Outside plans an arena for the inputs and outputs of a model that something
// else computes: a plan without steps.
func Outside(inputs, outputs []Tensor) *Plan {
	p := &Plan{}
	place := func(list []Tensor) []Value {
		values := make([]Value, len(list))
		for i := range list {
			values[i] = Value{Tensor: &list[i], Ref: Ref{off: p.ArenaSize, size: list[i].Size()}}
			p.ArenaSize += (list[i].Size() + Align - 1) / Align * Align
		}
		return values
	}
	p.Inputs, p.Outputs = place(inputs), place(outputs)
	return p
}

// Quantized returns the quantization of a whole tensor; a scale of 0 is none.
func Quantized(scale float32, zero int32) tflite.Quantization {
	if scale == 0 {
		return tflite.Quantization{}
	}
	return tflite.Quantization{Scale: []float32{scale}, ZeroPoint: []int32{zero}}
}
