package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/replay"
	"github.com/dunlin-edge/dunlin/hal/sim"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/inference/vision"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// bins is the number of equal bins of a reference histogram from 0 to 1.
const bins = 20

// measured is what one pass over a test set gave.
type measured struct {
	raw      *confusion // every window or image by itself
	smoothed *confusion // as the device shows it; nil for images
	score    bundle.Histogram
	margin   bundle.Histogram
}

func newMeasured(labels []string) *measured {
	m := &measured{raw: newConfusion(labels)}
	m.score = bundle.Histogram{Name: "score", Max: 1, Counts: make([]int64, bins)}
	m.margin = bundle.Histogram{Name: "margin", Max: 1, Counts: make([]int64, bins)}
	return m
}

// count notes a result that a device would act on.
func (m *measured) count(r *pipeline.Result) {
	for h, v := range map[*bundle.Histogram]float32{&m.score: r.Score, &m.margin: r.Margin} {
		h.Counts[min(max(int(v*bins), 0), bins-1)]++
	}
}

// measureMachines runs the whole pipeline on the simulated test machines seen
// through a sensor of the given gain.
func measureMachines(model *inference.Model, s *pipeline.Spec, gain float64) (*measured, error) {
	p, err := pipeline.New(model, s)
	if err != nil {
		return nil, err
	}
	m := newMeasured(s.Labels)
	m.smoothed = newConfusion(s.Labels)
	for seed := uint64(testSeeds); seed < testSeeds+testMachines; seed++ {
		for fault := range s.Labels {
			clip, err := clipOf(seed, fault, gain, s.Source.Rate, s.Window.Length, s.Window.Hop)
			if err != nil {
				return nil, err
			}
			if err := m.clip(p, clip, fault); err != nil {
				return nil, fmt.Errorf("seed %d: %w", seed, err)
			}
		}
	}
	return m, nil
}

// clip runs all windows of one recording of a known fault.
func (m *measured) clip(p *pipeline.Pipeline, clip []float32, fault int) error {
	var r pipeline.Result
	p.Reset()
	windows := 0
	for {
		clip = clip[p.Write(clip)*sim.Channels:]
		ok, err := p.Next(context.Background(), &r)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		windows++
		m.raw.add(fault, slices.Index(r.Raw, slices.Max(r.Raw)))
		if r.Warm {
			m.smoothed.add(fault, r.Class)
			m.count(&r)
		}
	}
	if len(clip) > 0 || windows != windowsPerRun {
		return fmt.Errorf("%d windows, want %d", windows, windowsPerRun)
	}
	return nil
}

// measureScans runs the pipeline on a folder of scans named ordinal-digit.png,
// light ink on dark paper if invert is set.
func measureScans(model *inference.Model, s *pipeline.Spec, dir string, invert bool) (*measured, error) {
	p, err := pipeline.New(model, s)
	if err != nil {
		return nil, err
	}
	camera, err := replay.OpenImages(replay.Config{Path: dir})
	if err != nil {
		return nil, err
	}
	m := newMeasured(s.Labels)
	var f hal.Frame
	var r pipeline.Result
	for {
		err := camera.Capture(context.Background(), &f)
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return nil, err
		}
		truth := slices.Index(s.Labels, truthOf(f.Item))
		if truth < 0 {
			return nil, fmt.Errorf("%s: its name gives no label", f.Item)
		}
		if invert {
			for i, v := range f.Pix {
				f.Pix[i] = 255 - v
			}
		}
		img := vision.Image{Width: f.Width, Height: f.Height, Stride: f.Stride, Channels: f.Channels, Pix: f.Pix}
		if err := p.Image(context.Background(), img, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Item, err)
		}
		m.raw.add(truth, r.Class)
		m.count(&r)
	}
}

// truthOf returns the label in a name such as 017-3.png.
func truthOf(item string) string {
	name := strings.TrimSuffix(filepath.Base(item), filepath.Ext(item))
	_, label, _ := strings.Cut(name, "-")
	return label
}
