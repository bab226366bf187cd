package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var testDrivers = []Driver{
	{Name: "sim.machine", Parse: func(f *Fields) any {
		return [2]float64{f.Float("rate", 3200, 1, 1e6), f.Float("gain", 1, 0, 100)}
	}},
	{Name: "replay.wav", Parse: func(f *Fields) any { return f.Path("path") }},
}

const good = `
device: {name: pump-7, labels: {site: north}}
sources:
  vibration: {driver: sim.machine, rate: 1600}
  mic: {driver: replay.wav, path: clips/a.wav, exclusive: true}
pipelines:
  machine:
    source: vibration
    bundle: b/machine.dunlin
    tune: {enter_min: 0.5, enter_max: 0.9}
    capture: {every: 100, below: 0.5, labels: [bearing], drift: true, disagree: true, min_interval: 1m, subject: pump}
    actions:
      - json: "-"
        on: result
      - exec: [./notify, --now]
        timeout: 2s
        label: bearing
        min_interval: 1m
      - webhook: http://localhost:1880/x
        retries: 1
limits: {memory: 64MiB, drain: 3s}
api: {listen: "127.0.0.1:0"}
telemetry:
  dir: store
  max_bytes: 2MiB
  max_age: 10s
  captures: {max_bytes: 4MiB, day_files: 9, key: device.key}
  budgets: {metered: {hour: 1MiB, month: 50MiB}}
`

