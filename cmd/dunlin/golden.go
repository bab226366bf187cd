package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// Golden samples that init makes: seeded noise, the same on every machine.
const (
	goldenDir     = "golden"
	goldenSamples = 4
	goldenSeed    = 1
)

// makeGolden runs seeded inputs and writes them with their outputs.
func makeGolden(ctx context.Context, m *inference.Model, dir string) ([]bundle.Golden, error) {
	s, err := m.NewSession()
	if err != nil {
		return nil, err
	}
	var list []bundle.Golden
	for i := range goldenSamples {
		s.Reset()
		rng := rand.New(rand.NewPCG(goldenSeed, uint64(i)))
		g := bundle.Golden{Origin: "init on " + runtime.GOARCH}
		for k := range m.Inputs() {
			fillNoise(s.Input(k), rng)
			name := fmt.Sprintf("%s/%d.in%d.bin", goldenDir, i, k)
			if err := os.WriteFile(filepath.Join(dir, name), s.Input(k).Bytes(), 0o644); err != nil {
				return nil, err
			}
			g.Input = append(g.Input, name)
		}
		if err := s.Run(ctx); err != nil {
			return nil, err
		}
		for k := range m.Outputs() {
			name := fmt.Sprintf("%s/%d.out%d.bin", goldenDir, i, k)
			if err := os.WriteFile(filepath.Join(dir, name), s.Output(k).Bytes(), 0o644); err != nil {
				return nil, err
			}
			g.Output = append(g.Output, name)
		}
		list = append(list, g)
	}
	return list, nil
}

// fillNoise sets every element: 8- and 16-bit integers over their whole range,
// float32 within -1 to 1, others 0 or 1.
func fillNoise(t *inference.Tensor, rng *rand.Rand) {
	data := t.Bytes()
	size := t.DType.Size()
	for at := 0; at+size <= len(data); at += size {
		switch {
		case t.DType == inference.Float32:
			v := float32(rng.IntN(1<<16))/(1<<15) - 1
			binary.LittleEndian.PutUint32(data[at:], math.Float32bits(v))
		case size == 1 && t.DType != inference.Bool:
			data[at] = byte(rng.IntN(256))
		case t.DType == inference.Int16:
			binary.LittleEndian.PutUint16(data[at:], uint16(rng.IntN(1<<16)))
		default:
			clear(data[at : at+size])
			data[at] = byte(rng.IntN(2))
		}
	}
}
