package inference

import (
	"bytes"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// matrix counts golden models by operator and type, then by what their
// parameters are, as read from the models.
type matrix map[string]map[string]int

func (m matrix) add(t *testing.T, e entry) {
	t.Helper()
	f, err := tflite.Decode(e.model)
	if err != nil {
		t.Fatal(err)
	}
	g := parseGolden(t, e.name, e.beside)
	model, err := openClear(e.model, Options{Signature: g.signature})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[2]string]bool{}
	note := func(key, cell string) {
		if seen[[2]string{key, cell}] {
			return
		}
		seen[[2]string{key, cell}] = true
		if m[key] == nil {
			m[key] = map[string]int{}
		}
		m[key][cell]++
	}
	for i := range f.Subgraphs {
		s := &f.Subgraphs[i]
		for k := range s.Operators {
			c := &cells{f: f, g: s, o: &s.Operators[k]}
			name := f.Codes[c.o.Code].Name()
			key := name + " " + typeOf(s.Tensors, *c.o)
			for _, cell := range c.list(name) {
				note(key, cell)
			}
			if len(s.Operators) == 1 && len(model.Outputs()) == 1 && saturates(model.Outputs()[0].DType, g.outputs) {
				note(key, "saturates")
			}
			for _, step := range model.plan.Steps {
				if step.Op == name {
					note(key, "rule "+step.Rule)
				}
			}
		}
	}
}

// saturates tells whether outputs hold both ends of their type.
func saturates(d DType, out []byte) bool {
	switch d {
	case Int8:
		return bytes.IndexByte(out, 0x80) >= 0 && bytes.IndexByte(out, 0x7F) >= 0
	case Uint8:
		return bytes.IndexByte(out, 0) >= 0 && bytes.IndexByte(out, 0xFF) >= 0
	case Int16:
		return bytes.Contains(out, []byte{0, 0x80}) && bytes.Contains(out, []byte{0xFF, 0x7F})
	}
	return false
}

// TestMatrix demands a golden in every cell and compares MATRIX.md with what the
// goldens hold. DUNLIN_UPDATE=1 writes the table anew.
func TestMatrix(t *testing.T) {
	m := matrix{}
	for _, a := range goldenArchives() {
		for _, e := range archive(t, "testdata/"+a+".zip", ".golden") {
			m.add(t, e)
		}
	}
	want := required()
	for key, list := range want {
		var empty []string
		for _, cell := range list {
			if m[key][cell] == 0 {
				empty = append(empty, cell)
			}
		}
		if len(empty) > 0 {
			t.Errorf("%s: no golden with %s", key, strings.Join(empty, ", "))
		}
	}
	table := m.table(want)
	if os.Getenv("DUNLIN_UPDATE") != "" {
		if err := os.WriteFile("MATRIX.md", []byte(table), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("MATRIX.md")
	if err != nil || string(got) != table {
		t.Errorf("MATRIX.md is not what the goldens hold (DUNLIN_UPDATE=1 writes it): %v", err)
	}
}

// goldenArchives names the archives of one-operator models.
func goldenArchives() []string {
	return []string{"ops", "ops_more", "ops_float", "ops_rest", "ops_types", "ops_flow", "ops_late", "ops_cells", "ops_moves", "ops_wide", "ops_rows"}
}

func (m matrix) table(want map[string][]string) string {
	var b strings.Builder
	b.WriteString("# Parameters\n\nHow many golden models have an operator of a type with a parameter, as read from the models themselves: only what\n" +
		"the test demands. Written by `DUNLIN_UPDATE=1 go test -run Matrix ./inference`.\n")
	var keys []string
	for key := range want {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		fmt.Fprintf(&b, "\n**%s**: ", key)
		for i, cell := range want[key] {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s %d", cell, m[key][cell])
		}
		b.WriteString("\n")
	}
	return b.String()
}
