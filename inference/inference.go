// Package inference loads quantized models and runs them with the same bytes
// on every CPU.
//
// Start with [Open], then [Model.NewSession] and [Session.Run]. A [Model] is
// immutable and may be shared; a [Session] owns its memory and serves one
// goroutine at a time.
//
// Numbers follow LiteRT's default on x86-64, operator by operator as
// NUMERICS.md beside this file says; what cannot be run that way is refused
// by [Open] with an [UnsupportedError].
package inference

import (
	"context"
	_ "embed"
	"fmt"
	"math/bits"
	"os"
	"runtime"
	"time"

	"github.com/dunlin-edge/dunlin/inference/internal/graph"
	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// Numerics is the version of the rules in NUMERICS.md that this engine
// computes by. A bundle names the version its golden samples were made with.
const Numerics = 1

// Operators is OPERATORS.md: a table in Markdown of how many golden models hold
// each operator by type, "absent" where none does.
//
//go:embed OPERATORS.md
var Operators string

// Options limit what a model may use. The zero value has defaults for all.
type Options struct {
	// MaxMemory bounds the bytes that weights, tables and one arena take
	// together; 0 stands for 512 MiB. It is charged before each allocation.
	MaxMemory int64
	// MaxSteps bounds the multiply-accumulates and elements of one run, loops
	// included; 0 stands for 1e12.
	MaxSteps int64
	// Signature names the entry of a model that has several; "" is the first
	// subgraph.
	Signature string
	// Threads is how many threads a run may use, at most 8 and no more than there
	// are CPUs; 0 stands for 1. [ThreadsAuto] takes all CPUs where that is faster
	// than one, which Open measures and sessions go on watching. The outputs do not depend on it.
	Threads int
}

// UnsupportedError names everything in a valid model that the engine cannot
// run.
type UnsupportedError = graph.UnsupportedError

// ErrFormat is wrapped by Open's error for bytes that are no model at all.
var ErrFormat = tflite.ErrFormat

// ErrSteps is returned by a Run whose loops use up Options.MaxSteps.
var ErrSteps = graph.ErrSteps

// ErrMemory is wrapped by Open's error for a model that Options.MaxMemory has no
// room for.
var ErrMemory = graph.ErrMemory

// ErrTier is wrapped by Open's error when DUNLIN_CPU names an instruction set
// that this CPU or this build lacks.
var ErrTier = kernel.ErrTier

// maxFile bounds the model files that OpenFile reads.
const maxFile = 1 << 30

// Model is a loaded model, ready to make sessions. It is safe for concurrent
// use.
type Model struct {
	plan       *graph.Plan
	meta       *Metadata
	signatures []string
	digest     [32]byte
	threads    int
	calibrated [2]time.Duration // of one thread and of all, where that chose all
	backend    Backend          // nil where this engine computes
}

// Open decodes, checks and plans a model. It keeps nothing of data: weights
// are packed into memory of the model's own.
//
// The error wraps [ErrFormat] for foreign bytes and is an *[UnsupportedError]
// for a sound model with something the engine lacks.
func Open(data []byte, o Options) (*Model, error) {
	sum := newDigest()
	sum.add(data)
	return load(data, o, sum)
}

// load waits for the sum also where planning fails: data is the caller's again.
func load(data []byte, o Options, sum *digest) (*Model, error) {
	m, err := planned(data, o)
	digest := sum.end()
	if err != nil {
		return nil, err
	}
	m.digest = digest
	if o.Threads == ThreadsAuto && m.threads > 1 {
		m.calibrate()
	}
	return m, nil
}

func planned(data []byte, o Options) (*Model, error) {
	if err := kernel.CheckTier(); err != nil {
		return nil, err
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = 512 << 20
	}
	if bits.UintSize == 32 {
		o.MaxMemory = min(o.MaxMemory, 1<<30) // places in the arena are ints
	}
	if o.MaxSteps <= 0 {
		o.MaxSteps = 1e12
	}
	threads := min(max(o.Threads, 1), maxThreads, runtime.GOMAXPROCS(0))
	if o.Threads == ThreadsAuto {
		threads = min(maxThreads, runtime.GOMAXPROCS(0))
	}
	file, err := tflite.Decode(data)
	if err != nil {
		return nil, err
	}
	mem := &graph.Budget{Memory: o.MaxMemory, Steps: o.MaxSteps, Workers: threads}
	plan, err := planEntry(file, o.Signature, mem)
	if err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	m := &Model{plan: plan, signatures: signatureNames(file), threads: threads}
	if m.meta, err = readMetadata(file, data); err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	return m, nil
}

// OpenFile reads a model file whole and opens it, so that the file may change
// or vanish afterwards.
func OpenFile(path string, o Options) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := newDigest()
	data, free, err := readAll(f, sum.add)
	if free != nil {
		defer free()
	}
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	if err != nil {
		sum.end()
		return nil, fmt.Errorf("read model: %w", err)
	}
	return load(data, o, sum)
}

