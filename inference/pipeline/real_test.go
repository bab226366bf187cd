package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
	"github.com/dunlin-edge/dunlin/inference/vision"
)

// openReal loads a model of the shared folder, or skips.
func openReal(t testing.TB, name string) *inference.Model {
	t.Helper()
	m, err := inference.Open(testmodels.Read(t, name), inference.Options{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

// readWAV returns the samples of a canonical 16-bit file in [-1, 1).
func readWAV(t testing.TB, name string) []float32 {
	t.Helper()
	raw := testmodels.Read(t, name)[44:]
	ints := make([]int16, len(raw)/2)
	if err := binary.Read(bytes.NewReader(raw), binary.LittleEndian, ints); err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(ints))
	for i, v := range ints {
		out[i] = float32(v) / 32768
	}
	return out
}

// guessed makes the pipeline that Guess proposes, through JSON as a bundle
// carries it.
func guessed(t testing.TB, m *inference.Model, change func(*Spec)) *Pipeline {
	t.Helper()
	s, note, err := Guess(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(note)
	if change != nil {
		change(s)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = ParseSpec(raw); err != nil {
		t.Fatal(err)
	}
	p, err := New(m, s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// feed writes samples in pieces of n frames and calls f with every result.
func feed(t testing.TB, p *Pipeline, samples []float32, n int, f func(*Result)) {
	t.Helper()
	var r Result
	channels := p.Source().Channels
	for len(samples) > 0 {
		took := p.Write(samples[:min(len(samples), n*channels)])
		samples = samples[took*channels:]
		for {
			ok, err := p.Next(context.Background(), &r)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			f(&r)
		}
	}
}

func TestMicroSpeechHearsYesAndNo(t *testing.T) {
	p := guessed(t, openReal(t, "tflite-micro/micro_speech_quantized.tflite"), nil)
	for clip, want := range map[string]string{"yes": "yes", "no": "no", "silence": "silence", "noise": "silence"} {
		p.Reset()
		windows := 0
		feed(t, p, readWAV(t, "inputs/"+clip+"_1000ms.wav"), 700, func(r *Result) {
			windows++
			t.Logf("%s: %s %.3f of %v", clip, r.Label, r.Score, r.Scores)
			if r.Label != want {
				t.Errorf("%s: heard %s %v, want %s", clip, r.Label, r.Scores, want)
			}
			if speech := clip == "yes" || clip == "no"; speech != (r.Event != nil) {
				t.Errorf("%s: event %+v", clip, r.Event)
			}
		})
		if windows != 1 {
			t.Errorf("%s: %d windows, want 1", clip, windows)
		}
	}
}

// The recording says marvin from 1, 4 and 7 s on, for at most 1 s each, beside
// music; a detection may come up to 0.5 s after the word's end (mlcommons/tiny
// str_ww_util.py). Its first channel counts (evaluate.py).
func TestWakeWordAtTheTimesOfItsSpec(t *testing.T) {
	p := guessed(t, openReal(t, "mlperf-tiny/str_ww_ref_model.tflite"), func(s *Spec) {
		s.Source.Channels = 2
		s.Preprocess = append([]Stage{{Op: "channel"}}, s.Preprocess...)
	})
	want := []float64{1, 4, 7}
	var heard []float64
	feed(t, p, readWAV(t, "inputs/short_wav_easy10s.wav"), 512, func(r *Result) {
		if r.Event != nil {
			t.Logf("%s %s %.3f at %.3f s", r.Event.Kind, r.Event.Label, r.Event.Score, float64(r.End)/16000)
			if r.Event.Kind == Enter {
				heard = append(heard, float64(r.End)/16000)
			}
		}
	})
	if len(heard) != len(want) {
		t.Fatalf("heard at %v, want once within 1.5 s after each of %v", heard, want)
	}
	for i, at := range heard {
		if at < want[i] || at > want[i]+1.5 {
			t.Errorf("heard at %.3f s, want within 1.5 s after %v", at, want[i])
		}
	}
}

// LiteRT on TensorFlow's features says the same, with these scores; it takes
// this "no" for "go", too (0.852).
func TestKeywordSpottingRuns(t *testing.T) {
	p := guessed(t, openReal(t, "mlperf-tiny/kws_ref_model.tflite"), nil)
	for clip, want := range map[string]string{"yes_1000ms": "yes", "no_1000ms": "go", "marvin_617de221_0": "unknown"} {
		p.Reset()
		feed(t, p, mono(readWAV(t, "inputs/"+clip+".wav"), clip), 16000, func(r *Result) {
			t.Logf("%s: %s %.3f", clip, r.Label, r.Score)
			if r.Label != want {
				t.Errorf("%s: heard %s, want %s", clip, r.Label, want)
			}
		})
	}
}

// mono keeps the first channel of the marvin clip, which has two.
func mono(x []float32, clip string) []float32 {
	if clip != "marvin_617de221_0" {
		return x
	}
	for i := range x[:len(x)/2] {
		x[i] = x[2*i]
	}
	return x[:len(x)/2]
}

// The bytes of these two files are the int8 values of the model's input.
func TestPicturesOfPeople(t *testing.T) {
	for _, model := range []string{"tflite-micro/person_detect.tflite", "mlperf-tiny/vww_96_int8.tflite"} {
		p := guessed(t, openReal(t, model), func(s *Spec) {
			s.Preprocess = append([]Stage{{Op: "signed"}}, s.Preprocess...)
		})
		for file, want := range map[string]string{"person": "person", "no_person": "no person"} {
			r := classify(t, p, "inputs/"+file+".bmp")
			t.Logf("%s: %s %.3f", file, r.Label, r.Score)
			if r.Label != want {
				t.Errorf("%s: %s is %s %v, want %s", model, file, r.Label, r.Scores, want)
			}
		}
	}
}

func TestMobileNetNamesPhotos(t *testing.T) {
	p := guessed(t, openReal(t, "vision/tf2_mobilenet_v2_1.0_224_ptq.tflite"), nil)
	for file, want := range map[string][]string{
		"cat":          {"tabby", "tiger cat", "Egyptian cat"},
		"grace_hopper": {"military uniform"},
		"bird":         {"chickadee"},
	} {
		r := classify(t, p, "inputs/"+file+".bmp")
		t.Logf("%s: %s %.3f, top %v", file, r.Label, r.Score, r.Top)
		ok := false
		for _, w := range want {
			ok = ok || len(r.Label) >= len(w) && r.Label[:len(w)] == w
		}
		if !ok {
			t.Errorf("%s: %s %.3f, want one of %v", file, r.Label, r.Score, want)
		}
	}
}

func classify(t *testing.T, p *Pipeline, file string) *Result {
	t.Helper()
	img, err := vision.Decode(testmodels.Read(t, file))
	if err != nil {
		t.Fatal(err)
	}
	var r Result
	if err := p.Image(context.Background(), img, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestToyCarScoresAnomalies(t *testing.T) {
	p := guessed(t, openReal(t, "mlperf-tiny/ad01_int8.tflite"), nil)
	score := func(samples []float32) (last float32) {
		p.Reset()
		feed(t, p, samples, 512, func(r *Result) { last = r.Score })
		return last
	}
	speech := score(readWAV(t, "inputs/yes_1000ms.wav"))
	tone := make([]float32, 16000)
	for i := range tone {
		tone[i] = float32(math.Sin(float64(i)*2)) / 2
	}
	t.Logf("reconstruction error: speech %.1f, tone %.1f", speech, score(tone))
	if !(speech > 0) {
		t.Errorf("score %v, want a positive error", speech)
	}
}
