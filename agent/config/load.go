package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds one configuration file in bytes.
const maxFile = 1 << 20

// Load reads the file and its conf.d. The error is an *Error where the text is
// at fault, otherwise that of the file system.
func Load(file string, drivers []Driver) (*Config, error) {
	raw, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	l := newLoader(file, drivers)
	l.file(file, raw, true)
	more, err := filepath.Glob(filepath.Join(filepath.Dir(file), "conf.d", "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	for _, name := range more { // Glob sorts
		raw, err := readFile(name)
		if err != nil {
			return nil, fmt.Errorf("configuration: %w", err)
		}
		l.file(name, raw, false)
	}
	return l.finish()
}

// Parse reads one configuration text, as Load does without conf.d; file is its
// name in messages and the start of relative paths.
func Parse(file string, raw []byte, drivers []Driver) (*Config, error) {
	l := newLoader(file, drivers)
	l.file(file, raw, true)
	return l.finish()
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("%s: more than %d bytes", name, maxFile)
	}
	return raw, nil
}

// loader gathers the files into one Config.
type loader struct {
	cfg     *Config
	report  *report
	drivers []Driver
	dir     string
}

func newLoader(file string, drivers []Driver) *loader {
	cfg := &Config{File: file}
	cfg.Device.Name = hostName()
	cfg.Limits.Drain = defaultDrain
	cfg.API.Listen = DefaultListen
	cfg.Telemetry.Captures = Captures{MaxBytes: 32 << 20, MaxAge: 30 * 24 * time.Hour, DayBytes: 8 << 20, DayFiles: 200}
	return &loader{cfg: cfg, report: &report{}, drivers: drivers, dir: filepath.Dir(file)}
}

// hostName returns the host's name as a valid device name.
func hostName() string {
	h, err := os.Hostname()
	if err != nil {
		return "device"
	}
	h, _, _ = strings.Cut(strings.ToLower(h), ".")
	if !validName(h) {
		return "device"
	}
	return h
}

func (l *loader) file(name string, raw []byte, main bool) {
	root, problem := parseYAML(name, raw)
	if problem != nil {
		l.report.problems = append(l.report.problems, *problem)
		return
	}
	if root == nil {
		return
	}
	base := &Fields{report: l.report, file: name, dir: l.dir}
	f := base.open("", root)
	if f == nil {
		return
	}
	f.named("sources", l.source)
	f.named("pipelines", l.pipeline)
	if main {
		f.section("device", l.device)
		f.section("limits", l.limits)
		f.section("api", l.api)
		f.section("telemetry", l.telemetry)
		f.section("fleet", l.fleet)
		f.section("mqtt", l.plant)
		f.section("serve", l.serve)
	}
	f.done()
}

// parseYAML returns the root node, nil for an empty text.
func parseYAML(name string, raw []byte) (*yaml.Node, *Problem) {
	dec := yaml.NewDecoder(strings.NewReader(string(raw)))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, syntaxProblem(name, err)
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, &Problem{Position{name, second.Line, 1}, "more than one YAML document", "put further sources and pipelines into conf.d/NAME.yaml"}
	}
	return doc.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func syntaxProblem(name string, err error) *Problem {
	at := Position{File: name}
	text := err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		at.Line, _ = strconv.Atoi(m[1])
		at.Column = min(at.Line, 1)
		text = text[len(m[0]):]
	}
	return &Problem{at, "not YAML: " + text, "check indentation (spaces, no tabs) and quote texts that contain : or #"}
}

// finish checks what no single file can know.
func (l *loader) finish() (*Config, error) {
	l.checkDuplicates()
	l.namePlant()
	l.checkSources()
	// A member of a fleet reports what it is before anybody has wired it up; a
	// folder of models is served without pipelines.
	if len(l.cfg.Pipelines) == 0 && l.cfg.Fleet.Dir == "" && !l.cfg.Serve.On() && len(l.report.problems) == 0 {
		l.report.add(Position{File: l.cfg.File}, "add pipelines: {NAME: {source: ..., bundle: ...}}, or fleet: {dir: ...} to join a fleet first", "pipelines: none, so there is nothing to run")
	}
	for _, p := range l.cfg.Pipelines {
		if p.Assigned && p.Name == "agent" {
			l.report.add(p.At, "call it otherwise", "pipelines.agent.assigned: updates know the agent's own program by this name")
		}
		if p.Assigned && l.cfg.Fleet.Dir == "" {
			l.report.add(p.At, "add fleet: {dir: /var/lib/dunlin/fleet} and enrol, or name a bundle", "pipelines.%s.assigned: this device has no fleet that could assign one", p.Name)
		}
	}
	for _, p := range l.cfg.Pipelines {
		if p.Capture.Any() && l.cfg.Telemetry.Dir == "" {
			l.report.add(p.At, "add telemetry: {dir: /var/lib/dunlin/telemetry}", "pipelines.%s.capture: there is no folder to keep captures in", p.Name)
		}
	}
	if err := l.report.err(); err != nil {
		return nil, err
	}
	return l.cfg, nil
}

func (l *loader) checkDuplicates() {
	first := map[string]Position{}
	check := func(what, name string, at Position) {
		if other, twice := first[what+name]; twice {
			l.report.add(at, "rename one of the two", "%s.%s: already in %s", what, name, other)
			return
		}
		first[what+name] = at
	}
	for _, s := range l.cfg.Sources {
		check("sources", s.Name, s.At)
	}
	for _, p := range l.cfg.Pipelines {
		check("pipelines", p.Name, p.At)
	}
}

// checkSources finds pipelines without their source and exclusive sources
// with two.
func (l *loader) checkSources() {
	sources := map[string]Source{}
	var names []string
	for _, s := range l.cfg.Sources {
		sources[s.Name] = s
		names = append(names, s.Name)
	}
	user := map[string]string{}
	for _, p := range l.cfg.Pipelines {
		if _, ok := sources[p.Source]; !ok && p.Source != "" {
			hint := "add it under sources"
			if near := Nearest(p.Source, names); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			l.report.add(p.At, hint, "pipelines.%s.source: no source is named %q", p.Name, p.Source)
		}
		if other := user[p.Source]; other != "" && sources[p.Source].Exclusive {
			l.report.add(p.At, "give one of them its own source", "pipelines %s and %s: both want source %s, which is exclusive", other, p.Name, p.Source)
		}
		user[p.Source] = p.Name
	}
}

func (l *loader) driverNames() []string {
	var names []string
	for _, d := range l.drivers {
		names = append(names, d.Name)
	}
	return names
}

func (l *loader) driverHint(name string) string {
	if near := Nearest(name, l.driverNames()); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "drivers: " + strings.Join(l.driverNames(), ", ")
}

func keysOf(n *yaml.Node) []string {
	var keys []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		keys = append(keys, n.Content[i].Value)
	}
	return slices.Clip(keys)
}
