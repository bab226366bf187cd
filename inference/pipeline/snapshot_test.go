package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/vision"
)

// keptWindow is a window with everything it gave.
type keptWindow struct {
	snap   Snapshot
	scores []float32
	event  *Event
	seq    uint64
}

func keep(s *Snapshot, r *Result) keptWindow {
	w := keptWindow{
		snap:   Snapshot{slices.Clone(s.State), slices.Clone(s.Input), slices.Clone(s.Output)},
		scores: slices.Clone(r.Scores), seq: r.Seq,
	}
	if r.Event != nil {
		ev := *r.Event
		w.event = &ev
	}
	return w
}

// again computes windows anew, the last first, and compares all they gave.
func again(t *testing.T, p *Pipeline, list []keptWindow) {
	t.Helper()
	for i := len(list) - 1; i >= 0; i-- {
		w, r := &list[i], &Result{}
		if !w.snap.Whole() {
			t.Fatalf("window %d was not kept whole", i)
		}
		if err := p.Again(context.Background(), &w.snap, r); err != nil {
			t.Fatalf("window %d: %v", i, err)
		}
		if !slices.Equal(r.Scores, w.scores) || r.Seq != w.seq || fmt.Sprint(r.Event) != fmt.Sprint(w.event) {
			t.Fatalf("window %d: scores %v event %v, were %v and %v", i, r.Scores, r.Event, w.scores, w.event)
		}
	}
}

func streamed(t *testing.T, p *Pipeline, samples []float32, piece int) (list []keptWindow) {
	t.Helper()
	var s Snapshot
	p.Keep(&s)
	feed(t, p, samples, piece, func(r *Result) { list = append(list, keep(&s, r)) })
	return list
}

