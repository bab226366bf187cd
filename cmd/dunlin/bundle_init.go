package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

const bundleInitUsage = `Usage: dunlin bundle init MODEL [--labels FILE] [--samples DIR] [-o OUT]

Makes a runnable bundle from a .tflite model. The pipeline is proposed from the
shape and metadata of the model, and what was assumed is said: read it. Golden
samples are computed here, and marked so: they show that another device counts
the same, not that the model is good.

--samples runs the files of a folder through the bundle and keeps histograms
of scores and margins, to which live data can be compared later.

OUT ending in .dunlin is written as a bundle, any other name as a folder whose
manifest.json can be edited before dunlin bundle pack.

Examples:
  dunlin bundle init model.tflite --labels labels.txt
  dunlin bundle init model.tflite --samples recordings/ -o pump-0.1.0.dunlin
  dunlin bundle init model.tflite -o model/
`

// initVersion is the version of a bundle that init makes.
const initVersion = "0.1.0"

// modelFile is the model's name inside a bundle that init makes.
const modelFile = "model.tflite"

func runBundleInit(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	out := fl.String("o", "", "write `OUT`; without it NAME-"+initVersion+".dunlin")
	labelFile := fl.String("labels", "", "take the labels from this `FILE`, one a line")
	samples := fl.String("samples", "", "make histograms from the files in `DIR`")
	asJSON := fl.json("one object")
	args, err := fl.parse(args, 1, 1)
	if err != nil {
		return err
	}
	labels, err := readLabels(*labelFile)
	if err != nil {
		return inputError(fmt.Errorf("bundle init: %w", err), "give a text file with one label a line")
	}
	name := bundleName(args[0])
	if *out == "" {
		*out = name + "-" + initVersion + ".dunlin"
	}
	asBundle := strings.HasSuffix(*out, ".dunlin")
	dir := *out
	if asBundle {
		if dir, err = os.MkdirTemp("", "dunlin-init-"); err != nil {
			return fmt.Errorf("bundle init: %w", err)
		}
		defer os.RemoveAll(dir)
	}
	m, note, err := initFolder(ctx, dir, name, args[0], labels)
	if err != nil {
		return err
	}
	p, err := initPack(ctx, e, m, dir, *out, asBundle, *samples)
	if err != nil {
		return fmt.Errorf("bundle init: %w", err)
	}
	p.Note = note
	return e.printPacked(p, *asJSON)
}

// initPack packs the folder, once more after the samples were run, and for a
// folder as output leaves only that.
func initPack(ctx context.Context, e *env, m *bundle.Manifest, dir, out string, asBundle bool, samples string) (*packed, error) {
	file := out
	if !asBundle {
		tmp, err := os.MkdirTemp("", "dunlin-init-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(tmp)
		file = filepath.Join(tmp, "trial.dunlin")
	}
	p, err := pack(file, m, dir)
	if err != nil {
		return nil, err
	}
	if samples != "" {
		if m.Reference, err = histograms(ctx, e, file, samples); err != nil {
			return nil, err
		}
		if p, err = pack(file, m, dir); err != nil {
			return nil, err
		}
	}
	if asBundle {
		return p, nil
	}
	raw, err := m.Encode()
	if err != nil {
		return nil, err
	}
	p.File = filepath.Join(dir, bundle.ManifestName)
	return p, os.WriteFile(p.File, raw, 0o644)
}

// initFolder writes model and golden samples into dir and returns the manifest
// that goes with them.
func initFolder(ctx context.Context, dir, name, model string, labels []string) (*bundle.Manifest, string, error) {
	data, err := readModel(model)
	if err != nil {
		return nil, "", err
	}
	m, err := inference.Open(data, inference.Options{})
	if err != nil {
		return nil, "", modelError(model, err)
	}
	spec, note, err := pipeline.Guess(m, labels)
	if err != nil {
		return nil, "", inputError(fmt.Errorf("bundle init: %w", err), "give as many labels as the model has scores, or use the model by dunlin model run")
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, "", fmt.Errorf("bundle init: %w", err)
	}
	manifest := &bundle.Manifest{
		Schema: bundle.Schema, Name: name, Version: initVersion, Numerics: inference.Numerics,
		Model:    bundle.ModelRef{File: modelFile, Format: "tflite"},
		Pipeline: raw, Requires: requirements(m),
		Files: []bundle.File{}, // Pack lists them
	}
	if err := os.MkdirAll(filepath.Join(dir, goldenDir), 0o755); err != nil {
		return nil, "", fmt.Errorf("bundle init: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, modelFile), data, 0o644); err != nil {
		return nil, "", fmt.Errorf("bundle init: %w", err)
	}
	if manifest.Golden, err = makeGolden(ctx, m, dir); err != nil {
		return nil, "", fmt.Errorf("bundle init: golden samples: %w", err)
	}
	return manifest, note, nil
}

func requirements(m *inference.Model) *bundle.Requires {
	fp := m.Footprint()
	r := &bundle.Requires{RAMBytes: fp.ArenaBytes + fp.PackedBytes}
	for _, op := range m.Ops() {
		r.Ops = append(r.Ops, op.Op)
	}
	return r
}

// maxLabelFile bounds a label file in bytes.
const maxLabelFile = 4 << 20

func readLabels(path string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	if len(raw) > maxLabelFile {
		return nil, fmt.Errorf("labels: %s: more than %d bytes", path, maxLabelFile)
	}
	var labels []string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" {
			labels = append(labels, line)
		}
	}
	return labels, nil
}

// bundleName makes a bundle's name from a file's.
func bundleName(path string) string {
	base := strings.ToLower(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, base)
	name = strings.Trim(name, "-")
	name = name[:min(len(name), 48)]
	if name == "" {
		return "model"
	}
	return name
}

// histograms runs the samples and counts what is decided on all windows.
func histograms(ctx context.Context, e *env, file, dir string) (*bundle.Reference, error) {
	u, err := agent.Load(ctx, file, inference.Options{})
	if err != nil {
		return nil, err
	}
	r := &classifyRun{e: e, unit: u}
	files, err := r.expand([]string{dir})
	if err != nil {
		return nil, fmt.Errorf("samples: %w", err)
	}
	cls, err := u.NewClassifier(false)
	if err != nil {
		return nil, err
	}
	counter := agent.NewReferenceCounter()
	cls.OnWindow = func(res *pipeline.Result) {
		if res.Warm {
			counter.Add(res)
		}
	}
	bar := e.progress(len(files))
	defer bar.done()
	for i, f := range files {
		bar.step(i, f)
		if _, err := cls.File(ctx, f); err != nil {
			return nil, fmt.Errorf("samples: %s: %w", f, err)
		}
	}
	return counter.Reference(), nil
}
