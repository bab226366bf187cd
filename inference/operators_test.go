package inference

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/graph"
	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// columns of the table of operators.
var columns = []tflite.TensorType{
	tflite.TypeFloat32, tflite.TypeInt8, tflite.TypeUint8, tflite.TypeInt16, tflite.TypeInt32, tflite.TypeInt64, tflite.TypeBool,
}

// coverage counts golden models by operator and by the type of its first input
// that is not a constant.
type coverage map[string]map[string]int

func (c coverage) add(t *testing.T, model []byte) {
	t.Helper()
	m, err := tflite.Decode(model)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[2]string]bool{}
	for _, g := range m.Subgraphs {
		for _, o := range g.Operators {
			key := [2]string{m.Codes[o.Code].Name(), typeOf(g.Tensors, o)}
			if seen[key] {
				continue
			}
			seen[key] = true
			if c[key[0]] == nil {
				c[key[0]] = map[string]int{}
			}
			c[key[0]][key[1]]++
		}
	}
}

// typeOf returns the type of the first input that is not a constant, or of the
// first output.
func typeOf(tensors []tflite.Tensor, o tflite.Operator) string {
	for _, list := range [][]int32{o.Inputs, o.Outputs} {
		for _, i := range list {
			if i >= 0 && tensors[i].Data == nil {
				return tensors[i].Type.String()
			}
		}
	}
	return ""
}

// TestEveryOperatorIsTested demands a golden of every operator the engine runs
// and of every type that it lowers by itself, and compares OPERATORS.md with
// what the goldens hold. DUNLIN_UPDATE=1 writes the table anew.
func TestEveryOperatorIsTested(t *testing.T) {
	seen := coverage{}
	for _, a := range append(goldenArchives(), "yolo") {
		for _, e := range archive(t, "testdata/"+a+".zip", ".golden") {
			seen.add(t, e.model)
		}
	}
	for _, path := range []string{"wakeword/okay_nabu", "tflite-micro/audio_preprocessor_int8"} { // beside goldens of their own
		data, err := os.ReadFile(filepath.Join(testmodels.Dir(t), path+".tflite"))
		if err != nil {
			t.Fatal(err)
		}
		seen.add(t, data)
	}
	for op, types := range graph.Operators() {
		if len(seen[op]) == 0 {
			t.Errorf("%s: no golden", op)
		}
		for _, d := range types {
			if seen[op][d.String()] == 0 {
				t.Errorf("%s of %s: no golden", op, d)
			}
		}
	}
	want := seen.table()
	if os.Getenv("DUNLIN_UPDATE") != "" {
		if err := os.WriteFile("OPERATORS.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("OPERATORS.md")
	if err != nil || string(got) != want {
		t.Errorf("OPERATORS.md is not what the goldens hold (DUNLIN_UPDATE=1 writes it): %v", err)
	}
}

func (c coverage) table() string {
	var b strings.Builder
	b.WriteString("# Operators\n\nHow many golden models hold an operator, by the type of its first input that is not a constant. What no golden shows is absent: it may be\n" +
		"refused when a model is opened. Written by `DUNLIN_UPDATE=1 go test -run EveryOperator ./inference`; NUMERICS.md has the rules.\n\n| operator |")
	for _, d := range columns {
		fmt.Fprintf(&b, " %s |", d.String())
	}
	b.WriteString(" other |\n|---|" + strings.Repeat("---|", len(columns)+1) + "\n")
	var names []string
	for op := range graph.Operators() {
		names = append(names, op)
	}
	sort.Strings(names)
	for _, op := range names {
		fmt.Fprintf(&b, "| %s |", op)
		for _, d := range columns {
			if n := c[op][d.String()]; n > 0 {
				fmt.Fprintf(&b, " %d |", n)
			} else {
				b.WriteString(" absent |")
			}
		}
		fmt.Fprintf(&b, " %s |\n", c.others(op))
	}
	return b.String()
}

// others counts those of types without a column, and of none.
func (c coverage) others(op string) string {
	var list []string
	for name, n := range c[op] {
		if !slices.ContainsFunc(columns, func(d tflite.TensorType) bool { return d.String() == name }) {
			list = append(list, fmt.Sprintf("%s %d", cmp.Or(name, "none"), n))
		}
	}
	sort.Strings(list)
	return cmp.Or(strings.Join(list, ", "), "absent")
}
