package oip

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// A Request asks for one run of a model.
type Request struct {
	ID      string
	Inputs  []Tensor
	Outputs []Output      // wanted; none stands for all
	Binary  bool          // outputs that do not say otherwise are binary
	Timeout time.Duration // 0 is the server's
}

// An Output is one that is wanted.
type Output struct {
	Name   string
	Binary bool
}

// wireRequest is a request's JSON.
type wireRequest struct {
	ID         string               `json:"id"`
	Parameters wireParameters       `json:"parameters"`
	Inputs     wireList[wireTensor] `json:"inputs"`
	Outputs    wireList[wireOutput] `json:"outputs"`
}

type wireOutput struct {
	Name       string         `json:"name"`
	Parameters wireParameters `json:"parameters"`
}

// wireParameters are the ones that mean something here. Those that would change
// the answer and are not understood are refused, others are passed over.
type wireParameters struct {
	BinaryData       *bool           `json:"binary_data"`
	BinaryDataOutput bool            `json:"binary_data_output"`
	BinaryDataSize   *int64          `json:"binary_data_size"`
	Timeout          int64           `json:"timeout"` // microseconds
	SharedMemory     json.RawMessage `json:"shared_memory_region"`
	Classification   json.RawMessage `json:"classification"`
	Sequence         json.RawMessage `json:"sequence_id"`
}

func (p *wireParameters) check() error {
	for _, x := range [...]struct {
		name string
		raw  json.RawMessage
	}{{"shared_memory_region", p.SharedMemory}, {"classification", p.Classification}, {"sequence_id", p.Sequence}} {
		if x.raw != nil && string(x.raw) != "0" && string(x.raw) != `""` {
			return &Error{"parameter " + x.name + ": not served here"}
		}
	}
	return nil
}

type wireTensor struct {
	Name       string          `json:"name"`
	Datatype   Datatype        `json:"datatype"`
	Shape      []int64         `json:"shape"`
	Parameters wireParameters  `json:"parameters"`
	Data       json.RawMessage `json:"data"`
}

// A Decoder reads requests. It remembers the last JSON before binary tensors,
// since programs ask for the same thing again and again, and parsing it takes
// longer than all the rest. It serves one goroutine; the zero value is ready.
type Decoder struct {
	text []byte
	last wireRequest
}

// parse reads the JSON at the start of a body and returns what follows.
func (d *Decoder) parse(body []byte, header string) (*wireRequest, []byte, error) {
	if n, err := strconv.Atoi(header); err == nil && len(d.text) > 0 && n == len(d.text) && n <= len(body) && bytes.Equal(body[:n], d.text) {
		return &d.last, body[n:], nil
	}
	w := &wireRequest{}
	rest, err := decodeHeader(body, header, w)
	if n := len(body) - len(rest); err == nil && len(rest) > 0 && n <= maxRemembered {
		d.text, d.last = append(d.text[:0], body[:n]...), *w
	}
	return w, rest, err
}

// maxRemembered bounds the JSON that a Decoder remembers.
const maxRemembered = 4 << 10

// DecodeRequest reads one request, as [Decoder.Decode] does.
func DecodeRequest(body []byte, header string) (*Request, error) {
	return new(Decoder).Decode(body, header)
}

// Decode reads a request. header is the value of [HeaderLength], "" where the
// whole body is JSON; binary tensors of the result lie in body.
func (d *Decoder) Decode(body []byte, header string) (*Request, error) {
	w, rest, err := d.parse(body, header)
	if err != nil {
		return nil, err
	}
	if err := w.Parameters.check(); err != nil {
		return nil, err
	}
	if len(w.Inputs) == 0 {
		return nil, &Error{"inputs: none given"}
	}
	r := &Request{ID: w.ID, Binary: w.Parameters.BinaryDataOutput}
	if t := w.Parameters.Timeout; t > 0 {
		r.Timeout = time.Duration(min(t, int64(time.Hour/time.Microsecond))) * time.Microsecond
	}
	if r.Inputs, err = decodeTensors("inputs", w.Inputs, rest); err != nil {
		return nil, err
	}
	for _, o := range w.Outputs {
		if err := o.Parameters.check(); err != nil {
			return nil, err
		}
		binary := r.Binary
		if b := o.Parameters.BinaryData; b != nil {
			binary = *b
		}
		r.Outputs = append(r.Outputs, Output{o.Name, binary})
	}
	return r, nil
}

