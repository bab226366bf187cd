package rest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/agent/serve"
	"github.com/dunlin-edge/dunlin/inference/oip"
)

// machineInput is the input of the machine's model: INT8 [1,51].
const machineInput = "serving_default_input:0"

// numbers writes n numbers as a JSON list.
func numbers(n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]"
}

func infer(name, datatype, shape, data string) []byte {
	return fmt.Appendf(nil, `{"id":"7","inputs":[{"name":%q,"datatype":%q,"shape":%s,"data":%s}]}`, name, datatype, shape, data)
}

func TestEveryDialectSaysTheSame(t *testing.T) {
	g := newRig(t, func(c *Config, _ *serve.Config) { c.Serve.Model = "machine"; c.Serve.PredictRoute = "/predict" })
	row := numbers(51)
	code, head, text := g.ask("POST", "/v2/models/machine/infer", infer(machineInput, "INT8", "[1,51]", row))
	var oipAnswer struct {
		Version string `json:"model_version"`
		ID      string
		Outputs []struct{ Data []int }
	}
	if err := json.Unmarshal([]byte(text), &oipAnswer); code != 200 || err != nil || oipAnswer.ID != "7" || oipAnswer.Version != "1.0.0" || len(oipAnswer.Outputs) != 1 {
		t.Fatalf("%d %s", code, text)
	}
	if got := head.Get(modelHeader); got != "machine@1.0.0" {
		t.Errorf("%s: %q", modelHeader, got)
	}
	want, err := json.Marshal(oipAnswer.Outputs[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	rows := `{"instances":[` + row + `]}`
	for _, tt := range []struct{ path, body, want string }{
		{"/v2/models/machine/versions/1.0.0/infer", string(infer(machineInput, "INT8", "[1,51]", "["+row+"]")), `"data":` + string(want)},
		{"/v1/models/machine:predict", rows, `{"predictions":[` + string(want) + `]}`},
		{"/v1/models/machine:predict", `{"instances":[{"` + machineInput + `":` + row + `},` + row + `]}`, `{"predictions":[` + string(want) + `,` + string(want) + `]}`},
		{"/v1/models/machine/versions/1.0.0:predict", `{"inputs":[` + row + `]}`, `{"outputs":[` + string(want) + `]}`},
		{"/v1/models/machine/labels/stable:predict", `{"signature_name":"serving_default","inputs":{"` + machineInput + `":[` + row + `,` + row + `]}}`, `{"outputs":[` + string(want) + `,` + string(want) + `]}`},
		{"/predictions/machine", rows, `[` + string(want) + `]`},
		{"/predictions/machine/1.0.0", rows, `[` + string(want) + `]`},
		{"/invocations", rows, `{"predictions":[` + string(want) + `]}`},
		{"/invocations", string(infer(machineInput, "INT8", "[1,51]", row)), `"data":` + string(want)},
		{"/score", rows, `{"predictions":[` + string(want) + `]}`},
		{"/predict", rows, `{"predictions":[` + string(want) + `]}`},
	} {
		code, head, text := g.ask("POST", tt.path, []byte(tt.body), "Content-Type: application/json")
		if code != 200 || !strings.Contains(text, tt.want) || head.Get(modelHeader) != "machine@1.0.0" {
			t.Errorf("%s: %d %s, want %s", tt.path, code, text, tt.want)
		}
	}
}

// TestBinary sends raw tensors, with a header and without.
func TestBinary(t *testing.T) {
	g := newRig(t, nil)
	data := make([]byte, 51)
	for i := range data {
		data[i] = 1
	}
	req := oip.Request{Inputs: []oip.Tensor{{Name: machineInput, Datatype: "INT8", Shape: []int{1, 51}, Data: data}}}
	body, header := req.Append(nil)
	_, _, plain := g.ask("POST", "/v2/models/machine/infer", infer(machineInput, "INT8", "[1,51]", numbers(51)))
	want, err := oip.DecodeResponse([]byte(plain), "")
	if err != nil {
		t.Fatal(err)
	}
	for length, body := range map[int][]byte{header: body, 0: data} {
		code, head, text := g.ask("POST", "/v2/models/machine/infer", body, fmt.Sprintf("%s: %d", oip.HeaderLength, length))
		got, err := oip.DecodeResponse([]byte(text), head.Get(oip.HeaderLength))
		if code != 200 || err != nil || string(got.Outputs[0].Data) != string(want.Outputs[0].Data) {
			t.Errorf("header %d: %d %v %q", length, code, err, text)
		}
	}
}

func TestRefusals(t *testing.T) {
	g := newRig(t, nil)
	good := numbers(51)
	for _, tt := range []struct {
		name, method, path, body string
		code                     int
		want                     string
	}{
		{"no model", "POST", "/v2/models/nobody/infer", "{}", 404, "nobody"},
		{"no version", "POST", "/v2/models/machine/versions/9/infer", "{}", 404, "1.0.0 is"},
		{"no body", "POST", "/v2/models/machine/infer", "", 400, "JSON"},
		{"not JSON", "POST", "/v2/models/machine/infer", "[", 400, "JSON"},
		{"wrong dtype", "POST", "/v2/models/machine/infer", string(infer(machineInput, "FP32", "[1,51]", good)), 400, "the model takes INT8"},
		{"wrong shape", "POST", "/v2/models/machine/infer", string(infer(machineInput, "INT8", "[51]", good)), 400, "the model takes [1 51]"},
		{"negative shape", "POST", "/v2/models/machine/infer", string(infer(machineInput, "INT8", "[-1,51]", good)), 400, "dimension 0 is -1"},
		{"overflowing shape", "POST", "/v2/models/machine/infer", string(infer(machineInput, "INT8", "[4294967296,4294967296]", good)), 400, "more than"},
		{"NaN", "POST", "/v2/models/machine/infer", string(infer(machineInput, "INT8", "[1,51]", "[NaN]")), 400, "JSON"},
		{"no time", "POST", "/v2/models/machine/infer", `{"parameters":{"timeout":1},` + string(infer(machineInput, "INT8", "[1,51]", good)[1:]), 503, "deadline"},
		{"other input", "POST", "/v2/models/machine/infer", string(infer("x", "INT8", "[1,51]", good)), 400, machineInput},
		{"other output", "POST", "/v2/models/machine/infer", `{"outputs":[{"name":"y"}],` + string(infer(machineInput, "INT8", "[1,51]", good)[1:]), 400, `no output`},
		{"huge", "POST", "/v2/models/machine/infer", strings.Repeat(" ", 9<<20), 413, "too large"},
		{"other signature", "POST", "/v1/models/machine:predict", `{"signature_name":"x","instances":[` + good + `]}`, 400, "serving_default"},
		{"rows and columns", "POST", "/v1/models/machine:predict", `{"inputs":1,"instances":[` + good + `]}`, 400, "one of"},
		{"row too short", "POST", "/v1/models/machine:predict", `{"instances":[[1,2]]}`, 400, "[1 51]"},
		{"rows of two lengths", "POST", "/v1/models/machine:predict", `{"instances":[` + good + `,[1]]}`, 400, "instances[1]"},
		{"no rows", "POST", "/v1/models/machine:predict", `{"instances":[]}`, 400, "one example"},
		{"base64", "POST", "/v1/models/machine:predict", `{"instances":[{"b64":"AA=="}]}`, 400, "no input is named"},
		{"real numbers", "POST", "/v1/models/machine:predict", `{"instances":[[0.5]]}`, 400, "is no INT8"},
		{"too many rows", "POST", "/v1/models/machine:predict", `{"instances":[` + strings.Repeat("1,", 1025) + `1]}`, 400, "more than 1024"},
		{"other verb", "POST", "/v1/models/machine:regress", "{}", 404, "regress"},
		{"verb by GET", "GET", "/v1/models/machine:predict", "", 405, "POST"},
		{"other label", "POST", "/v1/models/machine/labels/canary:predict", "{}", 404, "stable"},
		{"which model", "POST", "/invocations", "{}", 400, "digits, machine"},
		{"a type nobody takes", "POST", "/v1/pipelines/digits:classify", "x", 415, "image/jpeg"},
		{"no picture", "POST", "/v1/pipelines/digits:classify", "x", 415, "image/jpeg"},
		{"load nobody", "POST", "/v2/repository/models/nobody/load", "{}", 404, "nobody"},
		{"load with a configuration", "POST", "/v2/repository/models/machine/load", `{"parameters":{"config":"{}"}}`, 400, "bundle"},
		{"no pipeline runs", "GET", "/v1/pipelines/machine/results", "", 404, "no pipeline runs"},
	} {
		code, _, text := g.ask(tt.method, tt.path, []byte(tt.body))
		if code != tt.code || !strings.Contains(text, tt.want) && tt.code != 413 {
			t.Errorf("%s: %d %.300s, want %d %s", tt.name, code, text, tt.code, tt.want)
		}
	}
	if code, _, text := g.ask("GET", "/v2/models/machine/ready", nil); code != 200 {
		t.Errorf("afterwards: %d %s", code, text)
	}
}

func TestFiles(t *testing.T) {
	g := newRig(t, nil)
	scans, err := filepath.Glob(filepath.Join(demoDir, "scans", "000-*.png"))
	if err != nil || len(scans) != 1 {
		t.Fatalf("scans %v: %v", scans, err)
	}
	data, err := os.ReadFile(scans[0])
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSuffix(scans[0][strings.LastIndex(scans[0], "-")+1:], ".png")
	code, _, text := g.ask("POST", "/v1/pipelines/digits:classify", data, "Content-Type: image/png")
	if code != 200 || !strings.Contains(text, `"label":"`+want+`"`) {
		t.Errorf("%d %s, want label %s", code, text, want)
	}
	code, _, text = g.ask("POST", "/predictions/digits", data, "Content-Type: image/png")
	var scores map[string]float32
	if err := json.Unmarshal([]byte(text), &scores); code != 200 || err != nil || scores[want] < 0.5 {
		t.Errorf("%d %s, want %s", code, text, want)
	}
	rows := strings.Repeat("0.1,0.2,0.3\n", 1200)
	if code, _, text = g.ask("POST", "/v1/pipelines/machine:classify", []byte(rows), "Content-Type: text/csv"); code != 200 || !strings.Contains(text, `"windows":1`) {
		t.Errorf("csv: %d %s", code, text)
	}
	for _, tt := range []struct {
		path, kind string
		body       []byte
		code       int
	}{
		{"/v1/pipelines/digits:classify", "image/png", []byte("no picture"), 422},
		{"/v1/pipelines/machine:classify", "image/png", data, 415},
		{"/v1/pipelines/machine:classify", "audio/wav", data, 415},
		{"/v1/pipelines/machine:classify", "text/csv", []byte("a,b\nc\n"), 422},
		{"/invocations", "text/xml", nil, 400},
	} {
		if code, _, text := g.ask("POST", tt.path, tt.body, "Content-Type: "+tt.kind); code != tt.code || strings.Contains(text, os.TempDir()) {
			t.Errorf("%s %s: %d %s, want %d", tt.path, tt.kind, code, text, tt.code)
		}
	}
}

func TestRepository(t *testing.T) {
	g := newRig(t, nil)
	index := func() string {
		_, _, text := g.ask("POST", "/v2/repository/index", nil)
		return text
	}
	if got := index(); !strings.Contains(got, `{"name":"machine","version":"1.0.0","state":"READY"}`) {
		t.Errorf("index %s", got)
	}
	if code, _, text := g.ask("POST", "/v2/repository/models/machine/unload", nil); code != 200 {
		t.Errorf("unload: %d %s", code, text)
	}
	if code, _, text := g.ask("GET", "/v2/models/machine/ready", nil); code != 400 || !strings.Contains(text, "not loaded") {
		t.Errorf("unloaded: %d %s", code, text)
	}
	bundle(t, g.dir, "machine-1.1.0.dunlin") // comes while the server runs
	if code, _, text := g.ask("POST", "/v2/repository/models/machine/load", []byte("{}")); code != 200 {
		t.Errorf("load: %d %s", code, text)
	}
	if got := index(); !strings.Contains(got, `"version":"1.1.0","state":"READY"`) {
		t.Errorf("index %s", got)
	}
	for name, data := range map[string]string{"net.onnx": "", "net.pkl": "\x80\x04"} {
		if err := os.WriteFile(filepath.Join(g.dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		code, _, text := g.ask("POST", "/v2/repository/models/net/load", nil)
		if code != 400 || !strings.Contains(text, "is not read") {
			t.Errorf("%s: %d %s", name, code, text)
		}
		os.Remove(filepath.Join(g.dir, name))
	}
	if err := os.MkdirAll(filepath.Join(g.dir, "keras", "variables"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(g.dir, "keras", "saved_model.pb"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, text := g.ask("POST", "/v2/repository/models/keras/load", nil); code != 400 || !strings.Contains(text, "from_saved_model") && !strings.Contains(text, "no signature") {
		t.Errorf("SavedModel: %d %s", code, text)
	}
	// A file that is no bundle does not take away what works.
	if err := os.WriteFile(filepath.Join(g.dir, "machine-9.0.0.dunlin"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	g.ask("POST", "/v2/repository/models/machine-9.0.0/load", nil)
	if code, head, _ := g.ask("GET", "/v1/models/machine", nil); code != 200 || head.Get(modelHeader) != "machine@1.1.0" {
		t.Errorf("afterwards: %d %s", code, head.Get(modelHeader))
	}
}

func TestMetricsAndDocuments(t *testing.T) {
	g := newRig(t, nil)
	g.ask("POST", "/v2/models/machine/infer", infer(machineInput, "INT8", "[1,51]", numbers(51)))
	g.ask("POST", "/v2/models/machine/infer", infer("x", "INT8", "[1,51]", numbers(51)))
	_, _, text := g.ask("GET", "/metrics", nil)
	for _, want := range []string{
		`dunlin_serve_requests_total{model="machine",version="1.0.0",outcome="done"} 1`,
		`dunlin_serve_requests_total{model="machine",version="1.0.0",outcome="failed"} 1`,
		`dunlin_serve_run_seconds_total{model="machine",version="1.0.0"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	_, _, text = g.ask("GET", "/openapi.json", nil)
	if !json.Valid([]byte(text)) {
		t.Error("openapi.json is no JSON")
	}
	_, head, text := g.ask("GET", "/", nil)
	if !strings.Contains(text, "curl") || !strings.Contains(head.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("page %.80s with %v", text, head)
	}
}
