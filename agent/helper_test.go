package agent

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// The demo's bundles: condition of a machine, handwritten digits.
const (
	machineBundle = "machine-1.0.0.dunlin"
	digitsBundle  = "digits-1.0.0.dunlin"
)

// demo returns the path of one of the demo's files.
func demo(name string) string {
	return filepath.Join("..", "cmd", "dunlin", "demo", "bundles", name)
}

// demoParts are a demo bundle's pipeline, its model and its first golden sample.
func demoParts(t testing.TB, name string) (spec json.RawMessage, model []byte, in, out [][]byte) {
	t.Helper()
	b, err := bundle.Open(demo(name))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if model, err = b.Model(); err != nil {
		t.Fatal(err)
	}
	if in, out, err = b.Golden(0); err != nil {
		t.Fatal(err)
	}
	return b.Manifest().Pipeline, model, in, out
}

// makeBundle repacks a demo bundle with its first golden sample only; change
// may spoil it before. The files are model.tflite, in0.bin and out0.bin.
func makeBundle(t testing.TB, name string, change func(*bundle.Manifest, fstest.MapFS)) string {
	t.Helper()
	spec, model, in, out := demoParts(t, name)
	files := fstest.MapFS{"model.tflite": {Data: model}, "in0.bin": {Data: in[0]}, "out0.bin": {Data: out[0]}}
	m := &bundle.Manifest{
		Schema: bundle.Schema, Name: "test", Version: "1.0.0", Numerics: inference.Numerics,
		Model:    bundle.ModelRef{File: "model.tflite", Format: "tflite"},
		Pipeline: spec,
		Golden:   []bundle.Golden{{Input: []string{"in0.bin"}, Output: []string{"out0.bin"}}},
	}
	if change != nil {
		change(m, files)
	}
	path := filepath.Join(t.TempDir(), "test.dunlin")
	if _, err := bundle.PackFile(path, m, files); err != nil {
		t.Fatal(err)
	}
	return path
}

// The stream that the machine bundle wants, and its windows.
const (
	machineRate     = 3200
	machineChannels = 3
	machineWindow   = 1024
	machineHop      = 512
	machineWarmup   = 3 // windows without a record
)

// fakeSensor gives blocks of a triangle wave as fast as they are read, up to a
// number of frames; 0 means no end.
type fakeSensor struct {
	info hal.StreamInfo
	left int
	once sync.Once
	halt chan struct{}
	at   int
}

func newFakeSensor(frames int) *fakeSensor {
	return &fakeSensor{
		info: hal.StreamInfo{Kind: hal.KindVibration, Channels: machineChannels, RateHz: machineRate, Unit: "g", Simulated: true},
		left: frames, halt: make(chan struct{}),
	}
}

func (s *fakeSensor) Info() hal.StreamInfo { return s.info }

func (s *fakeSensor) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	select {
	case <-s.halt:
		return hal.Block{}, io.EOF
	case <-ctx.Done():
		return hal.Block{}, ctx.Err()
	default:
	}
	n := len(buf) / s.info.Channels
	if s.left > 0 {
		if s.at >= s.left {
			return hal.Block{}, io.EOF
		}
		n = min(n, s.left-s.at)
	}
	for i := range n * s.info.Channels {
		buf[i] = float32((7*s.at+i)%200-100) / 200
	}
	s.at += n
	return hal.Block{Frames: n}, nil
}

func (s *fakeSensor) Halt() error {
	s.once.Do(func() { close(s.halt) })
	return nil
}

// sensorSource is a configured source that opens s.
func sensorSource(name string, s hal.Sensor) config.Source {
	return config.Source{Name: name, Driver: "fake", Settings: opener(func() (*input, error) { return &input{sensor: s}, nil })}
}
