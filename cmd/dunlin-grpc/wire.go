package main

import (
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dunlin-edge/dunlin/inference/oip"
)

// Field numbers are those of the protocol's .proto file. Fields that are not
// known are passed over, as protocol buffers do.

// bad is a message that cannot be answered.
func bad(format string, args ...any) error {
	return status.Error(codes.InvalidArgument, fmt.Sprintf(format, args...))
}

// A field is one of a message: a number for wire types 0, 1 and 5, bytes for 2.
type field struct {
	num    protowire.Number
	typ    protowire.Type
	number uint64
	bytes  []byte
}

// fields gives each field of a message to use.
func fields(b []byte, use func(field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return bad("message: %v", protowire.ParseError(n))
		}
		b = b[n:]
		f := field{num: num, typ: typ}
		switch typ {
		case protowire.VarintType:
			f.number, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			f.number = uint64(v)
		case protowire.Fixed64Type:
			f.number, n = protowire.ConsumeFixed64(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return bad("message: %v", protowire.ParseError(n))
		}
		b = b[n:]
		if err := use(f); err != nil {
			return err
		}
	}
	return nil
}

// decodeName reads messages that begin with two texts.
func decodeName(b []byte) (first, second string, err error) {
	err = fields(b, func(f field) error {
		switch f.num {
		case 1:
			first = string(f.bytes)
		case 2:
			second = string(f.bytes)
		}
		return nil
	})
	return first, second, err
}

// decodeReady reads a RepositoryIndexRequest.
func decodeReady(b []byte) (ready bool, err error) {
	err = fields(b, func(f field) error {
		if f.num == 2 {
			ready = f.number != 0
		}
		return nil
	})
	return ready, err
}

// A request is a ModelInferRequest.
type request struct {
	oip.Request
	model, version string
	wanted         []string // outputs; none stands for all
}

// decodeInfer reads one. Tensors come raw, all of them, or as lists of numbers.
func decodeInfer(b []byte) (*request, error) {
	q := &request{}
	var raw, contents [][]byte
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			q.model = string(f.bytes)
		case 2:
			q.version = string(f.bytes)
		case 3:
			q.ID = string(f.bytes)
		case 5:
			t, c, err := decodeInput(f.bytes)
			q.Inputs, contents = append(q.Inputs, t), append(contents, c)
			return err
		case 6:
			name, _, err := decodeName(f.bytes)
			q.wanted = append(q.wanted, name)
			return err
		case 7:
			raw = append(raw, f.bytes)
		}
		if max(len(q.Inputs), len(q.wanted), len(raw)) > oip.MaxTensors {
			return bad("more than %d tensors", oip.MaxTensors)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(raw) > 0 && len(raw) != len(q.Inputs) {
		return nil, bad("%d raw_input_contents for %d inputs", len(raw), len(q.Inputs))
	}
	for i := range q.Inputs {
		t := &q.Inputs[i]
		switch {
		case len(raw) == 0:
			if t.Data, err = decodeContents(t.Datatype, contents[i]); err != nil {
				return nil, bad("input %q: %v", t.Name, err)
			}
		case contents[i] != nil:
			return nil, bad("input %q: contents beside raw_input_contents", t.Name)
		default:
			t.Data = raw[i]
		}
	}
	return q, nil
}

// decodeInput reads an InferInputTensor; contents are nil where it has none.
func decodeInput(b []byte) (t oip.Tensor, contents []byte, err error) {
	err = fields(b, func(f field) error {
		switch f.num {
		case 1:
			t.Name = string(f.bytes)
		case 2:
			t.Datatype = oip.Datatype(f.bytes)
			if t.Datatype.Size() == 0 {
				return bad("input %.64q: datatype %.20q: no numbers", t.Name, string(t.Datatype))
			}
		case 3:
			return numbersOf(f, func(v uint64) error {
				if len(t.Shape) == oip.MaxRank {
					return bad("input %.64q: more than %d dimensions", t.Name, oip.MaxRank)
				}
				t.Shape = append(t.Shape, int(int64(v)))
				return nil
			})
		case 5:
			contents = slices.Concat(contents, f.bytes)
			if contents == nil {
				contents = []byte{}
			}
		}
		return nil
	})
	return t, contents, err
}

