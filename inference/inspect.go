package inference

import (
	"errors"

	"github.com/dunlin-edge/dunlin/inference/internal/graph"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// Report describes a model file, whether or not the engine can run it.
type Report struct {
	Description     string
	Signatures      []string // entries, for Options.Signature
	Inputs, Outputs []FileTensor
	Ops             []OpCount // every operator of the file; MACs where it runs
	Problems        []string  // all that is unsupported; empty if it runs
	Footprint       Footprint // zero if it does not run
	Metadata        *Metadata // nil if the file has none
	Digest          [32]byte  // SHA-256 of the file
}

// FileTensor is a tensor as the file describes it.
type FileTensor struct {
	Name       string
	Type       string // as TFLite names it
	Shape      []int
	Scales     []float32 // one, or one per slice of a dimension; none if not quantized
	ZeroPoints []int32
}

// Inspect describes a model file without running it. The error is Open's,
// except that what is unsupported is reported, not returned.
func Inspect(data []byte, o Options) (*Report, error) {
	file, err := tflite.Decode(data)
	if err != nil {
		return nil, err
	}
	index, _, err := entryPoint(file, o.Signature)
	if err != nil {
		return nil, err
	}
	g := &file.Subgraphs[index]
	r := &Report{Signatures: signatureNames(file), Description: file.Description, Inputs: fileTensors(g, g.Inputs), Outputs: fileTensors(g, g.Outputs)}
	m, err := Open(data, o)
	var un *UnsupportedError
	switch {
	case errors.As(err, &un):
		r.Problems = un.Problems
	case err != nil:
		return nil, err
	default:
		r.Footprint, r.Metadata, r.Digest = m.Footprint(), m.Metadata(), m.Digest()
	}
	var names []string
	for _, op := range g.Operators {
		names = append(names, file.Codes[op.Code].Name())
	}
	var steps []graph.Step
	if m != nil {
		steps = m.plan.Steps
	}
	r.Ops = countOps(names, steps)
	return r, nil
}

func fileTensors(g *tflite.Subgraph, idx []int32) []FileTensor {
	list := make([]FileTensor, len(idx))
	for i, t := range idx {
		x := &g.Tensors[t]
		list[i] = FileTensor{Name: x.Name, Type: x.Type.String(), Scales: x.Quant.Scale, ZeroPoints: x.Quant.ZeroPoint}
		for _, d := range x.Shape {
			list[i].Shape = append(list[i].Shape, int(d))
		}
	}
	return list
}

// countOps counts operators by name in order of first use, with the work of
// the steps they became.
func countOps(names []string, steps []graph.Step) []OpCount {
	var ops []OpCount
	at := map[string]int{}
	for _, n := range names {
		i, ok := at[n]
		if !ok {
			i, at[n] = len(ops), len(ops)
			ops = append(ops, OpCount{Op: n})
		}
		ops[i].Count++
	}
	for _, s := range steps {
		ops[at[s.Op]].MACs += s.MACs
	}
	return ops
}
