//go:build tensorflow && cgo

package tensorflow

// The functions that strings.c stands in for are in no libtensorflow since 2.4.

import "C"

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"

	"github.com/dunlin-edge/dunlin/inference"
)

// maxFile bounds a saved_model.pb in bytes.
const maxFile = 1 << 30

// growth is a ConfigProto of gpu_options.allow_growth: true.
var growth = []byte{0x32, 2, 0x20, 1}

// Open loads a SavedModel from its folder. signature "" is [ServingDefault].
func Open(dir, signature string) (*inference.Model, error) {
	if signature == "" {
		signature = ServingDefault
	}
	sum, pb, err := read(dir)
	if err != nil {
		return nil, fmt.Errorf("SavedModel %s: %w", dir, err)
	}
	s, err := parseSignature(pb, signature)
	if err != nil {
		return nil, fmt.Errorf("SavedModel %s: %w", dir, err)
	}
	in, err := infos(s.inputs)
	if err != nil {
		return nil, fmt.Errorf("SavedModel %s: inputs: %w", dir, err)
	}
	out, err := infos(s.outputs)
	if err != nil {
		return nil, fmt.Errorf("SavedModel %s: outputs: %w", dir, err)
	}
	loaded, err := tf.LoadSavedModel(dir, []string{"serve"}, &tf.SessionOptions{Config: growth})
	if err != nil {
		return nil, fmt.Errorf("SavedModel %s: %w", dir, err)
	}
	b := &backend{model: loaded}
	if b.feeds, err = outputs(loaded.Graph, s.inputs); err == nil {
		b.fetches, err = outputs(loaded.Graph, s.outputs)
	}
	if err != nil {
		return nil, fmt.Errorf("SavedModel %s: %w", dir, err)
	}
	return inference.OpenBackend(b, in, out, sum)
}

// read returns the digest of all of a SavedModel and its graph.
func read(dir string) (sum [32]byte, pb []byte, err error) {
	f, err := os.Open(filepath.Join(dir, "saved_model.pb"))
	if err != nil {
		return sum, nil, err
	}
	defer f.Close()
	if pb, err = io.ReadAll(io.LimitReader(f, maxFile+1)); err != nil {
		return sum, nil, err
	}
	if len(pb) > maxFile {
		return sum, nil, fmt.Errorf("saved_model.pb: more than %d bytes", maxFile)
	}
	h := sha256.New()
	h.Write(pb)
	err = filepath.WalkDir(filepath.Join(dir, "variables"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		v, err := os.Open(path)
		if err != nil {
			return err
		}
		defer v.Close()
		_, err = io.Copy(h, v)
		return err
	})
	return [32]byte(h.Sum(nil)), pb, err
}

func outputs(g *tf.Graph, list []tensor) ([]tf.Output, error) {
	all := make([]tf.Output, len(list))
	for i, t := range list {
		op := g.Operation(t.op)
		if op == nil || t.index >= op.NumOutputs() {
			return nil, fmt.Errorf("tensor %q: the graph has no %s:%d", t.key, t.op, t.index)
		}
		all[i] = op.Output(t.index)
	}
	return all, nil
}

// A backend runs a SavedModel; TensorFlow's sessions may be shared.
type backend struct {
	model          *tf.SavedModel
	feeds, fetches []tf.Output
}

// NewRunner implements inference.Backend.
func (b *backend) NewRunner() (inference.Runner, error) { return &runner{b}, nil }

type runner struct{ *backend }

// Reset implements inference.Runner: variables belong to all sessions together.
func (r *runner) Reset() error { return nil }

// Run implements inference.Runner. TensorFlow cannot be interrupted: ctx is looked
// at before.
func (r *runner) Run(ctx context.Context, in, out []*inference.Tensor) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	feeds := make(map[tf.Output]*tf.Tensor, len(in))
	for i, t := range in {
		x, err := tf.ReadTensor(r.feeds[i].DataType(), shape64(t.Shape), bytes.NewReader(t.Bytes()))
		if err != nil {
			return fmt.Errorf("input %q: %w", t.Name, err)
		}
		feeds[r.feeds[i]] = x
	}
	got, err := r.model.Session.Run(feeds, r.fetches, nil)
	if err != nil {
		return fmt.Errorf("TensorFlow: %w", err)
	}
	for i, t := range out {
		data := bytes.NewBuffer(t.Bytes()[:0])
		if err := fitting(t, got[i]); err != nil {
			return err
		}
		if _, err := got[i].WriteContentsTo(data); err != nil {
			return fmt.Errorf("output %q: %w", t.Name, err)
		}
	}
	return nil
}

// fitting refuses an output of another shape than was exported.
func fitting(t *inference.Tensor, got *tf.Tensor) error {
	want, have := shape64(t.Shape), got.Shape()
	same := len(want) == len(have)
	for i := 0; same && i < len(want); i++ {
		same = want[i] == have[i]
	}
	if !same {
		return fmt.Errorf("output %q: TensorFlow gave shape %v, the signature says %v", t.Name, have, want)
	}
	return nil
}

func shape64(shape []int) []int64 {
	all := make([]int64, len(shape))
	for i, n := range shape {
		all[i] = int64(n)
	}
	return all
}