// numbersOf gives the numbers of a repeated field, packed or not, to use. Packed
// ones are varints.
func numbersOf(f field, use func(uint64) error) error {
	if f.typ != protowire.BytesType {
		return use(f.number)
	}
	for b := f.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return bad("message: %v", protowire.ParseError(n))
		}
		b = b[n:]
		if err := use(v); err != nil {
			return err
		}
	}
	return nil
}

// contentsField is the field of InferTensorContents for a datatype.
func contentsField(d oip.Datatype) protowire.Number {
	switch d {
	case "BOOL":
		return 1
	case "INT8", "INT16", "INT32":
		return 2
	case "INT64":
		return 3
	case "UINT8", "UINT16", "UINT32":
		return 4
	case "UINT64":
		return 5
	case "FP32":
		return 6
	case "FP64":
		return 7
	}
	return 0
}

// decodeContents reads an InferTensorContents into raw elements.
func decodeContents(d oip.Datatype, b []byte) ([]byte, error) {
	want, size := contentsField(d), d.Size()
	if want == 0 {
		return nil, fmt.Errorf("datatype %.20q goes by raw_input_contents alone", string(d))
	}
	var data []byte
	err := fields(b, func(f field) error {
		if f.num != want {
			return bad("contents of field %d, %s stands in field %d", f.num, d, want)
		}
		if f.typ == protowire.BytesType && (d == "FP32" || d == "FP64") {
			if len(f.bytes)%size != 0 {
				return bad("packed floats of %d bytes", len(f.bytes))
			}
			data = append(data, f.bytes...)
			return nil
		}
		return numbersOf(f, func(v uint64) error {
			if !holds(d, v) {
				return bad("%d is no %s", int64(v), d)
			}
			for i := range size {
				data = append(data, byte(v>>(8*i)))
			}
			return nil
		})
	})
	return data, err
}

// holds tells whether a varint is a value of a datatype; those of small integers
// come in fields for larger ones.
func holds(d oip.Datatype, v uint64) bool {
	switch bits := uint(8 * d.Size()); d {
	case "INT8", "INT16", "INT32":
		x := int64(v)
		if bits == 32 {
			return true
		}
		return x>>(bits-1) == 0 || x>>(bits-1) == -1
	case "UINT8", "UINT16":
		return v>>bits == 0
	case "BOOL":
		return v <= 1
	}
	return true
}

func appendBool(dst frame, num protowire.Number, v bool) frame {
	return protowire.AppendVarint(protowire.AppendTag(dst, num, protowire.VarintType), protowire.EncodeBool(v))
}

func appendText(dst frame, num protowire.Number, s string) frame {
	return protowire.AppendString(protowire.AppendTag(dst, num, protowire.BytesType), s)
}

func appendMessage(dst frame, num protowire.Number, m []byte) frame {
	return protowire.AppendBytes(protowire.AppendTag(dst, num, protowire.BytesType), m)
}

// appendHead appends name, datatype and shape, which metadata and outputs begin with.
func appendHead(dst frame, name, datatype string, shape []int) frame {
	dst = appendText(appendText(dst, 1, name), 2, datatype)
	var dims []byte
	for _, n := range shape {
		dims = protowire.AppendVarint(dims, uint64(n))
	}
	return appendMessage(dst, 3, dims)
}

// appendResponse appends a ModelInferResponse with the outputs that are wanted,
// raw.
func appendResponse(dst frame, r *oip.Response, wanted []string) (frame, error) {
	dst = appendText(appendText(appendText(dst, 1, r.Model), 2, r.Version), 3, r.ID)
	list := r.Outputs
	if len(wanted) > 0 {
		list = nil
		for _, name := range wanted {
			i := slices.IndexFunc(r.Outputs, func(t oip.Tensor) bool { return t.Name == name })
			if i < 0 {
				return nil, bad("no output is named %.64q", name)
			}
			list = append(list, r.Outputs[i])
		}
	}
	for _, t := range list {
		dst = appendMessage(dst, 5, appendHead(nil, t.Name, string(t.Datatype), t.Shape))
	}
	for _, t := range list {
		dst = appendMessage(dst, 6, t.Data)
	}
	return dst, nil
}
