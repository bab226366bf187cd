package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/replay"
	"github.com/dunlin-edge/dunlin/hal/sim"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// addGolden runs the inputs (real values of the model's input) and puts both
// sides of every sample into the bundle.
func addGolden(m *bundle.Manifest, files bundle.Files, model *inference.Model, inputs [][]float32) error {
	session, err := model.NewSession()
	if err != nil {
		return err
	}
	for i, in := range inputs {
		if err := session.Input(0).SetFloats(in); err != nil {
			return err
		}
		raw := bytes.Clone(session.Input(0).Bytes()) // a run may reuse the input's memory
		if err := session.Run(context.Background()); err != nil {
			return err
		}
		g := bundle.Golden{Input: []string{fmt.Sprintf("golden/%d.in0.bin", i)}, Output: []string{fmt.Sprintf("golden/%d.out0.bin", i)}, Origin: "publisher"}
		files[g.Input[0]] = raw
		files[g.Output[0]] = bytes.Clone(session.Output(0).Bytes())
		m.Golden = append(m.Golden, g)
	}
	return nil
}

// machineInputs are one window per fault of two test machines.
func machineInputs(s *pipeline.Spec, gain float64) ([][]float32, error) {
	v, err := vibrationOf(s)
	if err != nil {
		return nil, err
	}
	norm := s.Preprocess[1]
	var out [][]float32
	for seed := uint64(testSeeds); seed < testSeeds+2; seed++ {
		for fault := range s.Labels {
			clip, err := clipOf(seed, fault, gain, s.Source.Rate, s.Window.Length, s.Window.Hop)
			if err != nil {
				return nil, err
			}
			row := make([]float32, v.Width())
			v.Window(row, clip[:s.Window.Length*sim.Channels])
			for i := range row {
				row[i] = (row[i] - norm.Mean[i]) / norm.Std[i]
			}
			out = append(out, row)
		}
	}
	return out, nil
}

// scanInputs are the first scans of a folder, every pixel a square.
func scanInputs(dir string, count, side int) ([][]float32, error) {
	camera, err := replay.OpenImages(replay.Config{Path: dir})
	if err != nil {
		return nil, err
	}
	var out [][]float32
	for range count {
		var f hal.Frame
		if err := camera.Capture(context.Background(), &f); err == io.EOF {
			return nil, fmt.Errorf("%s: fewer than %d scans", dir, count)
		} else if err != nil {
			return nil, err
		}
		row := make([]float32, side*side)
		for i := range row {
			x, y := i%side*f.Width/side, i/side*f.Height/side
			row[i] = (float32(f.Pix[y*f.Stride+x*f.Channels]) - 127.5) / 127.5
		}
		out = append(out, row)
	}
	return out, nil
}
