package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"time"
)

// Snapshot is one window as a pipeline saw it: enough to compute it again on
// any machine, with the same bytes as the result.
type Snapshot struct {
	// State is the pipeline before the window: variables of the model, samples
	// and front end of a stream, smoothing and decisions. Its form is the
	// pipeline's own.
	State  []byte
	Input  []byte // that entered the model, little-endian
	Output []byte // that came out of it: all outputs in the model's order
}

// Whole tells whether the snapshot holds a window.
func (s *Snapshot) Whole() bool { return len(s.State) > 0 && len(s.Output) > 0 }

// reset empties the snapshot and keeps its memory.
func (s *Snapshot) reset() { s.State, s.Input, s.Output = s.State[:0], s.Input[:0], s.Output[:0] }

// stateVersion begins every state.
const stateVersion = 1

// Keep makes the pipeline write every window into s, until it is given another
// snapshot or nil. After a window without an error s is whole. What s needs is
// allocated now and not later.
func (p *Pipeline) Keep(s *Snapshot) {
	p.kept = s
	if s == nil {
		return
	}
	s.reset()
	outputs := 0
	for i := range p.session.Outputs() {
		outputs += p.session.Output(i).Size()
	}
	s.Input, s.Output = grown(s.Input, p.input.Size()), grown(s.Output, outputs)
	s.State = grown(s.State, p.stateSize())
}

func grown(b []byte, n int) []byte {
	if cap(b) >= n {
		return b
	}
	return make([]byte, 0, n)
}

// stateSize bounds the bytes of a state.
func (p *Pipeline) stateSize() int {
	p.tape = tape{}
	p.state(&p.tape)
	n := len(p.tape.buf)
	if p.stream != nil {
		n += 4 * p.stream.length * p.stream.ring.channels
	}
	return n
}

// before keeps the state that the next window begins with.
func (p *Pipeline) before() {
	if p.kept == nil {
		return
	}
	p.kept.reset()
	p.tape = tape{buf: p.kept.State}
	p.state(&p.tape)
	p.kept.State = p.tape.buf
}

// after keeps what the window gave.
func (p *Pipeline) after() {
	if p.kept == nil {
		return
	}
	p.kept.Input = append(p.kept.Input, p.input.Bytes()...)
	p.kept.Output = p.outputs(p.kept.Output)
}

func (p *Pipeline) outputs(dst []byte) []byte {
	for i := range p.session.Outputs() {
		dst = append(dst, p.session.Output(i).Bytes()...)
	}
	return dst
}

// state goes through everything that outlives a window. Only what the tape
// accepts as a whole leaves the pipeline usable.
func (p *Pipeline) state(t *tape) {
	version, seq := stateVersion, int64(p.seq)
	t.count(&version, stateVersion, stateVersion)
	t.number(&seq, 0, math.MaxInt64)
	p.seq = uint64(seq)
	t.bytes(p.session.State())
	p.post.state(t)
	if p.stream != nil {
		p.stream.state(t)
	}
}

// DifferError says that a window did not come out as it did when it was kept.
type DifferError struct {
	What      string // "input" or "output" of the model
	Byte      int    // the first that differs
	Got, Want byte
}

func (e *DifferError) Error() string {
	return fmt.Sprintf("the model's %s differs at byte %d: got %#02x, want %#02x", e.What, e.Byte, e.Got, e.Want)
}

// Again computes a kept window anew, into r: from its samples where the source
// is a stream, otherwise from the model's input. A *[DifferError] says that it
// came out otherwise. The pipeline's own state is lost.
func (p *Pipeline) Again(ctx context.Context, s *Snapshot, r *Result) error {
	p.Reset()
	p.tape = tape{buf: s.State, reading: true}
	t := &p.tape
	p.state(t)
	if t.err == nil && len(t.buf) > 0 || len(s.Input) != p.input.Size() {
		t.err = errState
	}
	if t.err != nil {
		p.Reset()
		return fmt.Errorf("restore snapshot: %w", t.err)
	}
	if p.stream == nil {
		copy(p.input.Bytes(), s.Input)
		r.Start, r.End = int64(p.seq), int64(p.seq)+1
		p.values = p.input.AppendFloats(p.values[:0])
		if err := p.compute(ctx, r, p.values, time.Now()); err != nil {
			return err
		}
	} else if ok, err := p.Next(ctx, r); err != nil || !ok {
		return fmt.Errorf("restore snapshot: its window is not whole: %w", orError(err, errState))
	}
	if err := differ("input", p.input.Bytes(), s.Input); err != nil {
		return err
	}
	return differ("output", p.outputs(nil), s.Output)
}

func orError(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func differ(what string, got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	if len(got) != len(want) {
		return fmt.Errorf("restore snapshot: %s of %d bytes, the model's has %d", what, len(want), len(got))
	}
	for i := range got {
		if got[i] != want[i] {
			return &DifferError{what, i, got[i], want[i]}
		}
	}
	return nil
}
