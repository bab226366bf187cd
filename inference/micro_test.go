package inference

import (
	"path/filepath"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
	"github.com/dunlin-edge/dunlin/inference/signal"
)

// TestAudioPreprocessor runs tflite-micro's audio preprocessor models, whose
// operators are those of its signal library, beside signal's front end, which
// is held against what tflite-micro answers for them.
func TestAudioPreprocessor(t *testing.T) {
	for _, name := range []string{"audio_preprocessor_int8", "audio_preprocessor_float"} {
		t.Run(name, func(t *testing.T) {
			m, err := OpenFile(filepath.Join(testmodels.Dir(t), "tflite-micro", name+".tflite"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := session(t, m)
			compareFeatures(t, s)
			s.Reset() // forgets the noise, as a new front end does
			compareFeatures(t, s)
		})
	}
}

// compareFeatures runs frames of noise of several strengths through both.
func compareFeatures(t *testing.T, s *Session) {
	t.Helper()
	f, err := signal.NewMicroFrontend(signal.MicroConfig{})
	if err != nil {
		t.Fatal(err)
	}
	state, feature := uint32(1), make([]int16, f.Width())
	for frame := range 120 {
		in := s.Input(0).Int16()
		for i := range in {
			state = state*1664525 + 1013904223
			in[i] = int16(state>>16) >> (frame / 3 % 16)
		}
		if frame%40 == 39 {
			clear(in)
		}
		f.Frame(feature, in)
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for c, v := range feature {
			if out := s.Output(0); out.DType == Float32 && out.Float32()[c] != float32(v)*float32(0.0390625) {
				t.Fatalf("frame %d channel %d: %v, want %v", frame, c, out.Float32()[c], signal.MicroReal(v))
			} else if out.DType == Int8 && out.Int8()[c] != signal.MicroInt8(v) {
				t.Fatalf("frame %d channel %d: %d, want %d", frame, c, out.Int8()[c], signal.MicroInt8(v))
			}
		}
	}
}
