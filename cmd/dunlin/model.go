package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dunlin-edge/dunlin/inference"
)

const modelUsage = `Usage: dunlin model COMMAND MODEL [--FLAG...]

Looks into a .tflite model file and runs it on plain tensors, without a bundle
or a pipeline.
`

func modelCommands() []command {
	return []command{
		{"inspect", "inputs, outputs, operators, memory, what is unsupported", modelInspectUsage, runModelInspect},
		{"run", "run raw tensors through a model", modelRunUsage, runModelRun},
		{"bench", "time a model on this device", modelBenchUsage, runModelBench},
		{"profile", "time every operator of a model", modelProfileUsage, runModelProfile},
	}
}

func runModel(ctx context.Context, e *env, args []string) error {
	return e.dispatch(ctx, "model", modelCommands(), args)
}

// readModel reads a model file whole.
func readModel(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, inputError(err, "name a .tflite file that exists and may be read")
	}
	return data, nil
}

// openModel loads a model for the commands that run it.
func openModel(path string, o inference.Options) (*inference.Model, *inference.Session, error) {
	data, err := readModel(path)
	if err != nil {
		return nil, nil, err
	}
	m, err := inference.Open(data, o)
	if err != nil {
		return nil, nil, modelError(path, err)
	}
	s, err := m.NewSession()
	return m, s, err
}

// modelError gives a model's error its exit code and hint.
func modelError(path string, err error) error {
	err = fmt.Errorf("%s: %w", path, err)
	var un *inference.UnsupportedError
	switch {
	case errors.As(err, &un):
		return &cliError{exitUnsupported, fmt.Sprintf("%q lists what the model needs", "dunlin model inspect "+path), err}
	case errors.Is(err, inference.ErrTier):
		return inputError(err, "unset DUNLIN_CPU, or name one of those")
	case errors.Is(err, inference.ErrSignature):
		return inputError(err, "give --signature one of those, or leave it out")
	case errors.Is(err, inference.ErrFormat):
		hint := inference.ExportHint(path, firstBytes(path))
		if hint == "" {
			hint = "export the model as TensorFlow Lite (.tflite, int8); other formats are not read"
		}
		return inputError(err, hint)
	}
	return inputError(err, "the file is damaged or cut short; copy or export it again")
}

// firstBytes are those that formats are told apart by; none where the file is
// gone.
func firstBytes(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := io.ReadFull(f, head)
	return head[:n]
}
