package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dunlin-edge/dunlin/inference"
)

// floatLimit is the largest difference of a float output relative to its
// largest value.
const floatLimit = 1e-5

// genericLimit is the largest share of a model's time for portable kernels.
const genericLimit = 0.02

// sample is what one process printed; times in microseconds, RSS in KiB.
type sample struct{ init, first, median, rss, generic float64 }

// result compares one model.
type result struct {
	name         string
	kind         string
	ours, theirs []sample
	outputs      string // "equal", or how they differ
	tier         string
	refused      string
}

func compareAll(c config) error {
	if c.library == "" || c.folder == "" {
		return errors.New("-library and a folder of models are needed")
	}
	tmp, err := os.MkdirTemp("", "peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	peer, err := buildPeer(tmp)
	if err != nil {
		return err
	}
	if c.tier != "" {
		if c.library, err = limit(c.tier, c.library, tmp); err != nil {
			return err
		}
	}
	models, err := findModels(c)
	if err != nil {
		return err
	}
	var results []result
	for _, m := range models {
		r, err := compareModel(c, peer, m, tmp)
		if err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		fmt.Fprintln(os.Stderr, r.progress())
		results = append(results, r)
	}
	report(c, results)
	return verdict(results)
}

// findModels lists the folder's models; single operators have no time worth
// measuring.
func findModels(c config) (list []string, err error) {
	err = filepath.WalkDir(c.folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "seanet" {
			return fs.SkipDir
		}
		if err == nil && filepath.Ext(path) == ".tflite" && strings.Contains(path, c.only) {
			list = append(list, path)
		}
		return err
	})
	return list, err
}

func compareModel(c config, peer, path, tmp string) (result, error) {
	name, _ := filepath.Rel(c.folder, path)
	r := result{name: strings.TrimSuffix(name, ".tflite")}
	m, err := inference.OpenFile(path, inference.Options{})
	if err != nil {
		r.refused = strings.SplitN(err.Error(), "\n", 2)[0]
		return r, nil
	}
	inputs, err := writeInputs(m, tmp)
	if err != nil {
		return r, err
	}
	r.kind = kind(m)
	a, b := filepath.Join(tmp, "a"), filepath.Join(tmp, "b")
	os.MkdirAll(a, 0o700)
	os.MkdirAll(b, 0o700)
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	seconds := strconv.FormatFloat(c.seconds, 'f', -1, 64)
	for range c.rounds {
		ours, fields, err := runOne(self, append([]string{"-seconds", seconds, "-model", path, a}, inputs...))
		if err != nil {
			return r, err
		}
		ours.generic, _ = strconv.ParseFloat(fields[5], 64)
		r.tier = fields[6]
		theirs, _, err := runOne(peer, append([]string{c.library, path, seconds, b}, inputs...))
		if err != nil {
			r.refused = "LiteRT's compiled model: " + err.Error()
			return r, nil
		}
		r.ours, r.theirs = append(r.ours, ours), append(r.theirs, theirs)
	}
	r.outputs, err = compareOutputs(m, a, b)
	return r, err
}

func runOne(bin string, args []string) (s sample, fields []string, err error) {
	var stderr bytes.Buffer
	cmd := exec.Command(bin, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return s, nil, fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	fields = strings.Fields(string(out))
	if len(fields) < 5 {
		return s, nil, fmt.Errorf("printed %q", out)
	}
	for i, p := range []*float64{&s.init, &s.first, &s.median, &s.rss} {
		*p, _ = strconv.ParseFloat(fields[i], 64)
	}
	return s, fields, nil
}

// writeInputs makes seeded inputs: any byte for integers, [-1, 1) for floats.
func writeInputs(m *inference.Model, dir string) (paths []string, err error) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i, in := range m.Inputs() {
		data := make([]byte, in.Size())
		for k := 0; k < len(data); k++ {
			data[k] = byte(rng.Uint32())
		}
		if in.DType == inference.Float32 {
			for k := 0; k < len(data); k += 4 {
				binary.LittleEndian.PutUint32(data[k:], math.Float32bits(rng.Float32()*2-1))
			}
		}
		path := filepath.Join(dir, fmt.Sprintf("in%d.bin", i))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func compareOutputs(m *inference.Model, a, b string) (string, error) {
	worst := 0.0
	for i, out := range m.Outputs() {
		name := fmt.Sprintf("out%d.bin", i)
		x, err := os.ReadFile(filepath.Join(a, name))
		if err != nil {
			return "", err
		}
		y, err := os.ReadFile(filepath.Join(b, name))
		if err != nil {
			return "", err
		}
		if out.DType == inference.Float32 {
			worst = max(worst, floatDifference(x, y))
		} else if !bytes.Equal(x, y) {
			return fmt.Sprintf("output %d differs", i), nil
		}
	}
	if worst > 0 {
		return fmt.Sprintf("within %.1e", worst), nil
	}
	return "equal", nil
}

// floatDifference returns max|x-y| / max|y| of two float32 outputs.
func floatDifference(x, y []byte) float64 {
	if len(x) != len(y) {
		return math.Inf(1)
	}
	diff, largest := 0.0, 0.0
	for k := 0; k < len(x); k += 4 {
		u := float64(math.Float32frombits(binary.LittleEndian.Uint32(x[k:])))
		v := float64(math.Float32frombits(binary.LittleEndian.Uint32(y[k:])))
		diff, largest = max(diff, math.Abs(u-v)), max(largest, math.Abs(v))
	}
	return diff / max(largest, math.SmallestNonzeroFloat32)
}

// kind names the arithmetic of a model by its layers' kernels.
func kind(m *inference.Model) string {
	s, err := m.NewSession()
	if err != nil {
		return "?"
	}
	steps, _ := s.Profile(context.Background())
	macs := map[string]int64{}
	for _, st := range steps {
		for suffix, k := range map[string]string{"_qs8": "int8", "_qu8": "uint8", "_f32": "float32", "_qd8": "dynamic", "_16x8": "int16"} {
			if strings.HasSuffix(st.Kernel, suffix) {
				macs[k] += st.MACs
			}
		}
	}
	best := "other"
	for _, k := range []string{"dynamic", "float32", "int16", "uint8", "int8"} {
		if macs[k] > macs[best] {
			best = k
		}
	}
	return best
}

func medianOf(list []sample, field func(sample) float64) (median, lo, hi float64) {
	v := make([]float64, len(list))
	for i, s := range list {
		v[i] = field(s)
	}
	slices.Sort(v)
	return v[len(v)/2], v[0], v[len(v)-1]
}
