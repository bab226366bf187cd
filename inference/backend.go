package inference

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/dunlin-edge/dunlin/inference/internal/graph"
)

// A Backend computes a model that this engine does not: on an accelerator, in
// another process, with another runtime. It is safe for concurrent use.
type Backend interface {
	// NewRunner makes what one session runs with.
	NewRunner() (Runner, error)
}

// A Runner computes outputs from inputs, in memory that it does not keep. It
// serves one goroutine. Where it has nothing to say about an output's bytes, it
// returns an error.
type Runner interface {
	Run(ctx context.Context, in, out []*Tensor) error
	// Reset forgets what was remembered from run to run.
	Reset() error
}

// OpenBackend makes a model of a backend, whose tensors are described by its
// maker. Everything that takes a Model takes it; whether its bytes are the same
// elsewhere is up to the backend.
func OpenBackend(b Backend, inputs, outputs []TensorInfo, digest [32]byte) (*Model, error) {
	in, err := outside(inputs)
	if err != nil {
		return nil, fmt.Errorf("input %w", err)
	}
	out, err := outside(outputs)
	if err != nil {
		return nil, fmt.Errorf("output %w", err)
	}
	return &Model{plan: graph.Outside(in, out), digest: digest, threads: 1, backend: b}, nil
}

// maxOutside bounds a tensor of a backend in bytes.
const maxOutside = 1 << 28

func outside(list []TensorInfo) ([]graph.Tensor, error) {
	tensors := make([]graph.Tensor, len(list))
	for i, t := range list {
		size := uint64(t.DType.Size())
		for _, d := range t.Shape {
			var over uint64
			if over, size = bits.Mul64(size, uint64(d)); d < 0 || over > 0 || size > maxOutside {
				return nil, fmt.Errorf("%q: shape %v, at most %d bytes", t.Name, t.Shape, maxOutside)
			}
		}
		if t.DType.Size() == 0 {
			return nil, fmt.Errorf("%q: no element type", t.Name)
		}
		tensors[i] = graph.Tensor{Name: t.Name, DType: t.DType, Shape: append([]int(nil), t.Shape...), Quant: graph.Quantized(t.Scale, t.ZeroPoint)}
	}
	return tensors, nil
}