// wakeWord is the pipeline of a streaming model: three rows a window.
func wakeWord(t *testing.T, m *inference.Model, smooth string) *Pipeline {
	t.Helper()
	spec, err := ParseSpec(fmt.Appendf(nil, `{"source":{"kind":"audio","rate":16000},"window":{"length":800,"hop":480},
		"preprocess":[{"op":"micro_frontend","step_ms":10}],
		"postprocess":[{"op":"smooth","kind":%q,"windows":5},{"op":"decide","enter":0.001,"leave":0.0005,"k":2,"n":3}]}`, smooth))
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(m, spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAgainStateful: a wake word model with variables behind a sliding front
// end with a noise estimate, in pieces that leave rows and samples over.
func TestAgainStateful(t *testing.T) {
	m := openReal(t, "wakeword/okay_nabu.tflite")
	sound := append(readWAV(t, "inputs/speech.wav"), readWAV(t, "inputs/yes_1000ms.wav")...)
	sound = sound[:min(len(sound), 3*16000)]
	for _, kind := range []string{"mean", "ema", "median"} {
		list := streamed(t, wakeWord(t, m, kind), sound, 1111)
		if len(list) < 50 {
			t.Fatalf("%d windows", len(list))
		}
		if !slices.ContainsFunc(list, func(w keptWindow) bool { return w.event != nil }) {
			t.Errorf("%s: no event to compare", kind)
		}
		again(t, wakeWord(t, m, kind), list)
	}
}

// TestAgainWhole: windows of a front end that begins anew, and plain ones.
func TestAgainWhole(t *testing.T) {
	m := openReal(t, "mlperf-tiny/kws_ref_model.tflite")
	sound := readWAV(t, "inputs/marvin_617de221_0.wav")
	sound = append(sound, sound...)
	list := streamed(t, guessed(t, m, func(s *Spec) { s.Window.Hop = 4000 }), sound, 777)
	again(t, guessed(t, m, func(s *Spec) { s.Window.Hop = 4000 }), list)

	for _, hop := range []int{1, 4, 9} {
		spec := fmt.Sprintf(plain, 2, 2, hop)
		again(t, piped(t, "float4", spec), streamed(t, piped(t, "float4", spec), noise(3, 400), 7))
	}
	again(t, piped(t, "lfbe", lfbeSpec), streamed(t, piped(t, "lfbe", lfbeSpec), noise(4, 20000), 333))
	again(t, piped(t, "micro", fmt.Sprintf(microSpec, 640)), streamed(t, piped(t, "micro", fmt.Sprintf(microSpec, 640)), noise(5, 40000), 333))
}

// TestAgainOthers: a picture, and rows into a model with an LSTM.
func TestAgainOthers(t *testing.T) {
	m := openReal(t, "tflite-micro/person_detect.tflite")
	p, s, r := guessed(t, m, nil), Snapshot{}, Result{}
	p.Keep(&s)
	img := vision.Image{Width: 96, Height: 96, Stride: 96, Channels: 1, Pix: make([]byte, 96*96)}
	for i := range img.Pix {
		img.Pix[i] = byte(i * i)
	}
	if err := p.Image(context.Background(), img, &r); err != nil {
		t.Fatal(err)
	}
	again(t, guessed(t, m, nil), []keptWindow{keep(&s, &r)})

	m = openReal(t, "tflite-micro/trained_lstm_int8.tflite")
	spec := &Spec{Source: SourceSpec{Kind: KindTensor}}
	rows, err := New(m, spec)
	if err != nil {
		t.Fatal(err)
	}
	rows.Keep(&s)
	var list []keptWindow
	for i := range 5 {
		if err := rows.Tensors(context.Background(), noise(uint32(i), m.Inputs()[0].Elements()), &r); err != nil {
			t.Fatal(err)
		}
		list = append(list, keep(&s, &r))
	}
	if rows, err = New(m, spec); err != nil {
		t.Fatal(err)
	}
	again(t, rows, list)
}

// TestAgainDiffers: another input, output, state or pipeline does not pass.
func TestAgainDiffers(t *testing.T) {
	m := openReal(t, "wakeword/okay_nabu.tflite")
	list := streamed(t, wakeWord(t, m, "mean"), readWAV(t, "inputs/yes_1000ms.wav"), 480)
	w := list[len(list)-1].snap
	p, r := wakeWord(t, m, "mean"), &Result{}
	ctx := context.Background()
	var differ *DifferError
	for name, change := range map[string]func(s *Snapshot){
		"input":  func(s *Snapshot) { s.Input[3]++ },
		"output": func(s *Snapshot) { s.Output[0]++ },
		"state":  func(s *Snapshot) { s.State[17] ^= 0x40 },
	} {
		s := Snapshot{slices.Clone(w.State), slices.Clone(w.Input), slices.Clone(w.Output)}
		change(&s)
		if err := p.Again(ctx, &s, r); !errors.As(err, &differ) && name != "state" || err == nil && name != "state" {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	for name, s := range map[string]Snapshot{
		"empty": {}, "cut": {w.State[:len(w.State)-1], w.Input, w.Output}, "longer": {append(slices.Clone(w.State), 0), w.Input, w.Output},
		"version": {append([]byte{9}, w.State[1:]...), w.Input, w.Output}, "no output": {w.State, w.Input, nil}, "short input": {w.State, w.Input[1:], w.Output},
	} {
		if err := p.Again(ctx, &s, r); err == nil || errors.As(err, &differ) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.Again(ctx, &w, r); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func TestKeepAllocatesNothing(t *testing.T) {
	p := piped(t, "micro", fmt.Sprintf(microSpec, 640))
	var s Snapshot
	var r Result
	p.Keep(&s)
	samples := noise(1, 640)
	step := func() {
		p.Write(samples)
		if _, err := p.Next(context.Background(), &r); err != nil {
			t.Fatal(err)
		}
	}
	for range 60 {
		step()
	}
	before := &s.State[:1][0]
	if n := testing.AllocsPerRun(50, step); n != 0 || before != &s.State[:1][0] {
		t.Errorf("%v allocations a window", n)
	}
}

// TestStateRunsFor: counters of what was seen do not grow without end.
func TestStateRunsFor(t *testing.T) {
	const spec = `{"source":{"kind":"tensor","rate":10},"postprocess":[{"op":"smooth","kind":"median","windows":1},{"op":"decide","enter":0.5,"k":1,"n":3,"refractory_ms":700}]}`
	p := piped(t, "float4", spec)
	var s Snapshot
	p.Keep(&s)
	var list []keptWindow
	for i := range 40 {
		list = append(list, keep(&s, row(t, p, float32(i%3)/3, 0, 0, 0)))
	}
	again(t, piped(t, "float4", spec), list)
	if p.post.smooth.seen > 2 || p.post.decide.seen > 6 {
		t.Errorf("seen %d and %d", p.post.smooth.seen, p.post.decide.seen)
	}
}

func FuzzAgain(f *testing.F) {
	spec := `{"source":{"kind":"audio","rate":16000},"window":{"length":16000,"hop":640},"preprocess":[{"op":"micro_frontend"}],` +
		`"postprocess":[{"op":"smooth","kind":"median","windows":3},{"op":"decide","enter":0.5,"k":2,"n":3}]}`
	p := piped(f, "micro", spec)
	var s Snapshot
	var r Result
	p.Keep(&s)
	p.Write(noise(1, 16640))
	if ok, err := p.Next(context.Background(), &r); !ok || err != nil {
		f.Fatal(ok, err)
	}
	input, output, good := slices.Clone(s.Input), slices.Clone(s.Output), slices.Clone(s.State)
	p.Keep(nil)
	for at := 0; at < 256; at += 8 { // where the counters are
		f.Add(uint16(at), []byte{0xff, 0xff, 0xff, 0x7f}, uint16(0))
	}
	f.Fuzz(func(t *testing.T, at uint16, patch []byte, short uint16) {
		state := slices.Clone(good[:max(0, len(good)-int(short))])
		if int(at) < len(state) {
			copy(state[at:], patch)
		}
		for range 2 { // a second time after whatever the first left
			err := p.Again(context.Background(), &Snapshot{state, input, output}, &r)
			if err == nil && math.IsNaN(float64(r.Score)) {
				t.Error("NaN")
			}
		}
	})
}
