package pipeline

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

const full = `{"source":{"kind":"audio","rate":16000,"channels":2,"unit":""},
	"window":{"length":16000,"hop":3200},
	"preprocess":[{"op":"channel","index":1},{"op":"scale","multiply":0.5,"add":0.1},{"op":"lfbe","frame":480,"step":320,"low_hz":0}],
	"postprocess":[{"op":"softmax"},{"op":"smooth","kind":"ema","windows":4},{"op":"top_k","k":2},
		{"op":"decide","enter":0.8,"leave":0.6,"k":3,"n":5,"refractory_ms":1500,"ignore":["silence"]}],
	"labels":["silence","yes"],"warmup_windows":2}`

func TestSpecSurvivesJSON(t *testing.T) {
	s, err := ParseSpec([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if s.Preprocess[0].Index != 1 || *s.Preprocess[1].Multiply != 0.5 || *s.Postprocess[3].Leave != 0.6 || s.WarmupWindows != 2 {
		t.Errorf("%+v", s)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseSpec(raw)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if !reflect.DeepEqual(s, again) {
		t.Errorf("%+v became %+v", s, again)
	}
}

// Every parameter of every stage must have somewhere to go.
func TestStageKeysAreBound(t *testing.T) {
	for _, ops := range []map[string][]string{preOps(), postOps()} {
		for op, keys := range ops {
			for _, f := range new(Stage).fields(keys) {
				if f.value == nil {
					t.Errorf("%s: %s is bound to nothing", op, f.key)
				}
			}
		}
	}
	for _, kind := range []string{KindAudio, KindImage, KindTensor} {
		for _, op := range opsOf(kind) {
			if _, ok := preOps()[op]; !ok {
				t.Errorf("%s: no stage %s", kind, op)
			}
		}
	}
}

func TestSpecErrorsNameThePath(t *testing.T) {
	const src, win = `"source":{"kind":"audio","rate":16000}`, `"window":{"length":100}`
	post := func(stages string) string { return `{` + src + `,` + win + `,"postprocess":[` + stages + `]}` }
	pre := func(stages string) string { return `{` + src + `,` + win + `,"preprocess":[` + stages + `]}` }
	for spec, want := range map[string]string{
		``:                            "want an object",
		`[]`:                          "want an object",
		`{} {}`:                       "something follows",
		`{"source":5}`:                "source: want an object",
		`{"sorce":{}}`:                `sorce: unknown key, did you mean "source"?`,
		`{"source":{}}`:               `source: kind: "": unknown kind`,
		`{"labels":["a",1]}`:          "labels: number, want a list of strings",
		`{"labels":null}`:             "labels: null",
		`{"source":{"kind":"audoi"}}`: `did you mean "audio"?`,
		`{"source":{"kind":"audio"},` + win + `}`:             "source: rate: missing",
		`{"source":{"kind":"audio","rate":"16k"}}`:            "source.rate: string, want a number",
		`{"source":{"kind":"audio","rate":1,"rate":2}}`:       "source.rate: given twice",
		`{"source":{"kind":"audio","rate":1,"channels":99}}`:  "source: channels: 99",
		`{"source":{"kind":"audio","rate":1,"channels":1.5}}`: "source.channels: number 1.5, want a whole number",
		`{` + src + `}`:                                                            "window: missing",
		`{` + src + `,"window":{"length":0}}`:                                      "window: length: 0",
		`{` + src + `,"window":{"length":9,"hop":-1}}`:                             "window: hop: -1",
		`{` + src + `,"window":{"length":9,"overlap":1}}`:                          "window.overlap: unknown key, want one of",
		`{"source":{"kind":"image"},` + win + `}`:                                  "window: a source of kind image has none",
		`{` + src + `,` + win + `,"warmup_windows":-1}`:                            "warmup_windows: -1",
		pre(`{"op":"mffc"}`):                                                       `preprocess[0]: unknown op, did you mean "mfcc"?`,
		pre(`{}`):                                                                  "preprocess[0]: want an object with an op",
		pre(`{"op":"mono"},{"op":"lfbe","bnads":3}`):                               `preprocess[1] (lfbe).bnads: unknown key, did you mean "bands"?`,
		pre(`{"op":"mono","index":0}`):                                             "preprocess[0] (mono).index: unknown key",
		pre(`{"op":"resize"}`):                                                     "preprocess[0] (resize): a source of kind audio takes",
		post(`{"op":"smooth","kind":"mean","windows":0}`):                          "postprocess[0] (smooth): windows: 0",
		post(`{"op":"smooth","kind":"medain","windows":2}`):                        `did you mean "median"?`,
		post(`{"op":"decide"}`):                                                    "postprocess[0] (decide): enter: missing",
		post(`{"op":"decide","enter":0.5,"leave":0.6}`):                            "leave: 0.6 is above enter 0.5",
		post(`{"op":"decide","enter":0.5,"k":3,"n":2}`):                            "k of n: 3 of 2",
		post(`{"op":"decide","enter":0.5,"ignore":["silense"]}`):                   `ignore: "silense": unknown label`,
		post(`{"op":"top_k","k":0}`):                                               "k: 0",
		post(`{"op":"top_k","k":1},{"op":"softmax"}`):                              "postprocess[1] (softmax): want",
		`{"source":{"kind":"image"},"preprocess":[{"op":"resize"},{"op":"crop"}]}`: "at most once, in this order",
	} {
		_, err := ParseSpec([]byte(spec))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n  got  %v\n  want %s", spec, err, want)
		}
	}
}

func TestNewNamesStageAndShapes(t *testing.T) {
	audio := func(window, pre string) string {
		return `{"source":{"kind":"audio","rate":16000,"channels":2},"window":{"length":` + window + `},"preprocess":[` + pre + `]}`
	}
	image := func(pre string) string { return `{"source":{"kind":"image"},"preprocess":[` + pre + `]}` }
	for _, c := range []struct{ model, spec, want string }{
		{"float4", audio("16000", `{"op":"mono"},{"op":"mfcc"}`), "preprocess[1] (mfcc): gives [49 10], 490 values, but the model's input is [1 4], 4 values"},
		{"float4", audio("7", ``), "window: gives [7 2], 14 values"},
		{"mfcc", audio("16000", `{"op":"mfcc"}`), "put channel or mono before it"},
		{"mfcc", audio("16000", `{"op":"mono"},{"op":"mfcc"},{"op":"lfbe"}`), "preprocess[2] (lfbe): a second front end"},
		{"mfcc", audio("100", `{"op":"mono"},{"op":"mfcc"}`), "window of 100 samples is shorter than its frame of 480"},
		{"mfcc", audio("16000", `{"op":"mono"},{"op":"mfcc","bands":5}`), "10 coefficients"},
		{"mfcc", audio("16000", `{"op":"channel","index":2}`), "index: 2, want 0 to 1"},
		{"mfcc", audio("16000", `{"op":"vibration","features":["rsm"]}`), `no feature "rsm"`},
		{"mfcc", audio("16000", `{"op":"vibration","features":["rms"]},{"op":"mono"}`), "preprocess[1] (mono): does not take a shape of [2]"},
		{"mfcc", audio("16000", `{"op":"normalize","mean":[1,2,3]}`), "mean: 3 values for a shape of [16000 2], want 1, 2 or 32000"},
		{"mfcc", audio("16000", `{"op":"normalize","std":[0]}`), "std[0]: 0"},
		{"float4", image(``), "images do not fit the model's input [1 4]"},
		{"rgb8", image(`{"op":"color","to":"gray"}`), `"gray" does not fit the model's 3 channels`},
		{"rgb8", image(`{"op":"resize","method":"bicubic"}`), `method: "bicubic": unknown word`},
		{"rgb8", image(`{"op":"resize","fit":"letterbx"}`), `did you mean "letterbox"?`},
		{"rgb8", image(`{"op":"normalize","mean":[1,2]}`), "2 values of mean"},
		{"rgb8", `{"source":{"kind":"image"},"postprocess":[{"op":"decide","enter":1,"refractory_ms":5}]}`, "refractory_ms: needs the rate"},
		{"float4", `{"source":{"kind":"tensor"},"labels":["a"]}`, "labels: 1 for 4 scores"},
	} {
		s, err := ParseSpec([]byte(c.spec))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = New(copier(t, c.model), s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n  got  %v\n  want %s", c.spec, err, c.want)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{"source":{"kind":"image"},"preprocess":[{"op":"resize","fit":"crop"}]}`))
	f.Add([]byte(`{"source":{"kind":"vibration","rate":3200,"channels":3},"window":{"length":64},"preprocess":[{"op":"vibration","features":["rms","bands"],"bands_hz":[[1,2]]}]}`))
	m := copier(f, "float64")
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := ParseSpec(raw)
		if err != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseSpec(again); err != nil {
			t.Errorf("%s: %v", again, err)
		}
		New(m, s)
	})
}
