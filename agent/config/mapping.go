package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// open starts reading a node as a mapping; nil means that it is none.
func (f *Fields) open(path string, n *yaml.Node) *Fields {
	if n.Kind != yaml.MappingNode {
		f.report.add(f.at(n), "", "%s: want a mapping of keys, found %s", path, describe(n))
		return nil
	}
	sub := &Fields{report: f.report, file: f.file, dir: f.dir, path: path, node: n}
	sub.checkKeys()
	return sub
}

// checkKeys refuses keys that are not plain text or that come twice.
func (f *Fields) checkKeys() {
	lines := map[string]int{}
	for i := 0; i+1 < len(f.node.Content); i += 2 {
		k := f.node.Content[i]
		if k.Kind != yaml.ScalarNode || k.Value == "<<" {
			f.report.add(f.at(k), "write every value out; merges are not read", "%s: a key must be plain text", f.path)
			continue
		}
		if first, twice := lines[k.Value]; twice {
			f.report.add(f.at(k), "keep one of the two", "%s: given twice, first on line %d", f.join(k.Value), first)
		}
		lines[k.Value] = k.Line
	}
}

// done reports the keys that nobody asked for.
func (f *Fields) done() {
	for i := 0; i+1 < len(f.node.Content); i += 2 {
		k := f.node.Content[i]
		if k.Value == "<<" || f.knows(k.Value) {
			continue
		}
		hint := "keys here: " + strings.Join(unique(f.asked), ", ")
		if near := Nearest(k.Value, f.asked); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		f.report.add(f.at(k), hint, "%s: unknown key", f.join(k.Value))
	}
}

func (f *Fields) knows(key string) bool {
	for _, k := range f.asked {
		if k == key {
			return true
		}
	}
	return false
}

func unique(keys []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, k := range keys {
		if !seen[k] {
			out = append(out, k)
		}
		seen[k] = true
	}
	return out
}

// section reads a mapping below a key with read, and checks its keys.
func (f *Fields) section(key string, read func(*Fields)) {
	v := f.value(key)
	if v == nil {
		return
	}
	if sub := f.open(f.join(key), v); sub != nil {
		read(sub)
		sub.done()
	}
}

// named reads a mapping of names to mappings, in file order.
func (f *Fields) named(key string, read func(name string, at Position, f *Fields)) {
	v := f.value(key)
	if v == nil {
		return
	}
	m := f.open(f.join(key), v)
	if m == nil {
		return
	}
	for i := 0; i+1 < len(v.Content); i += 2 {
		k := v.Content[i]
		if !validName(k.Value) {
			f.report.add(f.at(k), "use a-z, 0-9, - and _, at most 64", "%s: not a name", m.join(k.Value))
			continue
		}
		if sub := m.open(m.join(k.Value), v.Content[i+1]); sub != nil {
			read(k.Value, f.at(k), sub)
			sub.done()
		}
	}
}

// list reads a list of mappings.
func (f *Fields) list(key string, read func(at Position, f *Fields)) {
	v := f.value(key)
	if v == nil {
		return
	}
	if v.Kind != yaml.SequenceNode {
		f.Problem(key, "begin each entry with a dash", "want a list, found %s", describe(v))
		return
	}
	for i, e := range v.Content {
		if sub := f.open(fmt.Sprintf("%s[%d]", f.join(key), i), e); sub != nil {
			read(f.at(e), sub)
			sub.done()
		}
	}
}

func validName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}
