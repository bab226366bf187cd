package pipeline

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func tensorPipe(t testing.TB, model, post, rest string) *Pipeline {
	t.Helper()
	return piped(t, model, `{"source":{"kind":"tensor","rate":10},"postprocess":[`+post+`]`+rest+`}`)
}

func TestTopAndMargin(t *testing.T) {
	p := tensorPipe(t, "float4", `{"op":"top_k","k":3}`, `,"labels":["a","b","c","d"]`)
	r := row(t, p, 0.1, 0.5, 0.2, 0.5)
	if r.Label != "b" || r.Class != 1 || r.Score != 0.5 || r.Margin != 0 || !slices.Equal(r.Top, []int{1, 3, 2}) {
		t.Errorf("%+v", r)
	}
	if r := row(t, p, 1, 0.25, 0, 0); r.Margin != 0.75 || r.Seq != 1 || r.Start != 1 || r.End != 2 {
		t.Errorf("%+v", r)
	}
	if got := tensorPipe(t, "float4", ``, ``).Labels(); !slices.Equal(got, []string{"0", "1", "2", "3"}) {
		t.Errorf("labels %v", got)
	}
}

func TestSoftmax(t *testing.T) {
	r := row(t, tensorPipe(t, "logits3", `{"op":"softmax"}`, ``), 1, 2, -200)
	var sum float32
	for _, v := range r.Scores {
		sum += v
	}
	if want := float32(1 / (1 + math.Exp(-1))); math.Abs(float64(r.Scores[1]-want)) > 1e-6 || math.Abs(float64(sum)-1) > 1e-6 {
		t.Errorf("%v, want %v for the second", r.Scores, want)
	}
}

func TestReconstructionError(t *testing.T) {
	r := row(t, tensorPipe(t, "int8x4", `{"op":"reconstruction_error"}`, `,"labels":["anomaly"]`), 0.25, 0.5, 0.75, 2)
	// 2 saturates at 255/256.
	want := math.Pow(2-255./256, 2) / 4
	if len(r.Scores) != 1 || math.Abs(float64(r.Score)-want) > 1e-6 || r.Label != "anomaly" {
		t.Errorf("%+v, want %v", r, want)
	}
}

func TestSmoothing(t *testing.T) {
	for kind, want := range map[string][]float32{
		"mean":   {4, 3, 5, 13. / 3, 20. / 3},
		"median": {4, 3, 4, 2, 9},
		"ema":    {4, 3, 6, 4, 6.5},
	} {
		p := tensorPipe(t, "float4", fmt.Sprintf(`{"op":"smooth","kind":%q,"windows":3}`, kind), ``)
		for pass := range 2 {
			for i, v := range []float32{4, 2, 9, 2, 9} {
				r := row(t, p, v, 0, 0, -v)
				if math.Abs(float64(r.Scores[0]-want[i])) > 1e-6 || r.Raw[0] != v || r.Scores[3] != -r.Scores[0] {
					t.Errorf("%s pass %d window %d: %v, want %v", kind, pass, i, r.Scores, want[i])
				}
			}
			p.Reset()
		}
	}
}

// events runs scores of class a through decide and lists what changed when.
func events(t *testing.T, decide, rest string, scores ...float32) (list []string) {
	t.Helper()
	p := tensorPipe(t, "float4", decide, `,"labels":["a","b","c","d"]`+rest)
	for i, v := range scores {
		if r := row(t, p, v, 0, 0, 0.05); r.Event != nil {
			list = append(list, fmt.Sprintf("%d%s %s", i, r.Event.Kind, r.Event.Label))
			if r.Event.Score != v || r.Event.End != int64(i+1) {
				t.Errorf("event %+v at %d", r.Event, i)
			}
		}
	}
	return list
}

func TestDecisions(t *testing.T) {
	for name, c := range map[string]struct {
		decide, rest string
		scores       []float32
		want         []string
	}{
		"thresholds":   {`{"op":"decide","enter":0.8,"leave":0.5}`, ``, []float32{0.7, 0.8, 0.6, 0.5, 0.4, 0.7, 0.9}, []string{"1enter a", "4leave a", "6enter a"}},
		"no leave":     {`{"op":"decide","enter":0.8}`, ``, []float32{0.8, 0.79, 0.8}, []string{"0enter a", "1leave a", "2enter a"}},
		"k of n":       {`{"op":"decide","enter":0.8,"leave":0.1,"k":3,"n":4}`, ``, []float32{0.8, 0.8, 0.3, 0.3, 0.8, 0.8, 0.3, 0.8}, []string{"7enter a"}},
		"k in a row":   {`{"op":"decide","enter":0.8,"k":2}`, ``, []float32{0.9, 0, 0.9, 0.9}, []string{"3enter a"}},
		"refractory":   {`{"op":"decide","enter":0.8,"refractory_ms":350}`, ``, []float32{0.9, 0, 0.9, 0, 0.9}, []string{"0enter a", "1leave a", "4enter a"}},
		"ignored":      {`{"op":"decide","enter":0.8,"ignore":["a"]}`, ``, []float32{0.9, 0.9}, nil},
		"not warm yet": {`{"op":"decide","enter":0.8}`, `,"warmup_windows":2`, []float32{0.9, 0.9, 0.9}, []string{"2enter a"}},
	} {
		if got := events(t, c.decide, c.rest, c.scores...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestDecisionMovesFromClassToClass(t *testing.T) {
	p := tensorPipe(t, "float4", `{"op":"decide","enter":0.6,"leave":0.4}`, ``)
	var got []string
	for _, s := range [][]float32{{0.9, 0.1, 0, 0}, {0.1, 0.9, 0, 0}, {0.1, 0.9, 0, 0}} {
		if r := row(t, p, s...); r.Event != nil {
			got = append(got, r.Event.Kind+r.Event.Label)
		}
	}
	if want := []string{"enter0", "leave0", "enter1"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
