package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// shared returns a file of the developers' models and recordings, or skips.
func shared(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("DUNLIN_MODELS")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "models")
	}
	path, err := filepath.Abs(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs %s: put the test models beside the repository, or set DUNLIN_MODELS", name)
	}
	return path
}

// makeBundle packs a model of the shared ones with the spec guessed for it and
// one golden sample of zeros; change may spoil it before.
func makeBundle(t testing.TB, model string, change func(*bundle.Manifest, fstest.MapFS)) string {
	t.Helper()
	data, err := os.ReadFile(shared(t, model))
	if err != nil {
		t.Fatal(err)
	}
	m, err := inference.Open(data, inference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	spec, _, err := pipeline.Guess(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		"model.tflite": {Data: data},
		"in0.bin":      {Data: make([]byte, len(s.Input(0).Bytes()))},
		"out0.bin":     {Data: bytes.Clone(s.Output(0).Bytes())},
	}
	manifest := &bundle.Manifest{
		Schema: bundle.Schema, Name: "test", Version: "1.0.0", Numerics: inference.Numerics,
		Model:    bundle.ModelRef{File: "model.tflite", Format: "tflite"},
		Pipeline: raw,
		Golden:   []bundle.Golden{{Input: []string{"in0.bin"}, Output: []string{"out0.bin"}}},
	}
	if change != nil {
		change(manifest, files)
	}
	path := filepath.Join(t.TempDir(), "test.dunlin")
	if _, err := bundle.PackFile(path, manifest, files); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	speechModel = "tflite-micro/micro_speech_quantized.tflite"
	personModel = "tflite-micro/person_detect.tflite"
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
		info: hal.StreamInfo{Kind: hal.KindAudio, Channels: 1, RateHz: 16000, Simulated: true},
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
	n := len(buf)
	if s.left > 0 {
		if s.at >= s.left {
			return hal.Block{}, io.EOF
		}
		n = min(n, s.left-s.at)
	}
	for i := range n {
		buf[i] = float32((s.at+i)%200-100) / 200
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
