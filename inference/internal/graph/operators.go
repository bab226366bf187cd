package graph

import (
	"sort"

	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// Operators lists every operator the engine runs, by name, with the types of
// the first input that have a lowering of their own; others may be run too
// where the list is empty.
func Operators() map[string][]DType {
	all := map[string][]DType{}
	for _, o := range lowerings {
		all[o.op.String()] = nil
	}
	for _, op := range []tflite.Op{tflite.IF, tflite.WHILE, tflite.STABLEHLO_COMPOSITE} {
		all[op.String()] = nil
	}
	for _, t := range integers {
		for _, l := range t.lower {
			all[t.op.String()] = append(all[t.op.String()], l.dtype)
		}
	}
	for _, list := range []map[string]lowering{customs, signals} {
		for name := range list {
			all[name] = nil
		}
	}
	for _, types := range all {
		sort.Slice(types, func(i, j int) bool { return types[i] < types[j] })
	}
	return all
}