func TestGood(t *testing.T) {
	got, err := Parse("/etc/dunlin/agent.yaml", []byte(good), testDrivers)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got.Sources {
		got.Sources[i].At, got.Sources[i].Digest = Position{}, Digest{}
	}
	p := &got.Pipelines[0]
	p.At, p.Digest = Position{}, Digest{}
	for i := range p.Actions {
		p.Actions[i].At = Position{}
	}
	want := &Config{
		File:   "/etc/dunlin/agent.yaml",
		Device: Device{"pump-7", map[string]string{"site": "north"}},
		Sources: []Source{
			{Name: "vibration", Driver: "sim.machine", Settings: [2]float64{1600, 1}},
			{Name: "mic", Driver: "replay.wav", Exclusive: true, Settings: "/etc/dunlin/clips/a.wav"},
		},
		Pipelines: []Pipeline{{Name: "machine", Source: "vibration", Bundle: "/etc/dunlin/b/machine.dunlin", Actions: []Action{
			{Kind: JSON, File: "-", On: "result", Queue: 64},
			{Kind: Exec, Argv: []string{"/etc/dunlin/notify", "--now"}, On: "event", Label: "bearing", MinInterval: time.Minute, Timeout: 2 * time.Second, Queue: 64},
			{Kind: Webhook, URL: "http://localhost:1880/x", On: "event", Timeout: 10 * time.Second, Retries: 1, Queue: 64},
		}, Capture: Capture{Every: 100, Below: 0.5, Labels: []string{"bearing"}, Drift: true, Disagree: true, MinInterval: time.Minute, Subject: "pump"}, Tune: Tune{0.5, 0.9}}},
		Limits: Limits{Memory: 64 << 20, Drain: 3 * time.Second},
		API:    API{Listen: "127.0.0.1:0"},
		Telemetry: Telemetry{
			Dir: "/etc/dunlin/store", MaxBytes: 2 << 20, MaxAge: 10 * time.Second, Health: 5 * time.Minute,
			Captures: Captures{MaxBytes: 4 << 20, MaxAge: 720 * time.Hour, DayBytes: 4 << 20, DayFiles: 9, Key: "/etc/dunlin/device.key"},
			Budgets:  Budgets{Metered: Budget{Hour: 1 << 20, Month: 50 << 20}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestProblems(t *testing.T) {
	const src = "sources: {a: {driver: sim.machine}}\n"
	const run = src + "pipelines: {p: {source: a, bundle: b}}\n"
	tests := []struct{ name, yaml, want, hint string }{
		{"unknown key", run + "limts: {}", "a.yaml:3:1: limts: unknown key", `did you mean "limits"?`},
		{"unknown driver key", "sources: {a: {driver: sim.machine, rte: 3}}", "a.yaml:1:36: sources.a.rte: unknown key", `did you mean "rate"?`},
		{"unknown driver", "sources: {a: {driver: sim.machin}}", `a.yaml:1:23: sources.a.driver: unknown driver "sim.machin"`, `did you mean "sim.machine"?`},
		{"no driver", "sources: {a: {}}", "a.yaml:1:14: sources.a.driver: missing", "drivers: sim.machine, replay.wav"},
		{"wrong type", "sources: {a: {driver: sim.machine, rate: fast}}", `a.yaml:1:42: sources.a.rate: want a number, found "fast"`, ""},
		{"out of range", "sources: {a: {driver: sim.machine, gain: 101}}", "sources.a.gain: 101 is outside 0 to 100", ""},
		{"not a number", "sources: {a: {driver: sim.machine, gain: .nan}}", "sources.a.gain: .nan is outside 0 to 100", ""},
		{"list for mapping", "sources: [a]", "a.yaml:1:10: sources: want a mapping of keys, found a list", ""},
		{"twice in one mapping", run + "pipelines: {}", "a.yaml:3:1: pipelines: given twice, first on line 2", ""},
		{"bad name", "sources: {A b: {driver: sim.machine}}", "sources.A b: not a name", "use a-z"},
		{"no such source", src + "pipelines: {p: {source: b, bundle: b}}", `pipelines.p.source: no source is named "b"`, `did you mean "a"?`},
		{"exclusive", "sources: {a: {driver: sim.machine, exclusive: true}}\npipelines:\n  p: {source: a, bundle: b}\n  q: {source: a, bundle: b}", "a.yaml:4:3: pipelines p and q: both want source a, which is exclusive", "its own source"},
		{"nothing to run", src, "a.yaml: pipelines: none", "join a fleet"},
		{"empty", "", "a.yaml: pipelines: none", ""},
		{"syntax", "sources: [", "not YAML", "indentation"},
		{"tab", "sources:\n\ta: 1", "a.yaml:2", "no tabs"},
		{"two documents", run + "---\na: 1", "more than one YAML document", "conf.d"},
		{"alias", "sources: &s {a: {driver: sim.machine}}\npipelines: *s", "pipelines: want a mapping of keys, found an alias", ""},
		{"remote listen", run + "api: {listen: '0.0.0.0:80'}", `api.listen: "0.0.0.0:80" can be reached from other machines`, "allow_remote"},
		{"bad listen", run + "api: {listen: here}", `api.listen: "here" is not an address`, "host:port"},
		{"bad duration", run + "limits: {drain: soon}", `limits.drain: "soon" is not a time`, "500ms"},
		{"bad size", run + "limits: {memory: big}", `limits.memory: "big" is not a size`, "64MiB"},
		{"no store", run + "telemetry: {max_age: 5s}", "telemetry.dir: missing", "folder"},
		{"small store", run + "telemetry: {dir: x, max_bytes: 1KiB}", "telemetry.max_bytes: 1024 bytes are outside", "64MiB"},
		{"day above all", run + "telemetry: {dir: x, captures: {max_bytes: 1MiB, day_bytes: 2MiB}}", "telemetry.captures.day_bytes: more than max_bytes", "at least"},
		{"small budget", run + "telemetry: {dir: x, budgets: {metered: {hour: 1KiB}}}", "telemetry.budgets.metered.hour: 1024 bytes", "4 KiB"},
		{"captures nothing", src + "pipelines: {p: {source: a, bundle: b, capture: {subject: x}}}", "pipelines.p.capture: nothing says what to capture", "every: N"},
		{"tunes nothing", src + "pipelines: {p: {source: a, bundle: b, tune: {}}}", "pipelines.p.tune: enter_min is above 0", "enter_max"},
		{"tunes backwards", src + "pipelines: {p: {source: a, bundle: b, tune: {enter_min: 0.9, enter_max: 0.5}}}", "pipelines.p.tune: enter_min is above 0", ""},
		{"captures nowhere", src + "pipelines: {p: {source: a, bundle: b, capture: {every: 5}}}", "pipelines.p.capture: there is no folder", "telemetry"},
		{"no action", src + "pipelines: {p: {source: a, bundle: b, actions: [{on: event}]}}", "pipelines.p.actions[0]: names 0 kinds of action", "webhook: URL"},
		{"two actions in one", src + "pipelines: {p: {source: a, bundle: b, actions: [{json: '-', exec: [a]}]}}", "names 2 kinds of action", ""},
		{"bad on", src + "pipelines: {p: {source: a, bundle: b, actions: [{json: '-', on: events}]}}", `actions[0].on: unknown value "events"`, `did you mean "event"?`},
		{"bad webhook", src + "pipelines: {p: {source: a, bundle: b, actions: [{webhook: 'file:///x'}]}}", "is not an http address", ""},
		{"exec as text", src + "pipelines: {p: {source: a, bundle: b, actions: [{exec: 'rm -rf'}]}}", "actions[0].exec: want a list of texts", "[one, two]"},
		{"bad device", run + "device: {name: 'Pump 7'}", `device.name: "Pump 7" is not a name`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("a.yaml", []byte(tt.yaml), testDrivers)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want *Error", err)
			}
			if !strings.Contains(e.Error(), tt.want) || !strings.Contains(e.Hint(), tt.hint) {
				t.Errorf("got  %s\nhint %s\nwant %s\nhint %s", e, e.Hint(), tt.want, tt.hint)
			}
		})
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	_, err := Parse("a.yaml", []byte("api: {listen: x}\nsources: {a: {driver: y}}\nz: 1\n"), testDrivers)
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 3 {
		t.Fatalf("got %v, want three problems", err)
	}
	for i, p := range e.Problems {
		if p.At.Line != i+1 {
			t.Errorf("problem %d stands on line %d: %s", i, p.At.Line, p.Text)
		}
	}
}

func TestConfDir(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("agent.yaml", "sources: {a: {driver: sim.machine}}\n")
	write("conf.d/10.yaml", "pipelines: {p: {source: a, bundle: b}}\n")
	write("conf.d/20.yaml", "pipelines: {q: {source: a, bundle: /c}}\n")
	cfg, err := Load(filepath.Join(dir, "agent.yaml"), testDrivers)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Pipelines) != 2 || cfg.Pipelines[0].Bundle != filepath.Join(dir, "b") || cfg.Pipelines[1].Bundle != "/c" {
		t.Errorf("pipelines %+v", cfg.Pipelines)
	}

	write("conf.d/20.yaml", "pipelines: {p: {source: a, bundle: c}}\n")
	_, err = Load(filepath.Join(dir, "agent.yaml"), testDrivers)
	if err == nil || !strings.Contains(err.Error(), "20.yaml:1:13: pipelines.p: already in") || !strings.Contains(err.Error(), "10.yaml:1:13") {
		t.Errorf("duplicate: %v, want both files named", err)
	}

	write("conf.d/20.yaml", "api: {listen: 'off'}\n")
	_, err = Load(filepath.Join(dir, "agent.yaml"), testDrivers)
	if err == nil || !strings.Contains(err.Error(), "api: unknown key") {
		t.Errorf("api in conf.d: %v, want it refused", err)
	}
}

func TestLoadMissing(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "no.yaml"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want not exist", err)
	}
}

func TestNearest(t *testing.T) {
	options := []string{"run", "watch", "classify", "config", "version"}
	for word, want := range map[string]string{"rnu": "run", "clasify": "classify", "confg": "config", "bananas": "", "v": ""} {
		if got := Nearest(word, options); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("a: &b [*b]\n? [x]: 1\n<<: {c: d}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		cfg, err := Parse("a.yaml", raw, testDrivers)
		if (cfg == nil) == (err == nil) {
			t.Fatalf("config %v with error %v", cfg, err)
		}
	})
}

func TestDigest(t *testing.T) {
	of := func(source string) Digest {
		t.Helper()
		cfg, err := Parse("agent.yaml", []byte("sources:\n  s: "+source+"\npipelines: {p: {source: s, bundle: b}}\n"), testDrivers)
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Sources[0].Digest
	}
	const text = "{driver: replay.wav, path: clips/a.wav}"
	for _, same := range []string{text, "{driver: replay.wav,  path: 'clips/a.wav'} # as before", "\n    # block style\n    driver: replay.wav\n    path: clips/a.wav"} {
		if of(same) != of(text) {
			t.Errorf("%q counts as another", same)
		}
	}
	for _, other := range []string{"{driver: replay.wav, path: clips/b.wav}", "{driver: replay.wav, path: clips/a.wav, exclusive: true}"} {
		if of(other) == of(text) {
			t.Errorf("%q counts as the same", other)
		}
	}
}
