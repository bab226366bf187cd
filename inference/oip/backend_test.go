package oip

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/inference"
)

// half is the model of the tests: int8 in, floats of half their real value out.
type half struct{ runs *atomic.Int64 }

func (h half) NewRunner() (inference.Runner, error) { return h, nil }
func (h half) Reset() error                         { return nil }
func (h half) Run(_ context.Context, in, out []*inference.Tensor) error {
	h.runs.Add(1)
	for i, v := range in[0].AppendFloats(nil) {
		out[0].Float32()[i] = v / 2
	}
	return nil
}

// peer is a server of that model that misbehaves as it is told.
type peer struct {
	mode atomic.Pointer[string]
	runs atomic.Int64
	url  string
	hang chan struct{}
}

func newPeer(t *testing.T) *peer {
	p := &peer{hang: make(chan struct{})}
	p.be("good")
	s := httptest.NewServer(p)
	p.url = s.URL
	t.Cleanup(func() { close(p.hang); s.Close() })
	return p
}

func (p *peer) be(mode string) { p.mode.Store(&mode) }

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mode := *p.mode.Load()
	if mode == "gone" {
		panic(http.ErrAbortHandler)
	}
	if r.Method == http.MethodGet {
		m := Metadata{Name: "half", Inputs: []Spec{{"in", "FP32", []int{-1, 2}}}, Outputs: []Spec{{"out", "FP32", []int{1, 2}}}}
		if mode == "other model" {
			m.Outputs[0].Shape = []int{1, 3}
		}
		json.NewEncoder(w).Encode(&m)
		return
	}
	p.runs.Add(1)
	body, _ := io.ReadAll(r.Body)
	req, err := DecodeRequest(body, r.Header.Get(HeaderLength))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	out := bytesFloats(req.Inputs[0].Data)
	for i := range out {
		out[i] /= 2
	}
	resp := Response{Model: "half", Version: "3", Outputs: []Tensor{{"out", "FP32", []int{1, 2}, nil}}}
	switch mode {
	case "slow":
		<-p.hang
	case "error":
		w.WriteHeader(http.StatusInternalServerError)
		return
	case "wrong":
		out[1] += 0.5
	case "near":
		out[1] += 0.01
	case "NaN":
		out[0] /= 0
		out[0] -= out[0]
	case "shape":
		resp.Outputs[0].Shape = []int{2, 1}
	case "type":
		resp.Outputs[0].Datatype = "INT32"
	case "none":
		resp.Outputs = nil
	case "garbage":
		io.WriteString(w, "{{{")
		return
	case "redirect":
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		return
	}
	if len(resp.Outputs) > 0 {
		resp.Outputs[0].Data = floatBytes(out)
	}
	answer, header, err := resp.Append(nil, []bool{true})
	if err != nil {
		panic(err)
	}
	w.Header().Set(HeaderLength, strconv.Itoa(header))
	w.Write(answer)
}

// bench is a backend on a peer with a clock of its own.
type bench struct {
	*Backend
	cpu     atomic.Int64 // runs there
	session *inference.Session
	now     time.Time
	told    []Status
}

