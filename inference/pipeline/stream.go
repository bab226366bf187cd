package pipeline

import (
	"fmt"
	"math"
)

// stream cuts samples into windows and preprocesses them.
type stream struct {
	ring   ring
	chain  *chain
	length int
	hop    int
	slides bool // rows slide from window to window

	start   int64 // of the next window
	frame   int64 // start of the front end's next frame
	missing int   // rows still to come for the next window
	checked int64 // samples before this are finite
}

func newStream(w Window, channels int, c *chain) *stream {
	s := &stream{ring: newRing(w.Length, channels), chain: c, length: w.Length, hop: orDefault(w.Hop, w.Length)}
	s.slides = c.frame != nil && s.hop%c.front.Step() == 0
	s.restart(0)
	return s
}

// restart begins a window at stream index at; buffered samples are dropped.
func (s *stream) restart(at int64) {
	s.ring.restart(at)
	s.start, s.frame, s.checked = at, at, at
	if s.chain.front != nil {
		s.missing = len(s.chain.rows)
		s.chain.front.Restart()
	}
}

// gap accounts for lost samples.
func (s *stream) gap(lost int) { s.restart(s.ring.end() + int64(max(lost, 0))) }

// whole tells whether all samples of the next window are there.
func (s *stream) whole() bool { return s.ring.end() >= s.start+int64(s.length) }

// next returns the preprocessed next window, or nil while it is incomplete. Its
// samples are checked.
func (s *stream) next() []float32 {
	if s.slides {
		return s.nextSliding()
	}
	s.ring.drop(s.start)
	if !s.whole() {
		return nil
	}
	x := s.chain.window(s.ring.frames(s.start, s.length))
	s.start += int64(s.hop)
	return x
}

func (s *stream) nextSliding() []float32 {
	front := s.chain.front
	for s.missing > 0 && s.ring.end() >= s.frame+int64(front.FrameLen()) {
		s.chain.slide(s.ring.frames(s.frame, front.FrameLen()))
		s.frame += int64(front.Step())
		s.ring.drop(s.frame)
		s.missing--
	}
	if s.missing > 0 || !s.whole() {
		return nil
	}
	s.start += int64(s.hop)
	s.missing = s.hop / front.Step()
	return s.chain.slid()
}

// needed is the first sample that the next window still needs.
func (s *stream) needed() int64 {
	if s.slides {
		return s.frame
	}
	return s.start
}

// state goes through what outlives a window: the samples that are there of the
// next one, and the rows and the front end where rows slide.
func (s *stream) state(t *tape) {
	from := s.needed()
	have := int(max(0, min(s.ring.end(), s.start+int64(s.length))-max(from, s.ring.base)))
	t.number(&s.start, 0, math.MaxInt64/2)
	t.count(&have, 0, s.length)
	if s.slides {
		t.number(&s.frame, s.start, s.start+int64(s.length))
		t.count(&s.missing, 0, len(s.chain.rows))
		t.floats(s.chain.all)
		s.chain.front.state(t)
	}
	if t.reading && t.err == nil {
		from = s.needed()
		s.ring.restart(from)
		s.ring.hi, s.checked = have, from
	}
	if t.err == nil {
		t.floats(s.ring.frames(max(from, s.ring.base), have))
	}
}

// check looks at new samples. One that is no finite number is an error; the
// windows restart after it.
func (s *stream) check() error {
	from := max(s.checked, s.ring.base)
	channels := s.ring.channels
	for i, v := range s.ring.frames(from, int(s.ring.end()-from)) {
		if !finite(v) {
			at, channel := from+int64(i/channels), i%channels
			rest := s.ring.frames(at+1, int(s.ring.end()-at-1))
			s.restart(at + 1)
			s.ring.write(rest)
			return fmt.Errorf("sample %d of channel %d is %v, want a finite number", at, channel, v)
		}
	}
	s.checked = s.ring.end()
	return nil
}

func finite(v float32) bool { return math.Float32bits(v)&0x7F800000 != 0x7F800000 }