// decodeHeader reads the JSON at the start of a body and returns what follows.
func decodeHeader(body []byte, header string, w any) (rest []byte, err error) {
	text := body
	if header != "" {
		n, err := strconv.Atoi(header)
		if err != nil || n < 0 || n > len(body) {
			return nil, &Error{fmt.Sprintf("%s: %.24q, the body has %d bytes", HeaderLength, header, len(body))}
		}
		text, rest = body[:n], body[n:]
	}
	if err := json.Unmarshal(text, w); err != nil {
		return nil, &Error{"JSON: " + err.Error()}
	}
	return rest, nil
}

func decodeTensors(what string, list []wireTensor, rest []byte) ([]Tensor, error) {
	tensors := make([]Tensor, len(list))
	for i := range list {
		var err error
		if rest, err = list[i].decode(&tensors[i], rest); err != nil {
			return nil, &Error{fmt.Sprintf("%s[%d]: %v", what, i, err)}
		}
	}
	if len(rest) > 0 {
		return nil, &Error{fmt.Sprintf("%d bytes follow the last binary tensor", len(rest))}
	}
	return tensors, nil
}

// decode fills t, from the binary part of the message where the tensor is there.
func (w *wireTensor) decode(t *Tensor, rest []byte) ([]byte, error) {
	if err := w.Parameters.check(); err != nil {
		return nil, err
	}
	size, err := check(w.Name, w.Datatype, w.Shape)
	if err != nil {
		return nil, err
	}
	t.Name, t.Datatype, t.Shape = w.Name, w.Datatype, make([]int, len(w.Shape))
	for i, n := range w.Shape {
		t.Shape[i] = int(n)
	}
	n := w.Parameters.BinaryDataSize
	switch {
	case n != nil && w.Data != nil:
		return nil, &Error{fmt.Sprintf("tensor %q: data and binary_data_size, want one of them", w.Name)}
	case n != nil:
		if *n != int64(size) {
			return nil, &Error{fmt.Sprintf("tensor %q: binary_data_size %d, %s%v has %d bytes", w.Name, *n, w.Datatype, w.Shape, size)}
		}
		if size > len(rest) {
			return nil, &Error{fmt.Sprintf("tensor %q: %d bytes, %d are left in the body", w.Name, size, len(rest))}
		}
		t.Data = rest[:size:size]
		return rest[size:], nil
	case w.Data == nil:
		return nil, &Error{fmt.Sprintf("tensor %q: no data", w.Name)}
	}
	shape, data, err := ParseArray(w.Data, w.Datatype)
	if err != nil {
		return nil, &Error{fmt.Sprintf("tensor %q: %v", w.Name, err)}
	}
	if len(data) != size || len(shape) != 1 && !slices.Equal(shape, t.Shape) {
		return nil, &Error{fmt.Sprintf("tensor %q: data of shape %v, want %v, or its %d elements in a row", w.Name, shape, w.Shape, size/w.Datatype.Size())}
	}
	t.Data = data
	return rest, nil
}

// Append appends the request with binary tensors and returns the length of its
// JSON.
func (r *Request) Append(dst []byte) (body []byte, header int) {
	start := len(dst)
	dst = append(dst, `{`...)
	if r.ID != "" {
		dst = append(dst, `"id":`...)
		dst = append(appendString(dst, r.ID), ',')
	}
	dst = append(dst, `"parameters":{"binary_data_output":true},"inputs":[`...)
	for i := range r.Inputs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(r.Inputs[i].appendHead(dst), `,"parameters":{"binary_data_size":`...)
		dst = strconv.AppendInt(dst, int64(len(r.Inputs[i].Data)), 10)
		dst = append(dst, `}}`...)
	}
	dst = append(dst, `]}`...)
	header = len(dst) - start
	for i := range r.Inputs {
		dst = append(dst, r.Inputs[i].Data...)
	}
	return dst, header
}