func newBench(t *testing.T, p *peer) *bench {
	t.Helper()
	b := &bench{now: time.Unix(1000, 0)}
	m, err := inference.OpenBackend(half{&b.cpu}, []inference.TensorInfo{{Name: "x", DType: inference.Int8, Shape: []int{1, 2}, Scale: 0.5}},
		[]inference.TensorInfo{{Name: "y", DType: inference.Float32, Shape: []int{1, 2}}}, [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	b.Backend, err = NewBackend(BackendConfig{
		Address: p.url, Model: "half", Fallback: m, Samples: [][][]byte{{{4, 8}}, {{0xfe, 1}}}, Tolerance: 0.05, Timeout: time.Second,
		Now: func() time.Time { return b.now }, Changed: func(s Status) { b.told = append(b.told, s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if b.session, err = b.Model().NewSession(); err != nil {
		t.Fatal(err)
	}
	return b
}

// run runs once, and checks the outputs within the tolerance.
func (b *bench) run(t *testing.T, what string) (onCPU bool) {
	t.Helper()
	before := b.cpu.Load()
	copy(b.session.Input(0).Bytes(), []byte{2, 6})
	if err := b.session.Run(context.Background()); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if d := difference(b.session.Output(0).Float32(), []float32{0.5, 1.5}); d > 0.05 {
		t.Errorf("%s: outputs %v", what, b.session.Output(0).Float32())
	}
	return b.cpu.Load() > before
}

func (b *bench) watch(after time.Duration) Status {
	b.now = b.now.Add(after)
	b.Watch(context.Background())
	return b.Status()
}

// TestBackendFallsBack: whatever a server does, the run that met it is answered
// by the CPU, the change is told with the reason, and the server is taken back
// once it is well.
func TestBackendFallsBack(t *testing.T) {
	for mode, reason := range map[string]string{
		"slow": "deadline exceeded", "error": "500", "NaN": "NaN", "shape": "[2 1]", "type": "INT32", "none": "0 outputs", "garbage": "JSON", "gone": "EOF", "redirect": "redirection",
	} {
		t.Run(mode, func(t *testing.T) {
			p := newPeer(t)
			b := newBench(t, p)
			if !b.run(t, "before the first look") {
				t.Error("ran on a server that nobody has looked at")
			}
			if s := b.watch(0); !s.OnServer || s.Samples != 2 || s.Version != "3" || s.Worst != 0 {
				t.Fatalf("%+v", s)
			}
			if b.run(t, "well") {
				t.Error("ran on the CPU beside a good server")
			}
			p.be(mode)
			if !b.run(t, "the bad run") {
				t.Error("the CPU did not take the run over")
			}
			asked := p.runs.Load()
			b.run(t, "the next run")
			if p.runs.Load() != asked {
				t.Error("a bad server was asked again without a look")
			}
			if s := b.Status(); s.OnServer || !strings.Contains(s.Reason, reason) {
				t.Errorf("%+v, want %s", s, reason)
			}
			if s := b.watch(2 * firstRecheck); s.OnServer {
				t.Errorf("still bad, and taken back: %+v", s)
			}
			p.be("good")
			if s := b.watch(lastRecheck); !s.OnServer {
				t.Errorf("well again: %+v", s)
			}
			if b.run(t, "well again") {
				t.Error("ran on the CPU")
			}
			var went []bool
			for _, s := range b.told {
				went = append(went, s.OnServer)
			}
			if len(went) < 3 || !went[0] || went[1] || !went[len(went)-1] {
				t.Errorf("told %v", b.told)
			}
		})
	}
}

// TestBackendSamples: answers near enough are taken, others not, also when they
// begin while the server is in use.
func TestBackendSamples(t *testing.T) {
	p := newPeer(t)
	b := newBench(t, p)
	p.be("wrong")
	if s := b.watch(0); s.OnServer || !strings.Contains(s.Reason, "off by 0.5, at most 0.05") {
		t.Errorf("%+v", s)
	}
	p.be("other model")
	if s := b.watch(lastRecheck); s.OnServer || !strings.Contains(s.Reason, "[1 3]") {
		t.Errorf("%+v", s)
	}
	p.be("near")
	if s := b.watch(lastRecheck); !s.OnServer || s.Worst < 0.009 || s.Worst > 0.011 {
		t.Errorf("%+v", s)
	}
	p.be("wrong")
	if s := b.watch(checkEvery / 2); !s.OnServer {
		t.Errorf("looked too early: %+v", s)
	}
	if s := b.watch(checkEvery); s.OnServer {
		t.Errorf("a wrong server stayed in use: %+v", s)
	}
	if asked := p.runs.Load(); asked == 0 || !b.run(t, "wrong") || p.runs.Load() != asked {
		t.Error("a wrong server was asked")
	}
}

func TestClientStaysHere(t *testing.T) {
	for address, want := range map[string]string{
		"http://192.168.1.7:8000": "another machine", "http://example.com": "another machine", "https://127.0.0.1": "no address", "127.0.0.1:8000": "no address", "http://127.0.0.1/x": "no address",
		"http://127.0.0.1:8000": "", "http://localhost:8000/": "", "http://[::1]:8000": "", "unix:/run/x": "",
	} {
		_, err := NewClient(address)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

func TestAgree(t *testing.T) {
	int8s := inference.TensorInfo{Name: "x", DType: inference.Int8, Shape: []int{1, 2}, Scale: 1}
	plain := inference.TensorInfo{Name: "x", DType: inference.Int32, Shape: []int{1, 2}}
	for i, tt := range []struct {
		got  []Spec
		want []inference.TensorInfo
		ok   bool
	}{
		{[]Spec{{"a", "INT8", []int{1, 2}}}, []inference.TensorInfo{int8s}, true},
		{[]Spec{{"a", "FP32", []int{-1, 2}}}, []inference.TensorInfo{int8s}, true},
		{[]Spec{{"a", "FP32", []int{1, 2}}}, []inference.TensorInfo{plain}, false},
		{[]Spec{{"a", "INT8", []int{2}}}, []inference.TensorInfo{int8s}, false},
		{nil, []inference.TensorInfo{int8s}, false},
	} {
		if err := agree("inputs", tt.got, tt.want); (err == nil) != tt.ok {
			t.Errorf("%d: %v", i, err)
		}
	}
	if !reflect.DeepEqual(bytesFloats(floatBytes([]float32{1, -2.5})), []float32{1, -2.5}) {
		t.Error("floats change on the wire")
	}
}
