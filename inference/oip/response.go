package oip

import (
	"encoding/json"
	"strconv"
)

// A Response is what one run gave.
type Response struct {
	Model   string
	Version string
	ID      string
	Outputs []Tensor
}

// Append appends the answer, with those outputs binary that binary[i] says,
// and returns the length of its JSON; all of it is JSON where none are. dst
// may have memory to spare.
func (r *Response) Append(dst []byte, binary []bool) (body []byte, header int, err error) {
	start := len(dst)
	dst = append(dst, `{"model_name":`...)
	dst = appendString(dst, r.Model)
	dst = append(dst, `,"model_version":`...)
	dst = appendString(dst, r.Version)
	if r.ID != "" {
		dst = append(dst, `,"id":`...)
		dst = appendString(dst, r.ID)
	}
	dst = append(dst, `,"outputs":[`...)
	for i := range r.Outputs {
		t := &r.Outputs[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = t.appendHead(dst)
		if binary[i] {
			dst = append(dst, `,"parameters":{"binary_data_size":`...)
			dst = strconv.AppendInt(dst, int64(len(t.Data)), 10)
			dst = append(dst, `}}`...)
			continue
		}
		dst = append(dst, `,"data":`...)
		n := 0
		if s := t.Datatype.Size(); s > 0 {
			n = len(t.Data) / s
		}
		if dst, err = AppendArray(dst, t.Datatype, []int{n}, t.Data); err != nil {
			return nil, 0, err
		}
		dst = append(dst, '}')
	}
	dst = append(dst, `]}`...)
	header = len(dst) - start
	for i := range r.Outputs {
		if binary[i] {
			dst = append(dst, r.Outputs[i].Data...)
		}
	}
	return dst, header, nil
}

// appendHead appends name, datatype and shape, and leaves the object open.
func (t *Tensor) appendHead(dst []byte) []byte {
	dst = append(dst, `{"name":`...)
	dst = appendString(dst, t.Name)
	dst = append(dst, `,"datatype":"`...)
	dst = append(dst, t.Datatype...)
	dst = append(dst, `","shape":[`...)
	for i, n := range t.Shape {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(n), 10)
	}
	return append(dst, ']')
}

// appendString appends a JSON string; names are short and mostly plain.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, err := json.Marshal(s)
			if err != nil {
				panic(err) // a string has a form
			}
			return append(dst, text...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// DecodeResponse reads an answer as DecodeRequest reads a request.
func DecodeResponse(body []byte, header string) (*Response, error) {
	var w struct {
		Model   string               `json:"model_name"`
		Version string               `json:"model_version"`
		ID      string               `json:"id"`
		Outputs wireList[wireTensor] `json:"outputs"`
	}
	rest, err := decodeHeader(body, header, &w)
	if err != nil {
		return nil, err
	}
	r := &Response{Model: w.Model, Version: w.Version, ID: w.ID}
	r.Outputs, err = decodeTensors("outputs", w.Outputs, rest)
	return r, err
}
