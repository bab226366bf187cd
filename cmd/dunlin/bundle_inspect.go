package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// bundleReport is what bundle inspect prints as JSON.
type bundleReport struct {
	Digest   string           `json:"digest"`
	Manifest *bundle.Manifest `json:"manifest"`
}

func runBundleInspect(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	asJSON := fl.json("digest and manifest")
	args, err := fl.parse(args, 1, 1)
	if err != nil {
		return err
	}
	b, err := bundle.Open(args[0])
	if err != nil {
		return fmt.Errorf("inspect: %w", &agent.LoadError{Path: args[0], Err: err})
	}
	defer b.Close()
	digest := b.Digest()
	r := bundleReport{hex.EncodeToString(digest[:]), b.Manifest()}
	if *asJSON {
		return e.json(r)
	}
	e.printBundle(&r)
	if r.Manifest.Card != "" {
		card, err := b.File(r.Manifest.Card)
		if err != nil {
			return fmt.Errorf("inspect: %w", err)
		}
		e.printf("\n%s\n", strings.TrimSpace(printable(card)))
	}
	return nil
}

// printable takes out what could steer a terminal.
func printable(text []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(text), "�"))
}

func (e *env) printBundle(r *bundleReport) {
	m := r.Manifest
	e.printf("%s %s\n\n", e.style(bold, m.Name), m.Version)
	t := e.table()
	t.row("digest", r.Digest)
	t.row("model", fmt.Sprintf("%s, numerics %d", m.Model.File, m.Numerics))
	if spec, err := pipeline.ParseSpec(m.Pipeline); err != nil {
		t.row("pipeline", err)
	} else {
		pipelineRows(t, spec)
	}
	for i, v := range m.Variants {
		t.row(fmt.Sprintf("variant %d", i+1), v.Model.File+", where the ones before it do not fit a board")
	}
	if len(m.Golden) > 0 {
		t.row("golden", fmt.Sprintf("%d samples, by %s", len(m.Golden), goldenOrigins(m)))
	}
	if m.Created != "" {
		t.row("created", m.Created)
	}
	if m.Licence != "" {
		t.row("licence", m.Licence)
	}
	evaluationRows(t, m.Evaluation)
	t.flush()
	e.printf("\n")
	t.row("FILE", "SIZE", "SHA-256")
	for _, f := range m.Files {
		t.row(f.Name, bytesText(f.Size), f.SHA256[:16])
	}
	t.flush()
}

func pipelineRows(t table, s *pipeline.Spec) {
	source := s.Source.Kind
	if s.Source.Rate != 0 {
		source += fmt.Sprintf(", %g Hz", s.Source.Rate)
	}
	if s.Source.Channels > 1 {
		source += fmt.Sprintf(", %d channels", s.Source.Channels)
	}
	t.row("source", source)
	if s.Window != nil {
		t.row("window", fmt.Sprintf("%d samples, hop %d", s.Window.Length, s.Window.Hop))
	}
	t.row("stages", stages(s.Preprocess)+" > model > "+stages(s.Postprocess))
	t.row("labels", wrapLabels(s.Labels))
}

func stages(list []pipeline.Stage) string {
	var ops []string
	for _, s := range list {
		ops = append(ops, s.Op)
	}
	if ops == nil {
		return "none"
	}
	return strings.Join(ops, " > ")
}

// wrapLabels shows some labels of many.
func wrapLabels(labels []string) string {
	const shown = 6
	if len(labels) <= shown {
		return strings.Join(labels, ", ")
	}
	return fmt.Sprintf("%s, ... (%d)", strings.Join(labels[:shown], ", "), len(labels))
}

func goldenOrigins(m *bundle.Manifest) string {
	origins := map[string]bool{}
	for _, g := range m.Golden {
		if g.Origin == "" {
			g.Origin = "unknown"
		}
		origins[g.Origin] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(origins)), ", ")
}

func evaluationRows(t table, ev *bundle.Evaluation) {
	if ev == nil {
		return
	}
	title := "evaluated"
	for _, line := range wrap(ev.Dataset, helpWidth-len(title)-4) {
		t.row(title, line)
		title = ""
	}
	for _, name := range slices.Sorted(maps.Keys(ev.Metrics)) {
		t.row("", fmt.Sprintf("%s %.4g", name, ev.Metrics[name]))
	}
	for _, s := range ev.Slices {
		var metrics []string
		for _, name := range slices.Sorted(maps.Keys(s.Metrics)) {
			metrics = append(metrics, fmt.Sprintf("%s %.4g", name, s.Metrics[name]))
		}
		t.row("", fmt.Sprintf("%s (%d): %s", s.Name, s.Count, strings.Join(metrics, ", ")))
	}
}
