package oip

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// ParseArray reads a JSON value, a number or a nested array of them, and
// returns its shape and elements. raw must be valid JSON; arrays must be
// rectangular, numbers in the datatype's range. What is no finite number is
// refused.
func ParseArray(raw []byte, d Datatype) (shape []int, data []byte, err error) {
	p := &arrayParser{raw: raw, put: putOf(d)}
	if p.put == nil {
		return nil, nil, &Error{fmt.Sprintf("datatype %.20q: no numbers", string(d))}
	}
	p.data = make([]byte, 0, min(len(raw)/2+1, MaxBytes/8)*d.Size()) // an element is a digit and a comma at least
	if err := p.value(0); err != nil {
		return nil, nil, err
	}
	for i := range p.shape {
		p.shape[i] = max(p.shape[i], 0)
	}
	return p.shape, p.data, nil
}

// An arrayParser walks over JSON that is known to be valid.
type arrayParser struct {
	raw   []byte
	at    int
	put   func([]byte, string) ([]byte, error)
	shape []int // of each depth; -1 before the first array of it has ended
	leaf  int   // depth of the numbers, plus 1; 0 before the first
	n     int   // numbers so far
	data  []byte
}

func (p *arrayParser) space() byte {
	for p.at < len(p.raw) {
		switch c := p.raw[p.at]; c {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return c
		}
	}
	return 0
}

func (p *arrayParser) value(depth int) error {
	if p.space() != '[' {
		return p.number(depth)
	}
	if depth >= maxNesting {
		return &Error{fmt.Sprintf("more than %d brackets", maxNesting)}
	}
	if p.leaf > 0 && depth >= p.leaf-1 {
		return p.ragged()
	}
	if depth == len(p.shape) {
		p.shape = append(p.shape, -1)
	}
	p.at++
	count := 0
	for p.space() != ']' {
		if err := p.value(depth + 1); err != nil {
			return err
		}
		count++
		if p.space() == ',' {
			p.at++
		}
	}
	p.at++
	if p.shape[depth] >= 0 && p.shape[depth] != count {
		return p.ragged()
	}
	p.shape[depth] = count
	return nil
}

func (p *arrayParser) ragged() error {
	return &Error{fmt.Sprintf("value %d: the array is not rectangular", p.n)}
}

// number reads one element; its depth must be that of all others.
func (p *arrayParser) number(depth int) error {
	if p.leaf == 0 {
		p.leaf = depth + 1
	}
	if p.leaf != depth+1 || depth != len(p.shape) {
		return p.ragged()
	}
	start := p.at
	for p.at < len(p.raw) {
		switch p.raw[p.at] {
		case ',', ']', ' ', '\t', '\n', '\r':
		case '"', '{':
			return &Error{fmt.Sprintf("value %d: a text or an object, want a number", p.n)}
		default:
			p.at++
			continue
		}
		break
	}
	if start == p.at {
		return &Error{fmt.Sprintf("value %d: nothing, want a number", p.n)}
	}
	var err error
	if p.data, err = p.put(p.data, string(p.raw[start:p.at])); err != nil {
		return &Error{fmt.Sprintf("value %d: %v", p.n, err)}
	}
	p.n++
	return nil
}

// putOf appends a number as an element of a datatype; nil for none.
func putOf(d Datatype) func([]byte, string) ([]byte, error) {
	switch d {
	case "INT8", "INT16", "INT32", "INT64":
		return func(b []byte, s string) ([]byte, error) {
			v, err := strconv.ParseInt(s, 10, d.Size()*8)
			return putUint(b, uint64(v), d.Size()), outOf(err, s, d)
		}
	case "UINT8", "UINT16", "UINT32", "UINT64":
		return func(b []byte, s string) ([]byte, error) {
			v, err := strconv.ParseUint(s, 10, d.Size()*8)
			return putUint(b, v, d.Size()), outOf(err, s, d)
		}
	case "FP32":
		return func(b []byte, s string) ([]byte, error) {
			v, err := strconv.ParseFloat(s, 32)
			return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v))), outOf(err, s, d)
		}
	case "FP64":
		return func(b []byte, s string) ([]byte, error) {
			v, err := strconv.ParseFloat(s, 64)
			return binary.LittleEndian.AppendUint64(b, math.Float64bits(v)), outOf(err, s, d)
		}
	case "BOOL":
		return func(b []byte, s string) ([]byte, error) {
			i := slices.Index([]string{"false", "true", "0", "1"}, s)
			if i < 0 {
				return b, outOf(strconv.ErrSyntax, s, d)
			}
			return append(b, byte(i&1)), nil
		}
	}
	return nil
}

func outOf(err error, s string, d Datatype) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%.24q is no %s", s, d)
}

func putUint(b []byte, v uint64, size int) []byte {
	for range size {
		b = append(b, byte(v))
		v >>= 8
	}
	return b
}

// AppendArray appends elements as a JSON array nested as their shape says; a
// scalar is a number alone. The error tells of a value that JSON has no words
// for: NaN and the infinities.
func AppendArray(dst []byte, d Datatype, shape []int, data []byte) ([]byte, error) {
	if len(shape) == 0 {
		return appendElement(dst, d, data)
	}
	dst = append(dst, '[')
	rest := data
	for i := range shape[0] {
		if i > 0 {
			dst = append(dst, ',')
		}
		n := len(data) / shape[0]
		var err error
		if dst, err = AppendArray(dst, d, shape[1:], rest[:n]); err != nil {
			return dst, err
		}
		rest = rest[n:]
	}
	return append(dst, ']'), nil
}

func appendElement(dst []byte, d Datatype, b []byte) ([]byte, error) {
	le := binary.LittleEndian
	switch d {
	case "BOOL":
		return strconv.AppendBool(dst, b[0] != 0), nil
	case "INT8":
		return strconv.AppendInt(dst, int64(int8(b[0])), 10), nil
	case "INT16":
		return strconv.AppendInt(dst, int64(int16(le.Uint16(b))), 10), nil
	case "INT32":
		return strconv.AppendInt(dst, int64(int32(le.Uint32(b))), 10), nil
	case "INT64":
		return strconv.AppendInt(dst, int64(le.Uint64(b)), 10), nil
	case "UINT8":
		return strconv.AppendUint(dst, uint64(b[0]), 10), nil
	case "UINT16":
		return strconv.AppendUint(dst, uint64(le.Uint16(b)), 10), nil
	case "UINT32":
		return strconv.AppendUint(dst, uint64(le.Uint32(b)), 10), nil
	case "UINT64":
		return strconv.AppendUint(dst, le.Uint64(b), 10), nil
	case "FP32":
		return appendFloat(dst, float64(math.Float32frombits(le.Uint32(b))), 32)
	case "FP64":
		return appendFloat(dst, math.Float64frombits(le.Uint64(b)), 64)
	}
	return dst, &Error{fmt.Sprintf("datatype %q has no numbers in JSON; ask for binary data", string(d))}
}

func appendFloat(dst []byte, v float64, bits int) ([]byte, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return dst, &Error{fmt.Sprintf("a value is %v, which JSON cannot say; ask for binary data", v)}
	}
	return strconv.AppendFloat(dst, v, 'g', -1, bits), nil
}
