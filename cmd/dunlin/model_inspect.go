package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/dunlin-edge/dunlin/inference"
)

const modelInspectUsage = `Usage: dunlin model inspect MODEL [--signature NAME] [--json]

Shows a model's inputs and outputs with their quantization, its operators with
their multiply-accumulates (MACs), the memory it takes, and everything the
engine does not support. Leaves with 4 if there is any such thing.

Examples:
  dunlin model inspect person_detect.tflite
  dunlin model inspect --json m.tflite | jq .unsupported
`

// modelReport is what inspect prints as JSON.
type modelReport struct {
	File        string         `json:"file"`
	Digest      string         `json:"sha256,omitempty"`
	Description string         `json:"description,omitempty"`
	Signatures  []string       `json:"signatures,omitempty"`
	Inputs      []tensorReport `json:"inputs"`
	Outputs     []tensorReport `json:"outputs"`
	Ops         []opReport     `json:"ops"`
	MACs        int64          `json:"macs"`
	ArenaBytes  int64          `json:"arena_bytes"`
	PackedBytes int64          `json:"packed_bytes"`
	Labels      []string       `json:"labels,omitempty"`
	Unsupported []string       `json:"unsupported"`
}

type tensorReport struct {
	Name       string    `json:"name"`
	Type       string    `json:"type"`
	Shape      []int     `json:"shape"`
	Scales     []float32 `json:"scales,omitempty"`
	ZeroPoints []int32   `json:"zero_points,omitempty"`
}

type opReport struct {
	Op    string `json:"op"`
	Count int    `json:"count"`
	MACs  int64  `json:"macs"`
}

func runModelInspect(ctx context.Context, e *env, args []string) error {
	fs := e.flags()
	asJSON := fs.json("one object")
	signature := fs.signature()
	rest, err := fs.parse(args, 1, 1)
	if err != nil {
		return err
	}
	data, err := readModel(rest[0])
	if err != nil {
		return err
	}
	in, err := inference.Inspect(data, inference.Options{Signature: *signature})
	if err != nil {
		return modelError(rest[0], err)
	}
	r := newModelReport(rest[0], in)
	if *asJSON {
		err = e.json(r)
	} else {
		e.printModelReport(r)
	}
	if err == nil && len(r.Unsupported) > 0 {
		return &cliError{exitUnsupported, "convert it with full int8 quantization, or keep it on a LiteRT runtime",
			fmt.Errorf("%s needs %d things this engine lacks", rest[0], len(r.Unsupported))}
	}
	return err
}

func newModelReport(path string, in *inference.Report) *modelReport {
	r := &modelReport{
		File: path, Description: in.Description, Signatures: in.Signatures, Inputs: tensorReports(in.Inputs), Outputs: tensorReports(in.Outputs),
		ArenaBytes: in.Footprint.ArenaBytes, PackedBytes: in.Footprint.PackedBytes, Unsupported: []string{},
	}
	if len(in.Problems) > 0 {
		r.Unsupported = in.Problems
	} else {
		r.Digest = hex.EncodeToString(in.Digest[:])
	}
	for _, o := range in.Ops {
		r.Ops = append(r.Ops, opReport(o))
		r.MACs += o.MACs
	}
	if in.Metadata != nil {
		r.Labels = in.Metadata.Labels
	}
	return r
}

func tensorReports(list []inference.FileTensor) []tensorReport {
	out := make([]tensorReport, len(list))
	for i, t := range list {
		out[i] = tensorReport(t)
	}
	return out
}

func (e *env) printModelReport(r *modelReport) {
	e.printf("%s  %s\n\n", e.style(bold, r.File), r.Description)
	if len(r.Signatures) > 1 {
		e.printf("signatures %s\n\n", strings.Join(r.Signatures, ", "))
	}
	t := e.table()
	for i, x := range r.Inputs {
		t.row("input "+fmt.Sprint(i), x.text(), x.Name)
	}
	for i, x := range r.Outputs {
		t.row("output "+fmt.Sprint(i), x.text(), x.Name)
	}
	t.flush()
	e.printf("\n")
	t = e.table()
	t.row("OPERATOR", "COUNT", "MACS")
	for _, o := range r.Ops {
		t.row(o.Op, o.Count, countText(o.MACs))
	}
	if len(r.Unsupported) == 0 {
		t.row("total", "", countText(r.MACs))
	}
	t.flush()
	if len(r.Unsupported) > 0 {
		e.printf("\n%s\n", e.style(red, "unsupported"))
		for _, u := range r.Unsupported {
			e.printf("  %s\n", u)
		}
		return
	}
	e.printf("\narena %s, packed weights and tables %s\nsha256 %s\n",
		bytesText(r.ArenaBytes), bytesText(r.PackedBytes), r.Digest)
	if n := len(r.Labels); n > 0 {
		e.printf("labels %d: %s\n", n, strings.Join(r.Labels[:min(n, 4)], ", "))
	}
}

// text gives type, shape and quantization in one cell.
func (t tensorReport) text() string {
	s := fmt.Sprintf("%s%v", t.Type, t.Shape)
	switch len(t.Scales) {
	case 0:
	case 1:
		s += fmt.Sprintf(" scale %.6g", t.Scales[0])
		if len(t.ZeroPoints) == 1 {
			s += fmt.Sprintf(" zero %d", t.ZeroPoints[0])
		}
	default:
		s += fmt.Sprintf(" %d scales", len(t.Scales))
	}
	return s
}

// countText gives a count in decimal units with three digits.
func countText(n int64) string {
	switch {
	case n == 0:
		return "-"
	case n < 1e3:
		return fmt.Sprint(n)
	case n < 1e6:
		return fmt.Sprintf("%.1f k", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f G", float64(n)/1e9)
}