// Inputs describes the inputs in the model's order.
func (m *Model) Inputs() []TensorInfo { return infos(m.plan.Inputs) }

// Outputs describes the outputs in the model's order.
func (m *Model) Outputs() []TensorInfo { return infos(m.plan.Outputs) }

func infos(values []graph.Value) []TensorInfo {
	list := make([]TensorInfo, len(values))
	for i, v := range values {
		list[i] = info(v.Tensor)
	}
	return list
}

func info(t *graph.Tensor) TensorInfo {
	return TensorInfo{
		Name: t.Name, DType: t.DType, Shape: append([]int(nil), t.Shape...),
		Scale: t.Scale(), ZeroPoint: t.Zero(),
	}
}

// Digest returns the SHA-256 of the model's bytes.
func (m *Model) Digest() [32]byte { return m.digest }

// Metadata returns what the file says about itself, or nil if nothing.
func (m *Model) Metadata() *Metadata { return m.meta }

// Tier returns the instruction set that models opened now use: the best of this
// CPU, or the one that DUNLIN_CPU names.
func Tier() string { return kernel.Tier() }

// Footprint is the memory a model takes, in bytes.
type Footprint struct {
	ArenaBytes  int64 // of each session
	PackedBytes int64 // weights and tables, shared by all sessions
}

// Footprint returns the memory the model takes.
func (m *Model) Footprint() Footprint {
	return Footprint{ArenaBytes: int64(m.plan.ArenaSize), PackedBytes: m.plan.Packed}
}

// OpCount counts the steps of one operator.
type OpCount struct {
	Op    string // as TFLite prints it
	Count int
	MACs  int64 // multiply-accumulates of one run
}

// Ops counts the steps that run by operator, in order of first use. Operators
// that only rename bytes take no step.
func (m *Model) Ops() []OpCount {
	names := make([]string, len(m.plan.Steps))
	for i, s := range m.plan.Steps {
		names[i] = s.Op
	}
	return countOps(names, m.plan.Steps)
}

// Session is one use of a model: an arena and the views onto it. It serves
// one goroutine at a time.
type Session struct {
	plan    *graph.Plan
	arena   []byte
	exec    graph.Exec
	inputs  []*Tensor
	outputs []*Tensor
	team    *team  // nil where one thread runs all
	pace    *pacer // nil where threads share every run
	runner  Runner // nil where this engine computes
}

// NewSession allocates an arena and sets the variables, which fails where an
// index that the file computes for them is outside its data.
func (m *Model) NewSession() (*Session, error) {
	s, err := m.session(m.threads)
	if err == nil && s.team != nil {
		runtime.AddCleanup(s, (*team).close, s.team)
	}
	return s, err
}

