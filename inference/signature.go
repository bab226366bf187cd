package inference

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dunlin-edge/dunlin/inference/internal/graph"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// ErrSignature is wrapped by Open's error for a name that no signature has.
var ErrSignature = errors.New("no such signature")

// Signatures returns the names of a model file's entries, for
// [Options].Signature, in the file's order.
func (m *Model) Signatures() []string { return m.signatures }

func signatureNames(f *tflite.Model) []string {
	var names []string
	for i := range f.Signatures {
		names = append(names, f.Signatures[i].Key)
	}
	return names
}

// entryPoint returns the subgraph that a signature names, and the signature: nil for
// the first subgraph.
func entryPoint(f *tflite.Model, name string) (int, *tflite.Signature, error) {
	if name == "" {
		return 0, nil, nil
	}
	for i := range f.Signatures {
		if s := &f.Signatures[i]; s.Key == name {
			return int(s.Subgraph), s, nil
		}
	}
	return 0, nil, fmt.Errorf("%w: %q; the file has %q", ErrSignature, name, strings.Join(signatureNames(f), ", "))
}

// planEntry plans the subgraph that a signature names and gives its inputs and
// outputs the signature's names.
func planEntry(f *tflite.Model, name string, mem *graph.Budget) (*graph.Plan, error) {
	index, s, err := entryPoint(f, name)
	if err != nil {
		return nil, err
	}
	p, err := graph.New(f, index, mem)
	if err == nil && s != nil {
		g := &f.Subgraphs[index]
		rename(p.Inputs, g.Inputs, s.Inputs)
		rename(p.Outputs, g.Outputs, s.Outputs)
	}
	return p, err
}

// rename gives values, which are tensors of a subgraph, the names of a
// signature.
func rename(values []graph.Value, tensors []int32, names []tflite.TensorMap) {
	for i, t := range tensors {
		for _, n := range names {
			if n.Index == uint32(t) {
				values[i].Tensor.Name = n.Name
			}
		}
	}
}
