package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dunlin-edge/dunlin/inference"
)

const modelRunUsage = `Usage: dunlin model run MODEL --in 0=FILE [--in 1=FILE...] --out-dir DIR
                        [--signature NAME] [--repeat N]

Runs a model once on raw tensors: little-endian, row-major, in the model's own
types, no header. Writes DIR/out0.bin, DIR/out1.bin, ... the same way.

Examples:
  dunlin model run m.tflite --in 0=x.bin --out-dir out
  dunlin model run m.tflite --in 0=a.bin --in 1=b.bin --out-dir out --repeat 10
`

// inputFiles collects --in N=FILE.
type inputFiles map[int]string

func (f inputFiles) String() string { return "" }

func (f inputFiles) Set(v string) error {
	n, file, ok := strings.Cut(v, "=")
	i, err := strconv.Atoi(n)
	if !ok || err != nil || i < 0 || file == "" {
		return fmt.Errorf("want N=FILE, as in 0=x.bin")
	}
	if _, twice := f[i]; twice {
		return fmt.Errorf("input %d is given twice", i)
	}
	f[i] = file
	return nil
}

func runModelRun(ctx context.Context, e *env, args []string) error {
	fs := e.flags()
	in := inputFiles{}
	fs.Var(in, "in", "`N=FILE`: raw tensor for input N; once for each input")
	dir := fs.String("out-dir", "", "`DIR` for the outputs; made if it is not there")
	repeat := fs.Int("repeat", 1, "run `N` times on the same input")
	signature := fs.signature()
	rest, err := fs.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if *dir == "" || *repeat < 1 {
		return usageError(fs.seeHelp(), "--out-dir DIR and a --repeat of at least 1 are needed")
	}
	_, s, err := openModel(rest[0], inference.Options{Signature: *signature})
	if err != nil {
		return err
	}
	if err := loadInputs(s, in); err != nil {
		return err
	}
	for range *repeat {
		if err := s.Run(ctx); err != nil {
			return fmt.Errorf("run model: %w", err)
		}
	}
	return writeOutputs(s, *dir)
}

// loadInputs reads every input's file; sizes must match to the byte.
func loadInputs(s *inference.Session, files inputFiles) error {
	n := s.Inputs()
	for i := range files {
		if i >= n {
			return usageError(fmt.Sprintf("the model has inputs 0 to %d", n-1), "no input %d", i)
		}
	}
	for i := range n {
		t := s.Input(i)
		path, ok := files[i]
		if !ok {
			return usageError(fmt.Sprintf("add --in %d=FILE with %d bytes", i, t.Size()), "input %d %q: no file given", i, t.Name)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return inputError(err, "check the path of input "+strconv.Itoa(i))
		}
		if len(data) != t.Size() {
			return inputError(fmt.Errorf("input %d %q: %s has %d bytes, want %d", i, t.Name, path, len(data), t.Size()),
				fmt.Sprintf("the tensor is %s: %d elements of %d bytes, row-major, no header",
					t.TensorInfo, t.Elements(), t.DType.Size()))
		}
		copy(t.Bytes(), data)
	}
	return nil
}

func writeOutputs(s *inference.Session, dir string) error {
	const hint = "name a folder that you may write to"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return hintError(err, hint)
	}
	for i := range s.Outputs() {
		path := filepath.Join(dir, fmt.Sprintf("out%d.bin", i))
		if err := os.WriteFile(path, s.Output(i).Bytes(), 0o644); err != nil {
			return hintError(err, hint)
		}
	}
	return nil
}
