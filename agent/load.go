package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// A Unit is a bundle ready to run: its files checked, its model planned for
// this device, its golden samples exact. It is immutable and may be shared.
type Unit struct {
	Manifest *bundle.Manifest
	Digest   string // SHA-256 of the bundle, hex
	Model    *inference.Model
	Golden   int // golden samples that came out exact here
	spec     *pipeline.Spec
	source   pipeline.SourceSpec
	labels   []string
	plain    *Unit  // the same on this CPU, where Model is on a server
	decides  bool   // the pipeline makes events
	model    string // SHA-256 of the model file, hex
	path     string // of the bundle
	variant  int    // of its models
}

// A LoadError says which bundle did not become a Unit, and why.
type LoadError struct {
	Path string
	Err  error
}

func (e *LoadError) Error() string { return fmt.Sprintf("bundle %s: %v", e.Path, e.Err) }
func (e *LoadError) Unwrap() error { return e.Err }

// A MismatchError reports the first byte of a golden sample that differs from
// what the bundle promises.
type MismatchError struct {
	Sample, Output, Byte int
	Got, Want            byte
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("golden sample %d: output %d differs at byte %d: got %#02x, want %#02x", e.Sample, e.Output, e.Byte, e.Got, e.Want)
}

// Hint says what to do next.
func (e *MismatchError) Hint() string {
	return "the bundle was made by an engine with other arithmetic, or is damaged; do not run it, ask its publisher"
}

// Load opens the bundle at path and makes it ready: files, manifest, and the
// best of its models that fits this board: pipeline, golden samples and
// requirements, measured here. Every error is a *LoadError.
func Load(ctx context.Context, path string, o inference.Options) (*Unit, error) {
	return LoadModel(ctx, path, o, "")
}

// LoadModel is Load of the model with a SHA-256, in hex, which was chosen
// before: what it requires is not measured again.
func LoadModel(ctx context.Context, path string, o inference.Options, model string) (*Unit, error) {
	u, err := load(ctx, path, o, model)
	if err != nil {
		return nil, &LoadError{path, err}
	}
	return u, nil
}

