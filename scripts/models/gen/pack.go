package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// packing is one bundle in the making.
type packing struct {
	name, version, created string
	model, spec, card      string // files
	scans                  string // folder of held-out scans, for images
	gain                   float64
	run, code, data        string
	out                    string
}

// pack measures a trained model on this engine and writes its bundle.
func pack(args []string) error {
	var p packing
	f := flag.NewFlagSet("pack", flag.ContinueOnError)
	f.StringVar(&p.name, "name", "", "name of the bundle")
	f.StringVar(&p.version, "version", "", "version of the bundle")
	f.StringVar(&p.created, "created", "", "time of release, RFC 3339")
	f.StringVar(&p.model, "model", "", "trained .tflite file")
	f.StringVar(&p.spec, "spec", "", "pipeline spec")
	f.StringVar(&p.card, "card", "", "head of the card, Markdown")
	f.StringVar(&p.scans, "scans", "", "folder of held-out scans (images)")
	f.Float64Var(&p.gain, "gain", 1, "gain of the sensor the model was trained with (vibration)")
	f.StringVar(&p.run, "run", "", "lineage: how it was trained")
	f.StringVar(&p.code, "code", "", "lineage: files of the training, separated by commas")
	f.StringVar(&p.data, "data", "", "lineage: data files, separated by commas")
	f.StringVar(&p.out, "out", "", "bundle to write")
	if err := f.Parse(args); err != nil {
		return err
	}
	return p.pack()
}

func (p *packing) pack() error {
	data, err := os.ReadFile(p.model)
	if err != nil {
		return err
	}
	model, err := inference.Open(data, inference.Options{})
	if err != nil {
		return fmt.Errorf("%s: %w", p.model, err)
	}
	rawSpec, err := os.ReadFile(p.spec)
	if err != nil {
		return err
	}
	spec, err := pipeline.ParseSpec(rawSpec)
	if err != nil {
		return fmt.Errorf("%s: %w", p.spec, err)
	}
	m := p.manifest(rawSpec, model)
	for _, st := range append(spec.Preprocess, spec.Postprocess...) {
		m.Requires.Features = append(m.Requires.Features, st.Op)
	}
	files := bundle.Files{m.Model.File: data}
	if m.Lineage, err = p.lineage(); err != nil {
		return err
	}
	card, err := p.evaluate(m, files, model, spec)
	if err != nil {
		return err
	}
	head, err := os.ReadFile(p.card)
	if err != nil {
		return err
	}
	files[m.Card] = append(head, card...)
	digest, err := bundle.PackFile(p.out, m, files)
	if err != nil {
		return err
	}
	fmt.Printf("%s: sha256 %x\n%s", p.out, digest, card)
	return bundle.Verify(p.out)
}

func (p *packing) manifest(spec []byte, model *inference.Model) *bundle.Manifest {
	m := &bundle.Manifest{
		Schema: bundle.Schema, Name: p.name, Version: p.version, Numerics: inference.Numerics, Created: p.created,
		Model:    bundle.ModelRef{File: "model.tflite", Format: "tflite"},
		Pipeline: json.RawMessage(bytes.TrimSpace(spec)), Licence: "Apache-2.0", Card: "card.md",
		Requires: &bundle.Requires{RAMBytes: model.Footprint().ArenaBytes + model.Footprint().PackedBytes},
	}
	for _, op := range model.Ops() {
		m.Requires.Ops = append(m.Requires.Ops, op.Op)
	}
	return m
}

// evaluate measures, adds golden samples, and returns the card's second half.
func (p *packing) evaluate(m *bundle.Manifest, files bundle.Files, model *inference.Model, spec *pipeline.Spec) (string, error) {
	var inputs [][]float32
	var err error
	if spec.Source.Kind == pipeline.KindImage {
		inputs, err = scanInputs(p.scans, 6, spec.Source.Width)
	} else {
		inputs, err = machineInputs(spec, p.gain)
	}
	if err != nil {
		return "", err
	}
	if err := addGolden(m, files, model, inputs); err != nil {
		return "", err
	}
	q := quality{model: model, spec: spec, scans: p.scans, gain: p.gain}
	if err := q.measure(); err != nil {
		return "", err
	}
	m.Evaluation, m.Reference = q.evaluation(), q.reference()
	return q.card(), nil
}

func (p *packing) lineage() (*bundle.Lineage, error) {
	l := &bundle.Lineage{Run: p.run}
	sum := sha256.New()
	for path := range strings.SplitSeq(p.code, ",") {
		if err := hashInto(sum, path); err != nil {
			return nil, err
		}
	}
	l.Code = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	for path := range strings.SplitSeq(p.data, ",") {
		sum := sha256.New()
		if err := hashInto(sum, path); err != nil {
			return nil, err
		}
		l.Data = append(l.Data, "sha256:"+hex.EncodeToString(sum.Sum(nil)))
	}
	return l, nil
}

func hashInto(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
