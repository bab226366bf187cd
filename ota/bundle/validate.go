package bundle

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// validate checks the values of a manifest whose Files are filled.
func (m *Manifest) validate() error {
	for _, check := range []func() error{m.checkIdentity, m.checkContent, m.checkFiles, m.checkNamed, m.checkQuality} {
		if err := check(); err != nil {
			return fmt.Errorf("manifest: %w", err)
		}
	}
	return nil
}

func (m *Manifest) checkIdentity() error {
	switch {
	case m.Schema != Schema:
		return fmt.Errorf("schema: %d, this version reads %d", m.Schema, Schema)
	case !validSlug(m.Name):
		return fmt.Errorf("name: %q, want 1 to 64 of a-z, 0-9 and -, not starting or ending with -", m.Name)
	case !validSemver(m.Version):
		return fmt.Errorf("version: %q is not a semantic version such as 1.2.0", m.Version)
	case m.Numerics < 1:
		return fmt.Errorf("numerics: %d, want 1 or more", m.Numerics)
	}
	if m.Created == "" {
		return nil
	}
	if _, err := time.Parse(time.RFC3339, m.Created); err != nil || !strings.HasSuffix(m.Created, "Z") {
		return fmt.Errorf("created: %q is not an RFC 3339 time in UTC", m.Created)
	}
	return nil
}

func (m *Manifest) checkContent() error {
	if p := bytes.TrimSpace(m.Pipeline); len(p) == 0 || p[0] != '{' {
		return errors.New("pipeline: an object is required")
	}
	if len(m.Variants) >= MaxVariants {
		return fmt.Errorf("variants: %d, limit %d", len(m.Variants), MaxVariants-1)
	}
	return m.eachVariant(func(at string, v *Variant) error { return v.check(at) })
}

// eachVariant calls f with the key path and each model of the bundle, the best
// first.
func (m *Manifest) eachVariant(f func(at string, v *Variant) error) error {
	if err := f("", &Variant{m.Model, m.Requires, m.Golden}); err != nil {
		return err
	}
	for i := range m.Variants {
		if err := f(fmt.Sprintf("variants[%d].", i), &m.Variants[i]); err != nil {
			return err
		}
	}
	return nil
}

func (v *Variant) check(at string) error {
	if v.Model.Format != "tflite" {
		return fmt.Errorf("%smodel.format: %q, want \"tflite\"", at, v.Model.Format)
	}
	if len(v.Golden) > MaxGolden {
		return fmt.Errorf("%sgolden: %d samples, limit %d", at, len(v.Golden), MaxGolden)
	}
	r := v.Requires
	if r == nil {
		return nil
	}
	switch {
	case r.MinAgent != "" && !validSemver(r.MinAgent):
		return fmt.Errorf("%srequires.min_agent: %q is not a semantic version", at, r.MinAgent)
	case r.RAMBytes < 0:
		return fmt.Errorf("%srequires.ram_bytes: %d is negative", at, r.RAMBytes)
	case r.MaxLatencyMS < 0:
		return fmt.Errorf("%srequires.max_latency_ms: %v is negative", at, r.MaxLatencyMS)
	}
	return nil
}

// checkFiles checks the list alone: order, names, sizes, sums, limits.
func (m *Manifest) checkFiles() error {
	if len(m.Files) > MaxFiles {
		return fmt.Errorf("files: %d, limit %d", len(m.Files), MaxFiles)
	}
	folded := map[string]string{strings.ToLower(ManifestName): ManifestName}
	for i, f := range m.Files {
		if err := checkName(f.Name); err != nil {
			return fmt.Errorf("files[%d].name: %w", i, err)
		}
		if i > 0 && f.Name < m.Files[i-1].Name {
			return fmt.Errorf("files[%d]: %q is not in order after %q", i, f.Name, m.Files[i-1].Name)
		}
		if other, dup := folded[strings.ToLower(f.Name)]; dup {
			return fmt.Errorf("files[%d]: %q is listed twice, as %q", i, f.Name, other)
		}
		folded[strings.ToLower(f.Name)] = f.Name
		if f.Size < 0 || f.Size > MaxFileBytes {
			return fmt.Errorf("files[%d].size: %d, want 0 to %d", i, f.Size, int64(MaxFileBytes))
		}
		if !validSum(f.SHA256) {
			return fmt.Errorf("files[%d].sha256: %q is not 64 lower-case hex digits", i, f.SHA256)
		}
	}
	return checkFolders(folded)
}

