package bundle

import (
	"reflect"
	"strings"
	"testing"
)

const minimal = `{"schema":1,"name":"a","version":"1.0.0","numerics":1,"model":{"file":"m","format":"tflite"},"pipeline":{"x":[1,{"y":null}]},` +
	`"files":[{"name":"m","size":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]}`

func TestParseManifest(t *testing.T) {
	if _, err := ParseManifest([]byte(minimal)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, old, new, want string }{
		{"unknown key", `"schema":1`, `"schema":1,"zzz":2`, "zzz: unknown key, known here: schema, name"},
		{"misspelt key", `"numerics"`, `"numeric"`, `numeric: unknown key, did you mean "numerics"?`},
		{"other case", `"name":"a"`, `"Name":"a"`, `did you mean "name"?`},
		{"nested key", `"format"`, `"formt"`, `model.formt: unknown key, did you mean "format"?`},
		{"key in a list", `"size":0`, `"sized":0`, `files[0].sized: unknown key, did you mean "size"?`},
		{"repeated key", `"schema":1`, `"schema":1,"schema":1`, "schema: key appears twice"},
		{"repeated in pipeline", `"x":`, `"x":1,"x":`, "pipeline.x: key appears twice"},
		{"wrong type", `"name":"a"`, `"name":7`, "name: number found, string wanted"},
		{"null", `"name":"a"`, `"name":null`, "name: null found, string wanted"},
		{"not whole", `"numerics":1`, `"numerics":1.5`, "numerics"},
		{"schema", `"schema":1`, `"schema":2`, "schema: 2, this version reads 1"},
		{"name", `"name":"a"`, `"name":"A b"`, "name: \"A b\""},
		{"version", `"1.0.0"`, `"01.0.0"`, "not a semantic version"},
		{"numerics", `"numerics":1`, `"numerics":0`, "numerics: 0"},
		{"format", `"tflite"`, `"onnx"`, "model.format"},
		{"model not listed", `"file":"m"`, `"file":"n"`, `model.file: "n" is not listed`},
		{"pipeline not an object", `{"x":[1,{"y":null}]}`, `[]`, "pipeline"},
		{"trailing", `855"}]}`, `855"}]} {}`, "follows"},
		{"cut", `855"}]}`, `855"}]`, "ends early"},
		{"no JSON", minimal, `model`, "top level"},
		{"deep", `[1,{"y":null}]`, strings.Repeat("[", 40) + strings.Repeat("]", 40), "nested deeper"},
		{"sum", `"sha256":"e3`, `"sha256":"E3`, "lower-case"},
		{"created", `"schema":1`, `"schema":1,"created":"yesterday"`, "created"},
		{"lineage", `"schema":1`, `"schema":1,"lineage":{"code":"abc"}`, "lineage.code"},
		{"histogram", `"schema":1`, `"schema":1,"reference":{"histograms":[{"name":"s","min":1,"max":1,"counts":[1]}]}`, "min < max"},
		{"min agent", `"schema":1`, `"schema":1,"requires":{"min_agent":"v1"}`, "requires.min_agent"},
		{"golden not listed", `"schema":1`, `"schema":1,"golden":[{"input":["m"],"output":["o"]}]`, "golden[0].output[0]"},
		{"variant without a model", `"schema":1`, `"schema":1,"variants":[{"model":{"file":"","format":"tflite"}}]`, "variants[0].model.file: required"},
		{"variant not listed", `"schema":1`, `"schema":1,"variants":[{"model":{"file":"x","format":"tflite"}}]`, `variants[0].model.file: "x" is not listed`},
		{"variant of another format", `"schema":1`, `"schema":1,"variants":[{"model":{"file":"m","format":"onnx"}}]`, "variants[0].model.format"},
		{"variant's golden", `"schema":1`, `"schema":1,"variants":[{"model":{"file":"m","format":"tflite"},"golden":[{"input":["m"],"output":[]}]}]`, "variants[0].golden[0]: input and output"},
		{"variant's requirements", `"schema":1`, `"schema":1,"variants":[{"model":{"file":"m","format":"tflite"},"requires":{"max_latency_ms":-1}}]`, "variants[0].requires.max_latency_ms"},
		{"many variants", `"schema":1`, `"schema":1,"variants":[` + strings.TrimSuffix(strings.Repeat(`{"model":{"file":"m","format":"tflite"}},`, MaxVariants), ",") + `]`, "variants: 8, limit 7"},
		{"evaluation", `"schema":1`, `"schema":1,"evaluation":{"dataset":""}`, "evaluation.dataset"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			raw := strings.Replace(minimal, tc.old, tc.new, 1)
			if raw == minimal {
				t.Fatal("nothing replaced")
			}
			_, err := ParseManifest([]byte(raw))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestEncodeDecode(t *testing.T) {
	m, _ := sample()
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeManifest(raw)
	if err != nil {
		t.Fatal(err)
	}
	again, err := got.Encode()
	if err != nil || string(again) != string(raw) {
		t.Errorf("encoding again gives %s, %v", again, err)
	}
	m.Pipeline, got.Pipeline = nil, nil
	if !reflect.DeepEqual(m, got) {
		t.Errorf("got %+v, want %+v", got, m)
	}
}

func TestSemver(t *testing.T) {
	for s, want := range map[string]bool{
		"0.0.0": true, "1.2.3": true, "1.0.0-alpha.1": true, "1.0.0-x-y-z.-": true, "1.0.0+001": true, "1.0.0-a+b.c": true, "10.20.30": true,
		"": false, "1": false, "1.2": false, "1.2.3.4": false, "01.2.3": false, "1.2.3-01": false, "1.2.3-": false, "1.2.3+": false,
		"1.2.3-a..b": false, "v1.2.3": false, "1.2.x": false, "-1.2.3": false, " 1.2.3": false, "1.2.3-ä": false,
	} {
		if got := validSemver(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(minimal))
	m, _ := sample()
	raw, _ := m.Encode()
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ParseManifest(raw)
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil {
			return // larger than the limit once indented
		}
		if _, err := ParseManifest(again); err != nil {
			t.Errorf("accepted, but not its own encoding: %v", err)
		}
	})
}
