package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dunlin-edge/dunlin/hal/sim"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/inference/signal"
)

// features writes train.f32, valid.f32 and test.f32: rows of the features of
// one window as little-endian float32, the class in the last column.
func features(args []string) error {
	f := flag.NewFlagSet("features", flag.ContinueOnError)
	spec := f.String("spec", "", "pipeline spec with a vibration stage")
	gain := f.Float64("gain", 1, "gain of the sensor")
	out := f.String("out", "", "folder to write to")
	if err := f.Parse(args); err != nil {
		return err
	}
	s, err := readSpec(*spec)
	if err != nil {
		return err
	}
	v, err := vibrationOf(s)
	if err != nil {
		return err
	}
	for _, set := range []struct {
		name  string
		first uint64
		count int
	}{{"train", trainSeeds, trainMachines}, {"valid", validSeeds, validMachines}, {"test", testSeeds, testMachines}} {
		path := filepath.Join(*out, set.name+".f32")
		if err := writeFeatures(path, s, v, set.first, set.count, *gain); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func readSpec(path string) (*pipeline.Spec, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return pipeline.ParseSpec(raw)
}

// vibrationOf builds the features of the spec's first stage, as the pipeline
// does.
func vibrationOf(s *pipeline.Spec) (*signal.Vibration, error) {
	if len(s.Preprocess) == 0 || s.Preprocess[0].Op != "vibration" {
		return nil, errors.New("the spec does not begin with a vibration stage")
	}
	st := s.Preprocess[0]
	cfg := signal.VibrationConfig{RateHz: s.Source.Rate, Length: s.Window.Length, Axes: s.Source.Channels, Features: st.Features, FFT: st.FFT, Log: st.Log}
	for _, b := range st.BandsHz {
		cfg.BandsHz = append(cfg.BandsHz, [2]float64{b[0], b[1]})
	}
	return signal.NewVibration(cfg)
}

func writeFeatures(path string, s *pipeline.Spec, v *signal.Vibration, first uint64, machines int, gain float64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	row := make([]float32, v.Width()+1)
	for seed := first; seed < first+uint64(machines); seed++ {
		for fault := range s.Labels {
			clip, err := clipOf(seed, fault, gain, s.Source.Rate, s.Window.Length, s.Window.Hop)
			if err != nil {
				return err
			}
			for i := range windowsPerRun {
				v.Window(row, clip[i*s.Window.Hop*sim.Channels:][:s.Window.Length*sim.Channels])
				row[v.Width()] = float32(fault)
				if err := binary.Write(w, binary.LittleEndian, row); err != nil {
					return err
				}
			}
		}
	}
	return errors.Join(w.Flush(), file.Close())
}