// LoadAll makes all models of a bundle ready, the best first, whether they fit
// this board or not: for who releases them, or looks for the one that decided.
func LoadAll(ctx context.Context, path string, o inference.Options) ([]*Unit, error) {
	b, err := bundle.Open(path)
	if err != nil {
		return nil, &LoadError{path, err}
	}
	defer b.Close()
	var all []*Unit
	for i := range b.Variants() {
		u, err := LoadModel(ctx, path, o, b.Variant(i).ModelSum())
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

func load(ctx context.Context, path string, o inference.Options, model string) (*Unit, error) {
	b, err := bundle.Open(path)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if n := b.Manifest().Numerics; n > inference.Numerics {
		return nil, fmt.Errorf("numerics %d: this engine knows up to %d; it is too old for the bundle", n, inference.Numerics)
	}
	var unfit error
	for i := range b.Variants() {
		v := b.Variant(i)
		if model != "" && v.ModelSum() != model {
			continue
		}
		u, err := loadVariant(ctx, v, o, model == "")
		if err == nil {
			u.path, u.variant = path, i
			return u, nil
		}
		var wrong *MismatchError
		if ctx.Err() != nil || errors.As(err, &wrong) { // other numbers are no question of fit
			return nil, err
		}
		if b.Variants() > 1 {
			err = fmt.Errorf("%s: %w", v.Manifest().Model.File, err)
		}
		unfit = errors.Join(unfit, err)
	}
	if unfit == nil {
		return nil, fmt.Errorf("it has no model %.12s", model)
	}
	return nil, unfit
}

// loadVariant makes a bundle's only model ready, and with measure judges
// whether it is one for this board.
func loadVariant(ctx context.Context, b *bundle.Bundle, o inference.Options, measure bool) (*Unit, error) {
	digest := b.Digest()
	u := &Unit{Manifest: b.Manifest(), Digest: hex.EncodeToString(digest[:])}
	data, err := b.Model()
	if err != nil {
		return nil, err
	}
	if u.Model, err = inference.Open(data, o); err != nil {
		return nil, err
	}
	sum := u.Model.Digest()
	u.model = hex.EncodeToString(sum[:])
	if err := u.plan(); err != nil {
		return nil, err
	}
	if err := u.check(ctx, b); err != nil || !measure {
		return u, err
	}
	return u, u.requirements(ctx, b)
}

// plan builds the pipeline once, to find out now whether it fits the model.
func (u *Unit) plan() error {
	spec, err := pipeline.ParseSpec(u.Manifest.Pipeline)
	if err != nil {
		return err
	}
	u.spec = spec
	p, err := u.newPipeline()
	if err != nil {
		return err
	}
	u.source, u.labels = p.Source(), p.Labels()
	u.decides = slices.ContainsFunc(spec.Postprocess, func(s pipeline.Stage) bool { return s.Op == "decide" })
	return nil
}

func (u *Unit) newPipeline() (*pipeline.Pipeline, error) { return pipeline.New(u.Model, u.spec) }

// entering is the unit with another score at which it enters decisions, where
// that score is meant for it. A decision is not left at a higher one than it is
// entered at.
func (u *Unit) entering(at config.Enter) *Unit {
	if at.Bundle != u.Name() {
		return u
	}
	spec, other := *u.spec, *u
	spec.Postprocess = slices.Clone(spec.Postprocess)
	for i := range spec.Postprocess {
		if s := &spec.Postprocess[i]; s.Op == "decide" {
			if s.Leave != nil {
				leave := min(*s.Leave, at.Score)
				s.Leave = &leave
			}
			s.Enter = &at.Score
		}
	}
	other.spec = &spec
	return &other
}

// Name is the bundle's name@version.
func (u *Unit) Name() string { return u.Manifest.Name + "@" + u.Manifest.Version }

// check runs the golden samples on a session of their own.
func (u *Unit) check(ctx context.Context, b *bundle.Bundle) error {
	if len(u.Manifest.Golden) == 0 {
		return nil
	}
	s, err := u.Model.NewSession()
	if err != nil {
		return err
	}
	for i := range u.Manifest.Golden {
		in, out, err := b.Golden(i)
		if err != nil {
			return err
		}
		if err := checkSample(ctx, u.Model, s, i, in, out); err != nil {
			return err
		}
		u.Golden++
	}
	return nil
}

func checkSample(ctx context.Context, m *inference.Model, s *inference.Session, i int, in, out [][]byte) error {
	if len(in) != len(m.Inputs()) || len(out) != len(m.Outputs()) {
		return fmt.Errorf("golden sample %d: %d inputs and %d outputs, the model has %d and %d", i, len(in), len(out), len(m.Inputs()), len(m.Outputs()))
	}
	s.Reset()
	for k, data := range in {
		if dst := s.Input(k).Bytes(); len(dst) != len(data) {
			return fmt.Errorf("golden sample %d: input %d has %d bytes, want %d for %s", i, k, len(data), len(dst), m.Inputs()[k])
		} else {
			copy(dst, data)
		}
	}
	if err := s.Run(ctx); err != nil {
		return fmt.Errorf("golden sample %d: %w", i, err)
	}
	for k, want := range out {
		if err := compare(i, k, s.Output(k).Bytes(), want); err != nil {
			return err
		}
	}
	return nil
}

func compare(sample, output int, got, want []byte) error {
	if len(got) != len(want) {
		return fmt.Errorf("golden sample %d: output %d has %d bytes, want %d", sample, output, len(want), len(got))
	}
	for n := range want {
		if got[n] != want[n] {
			return &MismatchError{sample, output, n, got[n], want[n]}
		}
	}
	return nil
}
