package config

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Fields reads one mapping. Each method asks for one key, checks its type and
// returns the default where the key is absent; a wrong value becomes a Problem
// and the default. A key that nobody asked for is a Problem too.
type Fields struct {
	report *report
	file   string // for positions
	dir    string // relative paths count from here
	path   string // "sources.mic"
	node   *yaml.Node
	asked  []string
}

// value returns the node of a key and remembers that the key exists.
func (f *Fields) value(key string) *yaml.Node {
	f.asked = append(f.asked, key)
	for i := 0; i+1 < len(f.node.Content); i += 2 {
		if f.node.Content[i].Value == key {
			return f.node.Content[i+1]
		}
	}
	return nil
}

// Has tells whether the key is there.
func (f *Fields) Has(key string) bool { return f.value(key) != nil }

// Problem reports a mistake at a key, or at the mapping where the key is absent.
func (f *Fields) Problem(key, hint, format string, args ...any) {
	at := f.node
	if v := f.value(key); v != nil {
		at = v
	}
	f.report.add(f.at(at), hint, "%s: %s", f.join(key), fmt.Sprintf(format, args...))
}

func (f *Fields) at(n *yaml.Node) Position { return Position{f.file, n.Line, n.Column} }

func (f *Fields) join(key string) string {
	return strings.Trim(f.path+"."+key, ".")
}

// scalar returns the text of a scalar of one of the given YAML tags.
func (f *Fields) scalar(key, want string, tags ...string) (string, bool) {
	v := f.value(key)
	if v == nil {
		return "", false
	}
	if v.Kind != yaml.ScalarNode || !slices.Contains(tags, v.ShortTag()) {
		f.Problem(key, "", "want %s, found %s", want, describe(v))
		return "", false
	}
	return v.Value, true
}

func describe(v *yaml.Node) string {
	switch v.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if v.ShortTag() == "!!null" {
		return "nothing"
	}
	return strconv.Quote(v.Value)
}

// String reads text.
func (f *Fields) String(key, def string) string {
	if s, ok := f.scalar(key, "text", "!!str"); ok {
		return s
	}
	return def
}

// Required reads text that must be there.
func (f *Fields) Required(key, hint string) string {
	if f.value(key) == nil {
		f.report.add(f.at(f.node), hint, "%s: missing", f.join(key))
	}
	return f.String(key, "")
}

// Choice reads one of the given words.
func (f *Fields) Choice(key, def string, options ...string) string {
	s := f.String(key, def)
	if !slices.Contains(options, s) {
		hint := "choose one of: " + strings.Join(options, ", ")
		if near := Nearest(s, options); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		f.Problem(key, hint, "unknown value %q", s)
		return def
	}
	return s
}

// Path reads a file or folder name and resolves it. "-" stays as it is.
func (f *Fields) Path(key string) string {
	s := f.Required(key, "give a path; a relative one counts from the folder of the configuration")
	return f.resolve(s)
}

func (f *Fields) resolve(s string) string {
	if s == "" || s == "-" || filepath.IsAbs(s) {
		return s
	}
	return filepath.Join(f.dir, s)
}

// Bool reads true or false.
func (f *Fields) Bool(key string, def bool) bool {
	s, ok := f.scalar(key, "true or false", "!!bool")
	if !ok {
		return def
	}
	return strings.EqualFold(s, "true")
}

// Float reads a number within lo..hi.
func (f *Fields) Float(key string, def, lo, hi float64) float64 {
	s, ok := f.scalar(key, "a number", "!!float", "!!int")
	if !ok {
		return def
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || v < lo || v > hi {
		f.Problem(key, "", "%s is outside %g to %g", s, lo, hi)
		return def
	}
	return v
}

// Int reads a whole number within lo..hi.
func (f *Fields) Int(key string, def, lo, hi int64) int64 {
	s, ok := f.scalar(key, "a whole number", "!!int")
	if !ok {
		return def
	}
	v, err := strconv.ParseInt(s, 0, 64)
	if err != nil || v < lo || v > hi {
		f.Problem(key, "", "%s is outside %d to %d", s, lo, hi)
		return def
	}
	return v
}

// Duration reads a time such as 500ms, 2s or 1m30s within lo..hi.
func (f *Fields) Duration(key string, def, lo, hi time.Duration) time.Duration {
	s, ok := f.scalar(key, "a time such as 500ms or 2s", "!!str", "!!int")
	if !ok {
		return def
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		f.Problem(key, "write a number with its unit: 500ms, 2s, 1m", "%q is not a time", s)
		return def
	}
	if d < lo || d > hi {
		f.Problem(key, "", "%s is outside %s to %s", d, lo, hi)
		return def
	}
	return d
}

// Bytes reads a size such as 64MiB, 512KiB or a plain number of bytes.
func (f *Fields) Bytes(key string, def int64) int64 {
	s, ok := f.scalar(key, "a size such as 64MiB", "!!str", "!!int")
	if !ok {
		return def
	}
	digits, unit := s, int64(1)
	for suffix, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if d, found := strings.CutSuffix(s, suffix); found {
			digits, unit = strings.TrimSpace(d), size
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/unit {
		f.Problem(key, "write a number with its unit: 512KiB, 64MiB, 1GiB", "%q is not a size", s)
		return def
	}
	return n * unit
}

// Strings reads a list of texts.
func (f *Fields) Strings(key string) []string {
	v := f.value(key)
	if v == nil {
		return nil
	}
	if v.Kind != yaml.SequenceNode || len(v.Content) == 0 {
		f.Problem(key, "write a list: [one, two]", "want a list of texts, found %s", describe(v))
		return nil
	}
	var out []string
	for i, e := range v.Content {
		if e.Kind != yaml.ScalarNode {
			f.report.add(f.at(e), "", "%s[%d]: want text, found %s", f.join(key), i, describe(e))
			continue
		}
		out = append(out, e.Value)
	}
	return out
}

// Ints reads a list of whole numbers within lo..hi.
func (f *Fields) Ints(key string, lo, hi int) []int {
	var out []int
	for i, text := range f.Strings(key) {
		v, err := strconv.Atoi(text)
		if err != nil || v < lo || v > hi {
			f.Problem(key, "", "entry %d is %q, want a whole number from %d to %d", i, text, lo, hi)
			return nil
		}
		out = append(out, v)
	}
	return out
}
