package main

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota/bundle"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// A table of a flatbuffer: enough of the format to find the last layer of a
// model of ours (TensorFlow Lite schema, fields by their number).
type table struct {
	data []byte
	at   int
}

func (t table) word(at int) int { return int(binary.LittleEndian.Uint32(t.data[at:])) }

func (t table) field(n int) (at int, ok bool) {
	v := t.at - int(int32(t.word(t.at)))
	if 4+2*n >= int(binary.LittleEndian.Uint16(t.data[v:])) {
		return 0, false
	}
	o := int(binary.LittleEndian.Uint16(t.data[v+4+2*n:]))
	return t.at + o, o != 0
}

// vector returns where a field's elements stand and how many there are.
func (t table) vector(n int) (at, length int) {
	f, ok := t.field(n)
	if !ok {
		return 0, 0
	}
	at = f + t.word(f)
	return at + 4, t.word(at)
}

func (t table) child(n, i int) table {
	at, _ := t.vector(n)
	at += 4 * i
	return table{t.data, at + t.word(at)}
}

// head returns weights and biases of the last fully connected layer, within
// the model.
func head(t *testing.T, model []byte) (weights, biases []byte) {
	t.Helper()
	const fullyConnected = 9
	m := table{model, int(binary.LittleEndian.Uint32(model))}
	graph := m.child(2, 0)
	buffer := func(op table, input int) []byte {
		at, _ := op.vector(1)
		tensor := graph.child(0, op.word(at+4*input))
		f, _ := tensor.field(2)
		at, n := m.child(4, m.word(f)).vector(0)
		return model[at : at+n]
	}
	_, ops := graph.vector(3)
	for i := ops - 1; i >= 0; i-- {
		op := graph.child(3, i)
		code := 0
		if f, ok := op.field(0); ok {
			code = m.word(f)
		}
		kind := m.child(1, code)
		if f, ok := kind.field(0); ok && kind.data[f] == fullyConnected {
			return buffer(op, 1), buffer(op, 2)
		}
	}
	t.Fatal("no fully connected layer")
	return nil, nil
}

// retrain makes the next version of a bundle of the demo, whose last layer has
// learnt anew: every weight of it is another one, and every bias.
func retrain(t *testing.T, from string) string {
	t.Helper()
	m, files := unpacked(t, from)
	model := files[m.Model.File].Data
	weights, biases := head(t, model)
	rng := rand.New(rand.NewPCG(5, 5))
	for i := range weights {
		weights[i] = byte(int8(rng.IntN(255) - 127))
	}
	for i := 0; i+4 <= len(biases); i += 4 {
		binary.LittleEndian.PutUint32(biases[i:], uint32(int32(rng.IntN(2000)-1000)))
	}
	answer(t, m, model, files)
	m.Version, m.Files = "1.0.1", nil
	to := filepath.Join(t.TempDir(), "retrained.dunlin")
	if _, err := bundle.PackFile(to, m, files); err != nil {
		t.Fatal(err)
	}
	return to
}

// answer computes the golden outputs of a changed model.
func answer(t *testing.T, m *bundle.Manifest, model []byte, files fstest.MapFS) {
	t.Helper()
	opened, err := inference.Open(model, inference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := opened.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range m.Golden {
		s.Reset()
		for k, name := range g.Input {
			copy(s.Input(k).Bytes(), files[name].Data)
		}
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for k, name := range g.Output {
			files[name].Data = append([]byte(nil), s.Output(k).Bytes()...)
		}
	}
}

// TestDeltaOfRetrainedHead: a model of the demo whose last layer was trained
// anew reaches devices in at most a tenth of its bundle's bytes.
func TestDeltaOfRetrainedHead(t *testing.T) {
	for _, name := range []string{"machine", "digits"} {
		o := newOffice(t)
		first := filepath.Join(demoBundles, name+"-1.0.0.dunlin")
		o.must("publish", first, "--keys", o.keys)
		next := retrain(t, first)
		repo, err := release.Open(filepath.Join(o.dir, "repository"), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		deltas, err := repo.Deltas(release.Artifact{Path: "models/" + name + "/1.0.1.dunlin", File: next,
			Custom: trust.Custom{Kind: "bundle", Name: name, Version: "1.0.1"}}, t.TempDir())
		if err != nil || len(deltas) != 1 {
			t.Fatal(deltas, err)
		}
		part, whole := size(t, deltas[0].File), size(t, next)
		t.Logf("%s: a delta of %d bytes for a bundle of %d, %.1f %%", name, part, whole, 100*float64(part)/float64(whole))
		if part*10 > whole {
			t.Errorf("%s: more than a tenth", name)
		}
		if out := o.must("publish", next, "--keys", o.keys); out == "" {
			t.Error("nothing was told")
		}
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}
