package pipeline

import (
	"fmt"
	"slices"
)

// chain is the preprocessing of sample windows and tensors: steps, a front
// end, further steps. Without a front end all steps are before.
type chain struct {
	before []*step // on samples
	front  frontEnd
	rows   [][]float32 // of the window, parts of features
	all    []float32
	after  []*step // on features
	last   string  // op of the last stage, "" without stages
	out    []int   // shape of the result
	frame  []*step // before, for single frames; nil if windows must be whole
}

// newChain binds stages to windows of the given shape.
func newChain(stages []Stage, shape []int, rate float64) (*chain, error) {
	c := &chain{out: shape}
	for i := range stages {
		st := &stages[i]
		var err error
		switch {
		case !isFrontEnd(st.Op) && c.front == nil:
			err = c.add(&c.before, st, rate)
		case !isFrontEnd(st.Op):
			err = c.add(&c.after, st, rate)
		case c.front != nil:
			err = fmt.Errorf("a second front end")
		default:
			err = c.addFront(st, rate)
		}
		if err != nil {
			return nil, fmt.Errorf("preprocess[%d] (%s): %w", i, st.Op, err)
		}
		c.last = st.Op
	}
	return c, c.bindFrames(stages, shape, rate)
}

func (c *chain) add(list *[]*step, st *Stage, rate float64) error {
	s, err := newStep(st, c.out, rate)
	if err != nil {
		return err
	}
	*list = append(*list, s)
	c.out = s.shape
	return nil
}

func (c *chain) addFront(st *Stage, rate float64) error {
	if len(c.out) != 2 || c.out[1] != 1 {
		return fmt.Errorf("takes samples of one channel, not a shape of %v: put channel or mono before it", c.out)
	}
	f, err := newFrontEnd(st, rate)
	if err != nil {
		return err
	}
	n := c.out[0]
	if n < f.FrameLen() {
		return fmt.Errorf("window of %d samples is shorter than its frame of %d", n, f.FrameLen())
	}
	rows, width := 1+(n-f.FrameLen())/f.Step(), f.Width()
	c.front, c.out = f, []int{rows, width}
	c.all = make([]float32, rows*width)
	for i := range rows {
		c.rows = append(c.rows, c.all[i*width:(i+1)*width])
	}
	return nil
}

// bindFrames binds the steps before the front end to single frames, if each
// of them looks only at single samples.
func (c *chain) bindFrames(stages []Stage, shape []int, rate float64) error {
	if c.front == nil || slices.ContainsFunc(c.before, func(s *step) bool { return !s.local }) {
		return nil
	}
	shape = []int{c.front.FrameLen(), shape[1]}
	c.frame = make([]*step, 0, len(c.before))
	for i := range c.before {
		s, err := newStep(&stages[i], shape, rate)
		if err != nil {
			return fmt.Errorf("preprocess[%d] (%s): %w", i, stages[i].Op, err)
		}
		c.frame = append(c.frame, s)
		shape = s.shape
	}
	return nil
}

func runSteps(steps []*step, x []float32) []float32 {
	for _, s := range steps {
		s.run(s.out, x)
		x = s.out
	}
	return x
}

// window computes a whole window, with a front end reset before it.
func (c *chain) window(x []float32) []float32 {
	x = runSteps(c.before, x)
	if c.front != nil {
		c.front.Reset()
		for i, row := range c.rows {
			start := i * c.front.Step()
			c.front.Frame(row, x[start:start+c.front.FrameLen()])
		}
		x = c.all
	}
	return runSteps(c.after, x)
}

// slide appends the row of one frame and drops the oldest.
func (c *chain) slide(frame []float32) {
	copy(c.all, c.all[c.front.Width():])
	c.front.Frame(c.rows[len(c.rows)-1], runSteps(c.frame, frame))
}

// slid computes the result from the rows that slide left.
func (c *chain) slid() []float32 { return runSteps(c.after, c.all) }

// reset forgets everything.
func (c *chain) reset() {
	if c.front != nil {
		c.front.Reset()
	}
}