// checkFolders refuses a name that is both a file and a folder.
func checkFolders(folded map[string]string) error {
	for low, name := range folded {
		for i := strings.IndexByte(low, '/'); i >= 0; {
			if file, both := folded[low[:i]]; both {
				return fmt.Errorf("files: %q is a file and the folder of %q", file, name)
			}
			next := strings.IndexByte(low[i+1:], '/')
			if next < 0 {
				break
			}
			i += 1 + next
		}
	}
	return nil
}

// checkNamed checks that every file the manifest points at is listed.
func (m *Manifest) checkNamed() error {
	listed := map[string]bool{}
	for _, f := range m.Files {
		listed[f.Name] = true
	}
	return m.eachNamed(func(path, name string) error {
		if !listed[name] {
			return fmt.Errorf("%s: %q is not listed in files", path, name)
		}
		return nil
	})
}

// eachNamed calls f with the key path and name of every file referred to.
func (m *Manifest) eachNamed(f func(path, name string) error) error {
	if m.Card != "" {
		if err := f("card", m.Card); err != nil {
			return err
		}
	}
	return m.eachVariant(func(at string, v *Variant) error {
		if v.Model.File == "" {
			return fmt.Errorf("%smodel.file: required", at)
		}
		if err := f(at+"model.file", v.Model.File); err != nil {
			return err
		}
		for i, g := range v.Golden {
			if err := g.eachNamed(fmt.Sprintf("%sgolden[%d]", at, i), f); err != nil {
				return err
			}
		}
		return nil
	})
}

func (g *Golden) eachNamed(at string, f func(path, name string) error) error {
	if len(g.Input) == 0 || len(g.Output) == 0 {
		return fmt.Errorf("%s: input and output are both required", at)
	}
	for j, name := range g.Input {
		if err := f(fmt.Sprintf("%s.input[%d]", at, j), name); err != nil {
			return err
		}
	}
	for j, name := range g.Output {
		if err := f(fmt.Sprintf("%s.output[%d]", at, j), name); err != nil {
			return err
		}
	}
	return nil
}

// checkQuality checks reference, evaluation and lineage.
func (m *Manifest) checkQuality() error {
	if m.Reference != nil {
		for i, h := range m.Reference.Histograms {
			if err := h.check(); err != nil {
				return fmt.Errorf("reference.histograms[%d]: %w", i, err)
			}
		}
	}
	if m.Evaluation != nil && m.Evaluation.Dataset == "" {
		return errors.New("evaluation.dataset: required")
	}
	if m.Lineage == nil {
		return nil
	}
	if c := m.Lineage.Code; c != "" && !validDigest(c) {
		return fmt.Errorf("lineage.code: %q is not sha256:<64 hex digits>", c)
	}
	for i, d := range m.Lineage.Data {
		if !validDigest(d) {
			return fmt.Errorf("lineage.data[%d]: %q is not sha256:<64 hex digits>", i, d)
		}
	}
	return nil
}

func (h Histogram) check() error {
	if h.Name == "" {
		return errors.New("name is required")
	}
	if len(h.Counts) == 0 || !(h.Min < h.Max) || math.IsInf(h.Max-h.Min, 0) {
		return fmt.Errorf("%q: want min < max and at least one count", h.Name)
	}
	for _, c := range h.Counts {
		if c < 0 {
			return fmt.Errorf("%q: a count is negative", h.Name)
		}
	}
	return nil
}

func validSum(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 64 && strings.ToLower(s) == s
}

func validDigest(s string) bool {
	sum, ok := strings.CutPrefix(s, "sha256:")
	return ok && validSum(sum)
}