func (m *Model) session(threads int) (*Session, error) {
	s := &Session{plan: m.plan, arena: kernel.Pages(m.plan.ArenaSize)}
	s.inputs = s.tensors(m.plan.Inputs)
	s.outputs = s.tensors(m.plan.Outputs)
	if err := s.begin(); err != nil {
		return nil, err
	}
	if threads > 1 {
		s.team = newTeam(m.plan, s.arena, threads-1)
		if m.calibrated[0] > 0 {
			s.pace = newPacer(m.calibrated[0], m.calibrated[1])
		}
	}
	if m.backend != nil {
		runner, err := m.backend.NewRunner()
		if err != nil {
			return nil, err
		}
		s.runner = runner
	}
	return s, nil
}

func (s *Session) tensors(values []graph.Value) []*Tensor {
	list := make([]*Tensor, len(values))
	for i, v := range values {
		list[i] = &Tensor{TensorInfo: info(v.Tensor), data: v.Ref.Bytes(s.arena)}
		if v.Rows != nil {
			list[i].all, list[i].rows, list[i].axis = list[i].data, v.Rows.Bytes(s.arena), v.Axis
		}
	}
	return list
}

// Inputs returns the number of inputs.
func (s *Session) Inputs() int { return len(s.inputs) }

// Outputs returns the number of outputs.
func (s *Session) Outputs() int { return len(s.outputs) }

// Input returns input i. Its bytes keep their value through Run.
func (s *Session) Input(i int) *Tensor { return s.inputs[i] }

// Output returns output i, valid after Run.
func (s *Session) Output(i int) *Tensor { return s.outputs[i] }

// Run computes the outputs from the inputs. It allocates nothing. The
// context is looked at between steps; after its error, that of an index outside
// its data, or [ErrSteps], the outputs are undefined and the next Run starts anew.
func (s *Session) Run(ctx context.Context) (err error) {
	defer catchFault(&err)
	switch {
	case s.runner != nil:
		err = s.runner.Run(ctx, s.inputs, s.outputs)
	case s.team == nil:
		err = s.exec.Run(ctx, s.plan, s.arena)
	case s.pace != nil:
		err = s.paced(ctx)
	default:
		err = s.shared(ctx)
	}
	runtime.KeepAlive(s.plan) // and its weights, which lie beside the heap
	for _, t := range s.outputs {
		t.cut()
	}
	return err
}

// shared runs the steps that have parts with the team.
func (s *Session) shared(ctx context.Context) error {
	s.team.begin()
	defer s.team.end()
	s.exec.Start(ctx, s.plan)
	for i := range s.plan.Steps {
		if step := &s.plan.Steps[i]; step.Part == nil {
			if err := s.exec.Step(step, s.arena); err != nil {
				return err
			}
			continue
		}
		if err := s.exec.Stopped(); err != nil {
			return err
		}
		s.team.step(i)
	}
	return nil
}

// catchFault turns the panic about an index outside its data, or a value an
// operator is not defined for, into an error. Steps have no other errors of their
// own: only what is computed while running can be wrong after the plan has been
// checked.
func catchFault(err *error) {
	if r := recover(); r != nil {
		fault, ok := r.(kernel.Fault)
		if !ok {
			panic(r)
		}
		*err = fmt.Errorf("run model: %w", fault)
	}
}

// State returns the bytes that live from one run to the next, the model's
// variables in an order that depends on the model alone; none where it has no
// memory. Copied out before a run and back in later, with the same inputs, they
// give the same outputs on every CPU. The slice stays valid for the session's
// life; any bytes are safe.
func (s *Session) State() []byte { return s.arena[:s.plan.StateSize:s.plan.StateSize] }

// Reset returns the session to its state after NewSession: variables have
// their initial values, inputs are zeros.
func (s *Session) Reset() {
	// The same steps worked in NewSession.
	clear(s.arena)
	_ = s.begin()
}

func (s *Session) begin() (err error) {
	defer catchFault(&err)
	if s.runner != nil {
		if err := s.runner.Reset(); err != nil {
			return err
		}
	}
	err = s.exec.Begin(s.plan, s.arena)
	runtime.KeepAlive(s.plan)
	return err
}
