package rest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/dunlin-edge/dunlin/agent/serve"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/oip"
)

// A scratch is what one request for a run works with, and the next one again.
type scratch struct {
	oip.Decoder
	out []byte
}

// infer runs a model once on the tensors of a request.
func (c *call) infer() error {
	x, _ := c.h.scratch.Get().(*scratch)
	if x == nil {
		x = &scratch{}
	}
	defer func() {
		if cap(x.out) > keptBody {
			x.out = nil
		}
		c.h.scratch.Put(x)
	}()
	header, err := 0, error(nil)
	c.used, err = c.h.cfg.Models.Use(c.ctx(), c.model, c.version, func(ctx context.Context, run *serve.Run) (err error) {
		header, err = x.infer(ctx, run, c.body, headerOf(c.r, headerLength))
		return err
	})
	if err != nil {
		return err
	}
	return c.answer(x.out, header)
}

// infer decodes, runs and encodes into out, whose JSON has the length that it
// returns.
func (x *scratch) infer(ctx context.Context, run *serve.Run, body []byte, header string) (int, error) {
	req, err := x.decode(run.Session, body, header)
	if err != nil {
		return 0, err
	}
	if req.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, req.Timeout)
		defer cancel()
	}
	if err := feed(run.Session, req.Inputs); err != nil {
		return 0, err
	}
	if err := runSession(ctx, run.Session); err != nil {
		return 0, err
	}
	resp := oip.Response{Model: run.Name, Version: run.Version, ID: req.ID}
	binary, err := pick(run.Session, req, &resp)
	if err != nil {
		return 0, err
	}
	out, n, err := resp.Append(x.out[:0], binary)
	if err == nil {
		x.out = out
	}
	return n, err
}

// decode reads a request; a header of length 0 means that the body is the
// only input, and that the answer is to be binary.
func (x *scratch) decode(s *inference.Session, body []byte, header string) (*oip.Request, error) {
	if header != "0" {
		return x.Decode(body, header)
	}
	if s.Inputs() != 1 {
		return nil, &oip.Error{Text: fmt.Sprintf("a raw body is one input, the model has %d", s.Inputs())}
	}
	in := s.Input(0)
	if len(body) != in.Size() {
		return nil, &oip.Error{Text: fmt.Sprintf("body of %d bytes, input %q (%s) has %d", len(body), in.Name, in.TensorInfo, in.Size())}
	}
	return &oip.Request{Binary: true, Inputs: []oip.Tensor{{Name: in.Name, Datatype: oip.DatatypeOf(in.DType), Shape: in.Shape, Data: body}}}, nil
}

// runSession runs a model. Apart from time, only what it was given can be wrong.
// An answer after the deadline is none.
func runSession(ctx context.Context, s *inference.Session) error {
	err := s.Run(ctx)
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) || ctx.Err() != nil {
		return &serve.Error{Kind: serve.Overload, Text: "the deadline passed before the answer was there", Retry: time.Second}
	}
	if err != nil {
		return &serve.Error{Kind: serve.Invalid, Text: err.Error()}
	}
	return nil
}

// feed copies each input of a model from the tensor of its name.
func feed(s *inference.Session, list []oip.Tensor) error {
	if len(list) != s.Inputs() {
		return &oip.Error{Text: fmt.Sprintf("%d inputs, the model has %d: %s", len(list), s.Inputs(), inputNames(s))}
	}
	for i := range s.Inputs() {
		in := s.Input(i)
		x := byName(list, in.Name)
		if x == nil {
			return &oip.Error{Text: fmt.Sprintf("no input is named %q; the model has %s", in.Name, inputNames(s))}
		}
		if want := oip.DatatypeOf(in.DType); x.Datatype != want {
			return &oip.Error{Text: fmt.Sprintf("input %q: datatype %s, the model takes %s", in.Name, x.Datatype, want)}
		}
		if !slices.Equal(x.Shape, in.Shape) {
			return &oip.Error{Text: fmt.Sprintf("input %q: shape %v, the model takes %v", in.Name, x.Shape, in.Shape)}
		}
		copy(in.Bytes(), x.Data)
		if err := finite(in); err != nil {
			return err
		}
	}
	return nil
}

func inputNames(s *inference.Session) string {
	text := ""
	for i := range s.Inputs() {
		text += fmt.Sprintf("%q %s ", s.Input(i).Name, s.Input(i).TensorInfo)
	}
	return text
}

func byName(list []oip.Tensor, name string) *oip.Tensor {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

// finite refuses NaN and infinities, which no decision can be made on, and bools that
// are neither.
func finite(t *inference.Tensor) error {
	switch t.DType {
	case inference.Float32:
		for i, v := range t.Float32() {
			if math.Float32bits(v)&0x7F800000 == 0x7F800000 {
				return &oip.Error{Text: fmt.Sprintf("input %q: value %d is %v, want a finite number", t.Name, i, v)}
			}
		}
	case inference.Bool:
		for i, b := range t.Bytes() {
			if b > 1 {
				return &oip.Error{Text: fmt.Sprintf("input %q: value %d is %d, want 0 or 1", t.Name, i, b)}
			}
		}
	}
	return nil
}

// pick puts the outputs that are wanted into a response and tells which of them
// are to be binary.
func pick(s *inference.Session, req *oip.Request, resp *oip.Response) (binary []bool, err error) {
	if len(req.Outputs) == 0 {
		for i := range s.Outputs() {
			resp.Outputs = append(resp.Outputs, wire(s.Output(i)))
			binary = append(binary, req.Binary)
		}
		return binary, nil
	}
	for _, want := range req.Outputs {
		found := false
		for i := 0; i < s.Outputs() && !found; i++ {
			if s.Output(i).Name == want.Name {
				resp.Outputs = append(resp.Outputs, wire(s.Output(i)))
				binary = append(binary, want.Binary)
				found = true
			}
		}
		if !found {
			return nil, &oip.Error{Text: fmt.Sprintf("no output is named %.64q", want.Name)}
		}
	}
	return binary, nil
}

func wire(t *inference.Tensor) oip.Tensor {
	return oip.Tensor{Name: t.Name, Datatype: oip.DatatypeOf(t.DType), Shape: t.Shape, Data: t.Bytes()}
}
