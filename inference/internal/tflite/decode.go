package tflite

import "math"

// schemaVersion is the only schema in use since 2017.
const schemaVersion = 3

func (r *reader) model(t table) *Model {
	if v := t.uint32(0); v != schemaVersion {
		r.fail("schema version %d, want %d", v, schemaVersion)
		return nil
	}
	m := &Model{Description: t.string(3), buffers: make([][]byte, 0, t.ahead(4))}
	t.tables(4, func(_ int, e table) { m.buffers = append(m.buffers, r.buffer(e)) })
	t.tables(1, func(_ int, e table) { m.Codes = append(m.Codes, r.code(e)) })
	t.tables(2, func(_ int, e table) { m.Subgraphs = append(m.Subgraphs, r.subgraph(m, e)) })
	t.tables(6, func(_ int, e table) {
		m.metadata = append(m.metadata, metadataEntry{e.string(0), e.uint32(1)})
	})
	t.tables(7, func(_ int, e table) { m.Signatures = append(m.Signatures, r.signature(m, e)) })
	if len(m.Subgraphs) == 0 {
		r.fail("no subgraph")
	}
	return m
}

// buffer returns constant data, from the flatbuffer or from behind it: files
// over 2 GB keep buffers at absolute offsets (1 means none is used there).
func (r *reader) buffer(t table) []byte {
	off, size := t.uint64(1), t.uint64(2)
	if off <= 1 {
		return t.bytes(0)
	}
	if off > uint64(len(r.data)) || size > uint64(len(r.data))-off {
		r.fail("external buffer at %d of %d bytes is outside the file", off, size)
		return nil
	}
	return r.data[off : off+size : off+size]
}

func (r *reader) code(t table) Code {
	// Codes over 127 live in field 3; older files only have the byte.
	op := max(int32(int8(t.byte(0, 0))), t.int32(3, 0))
	c := Code{Op: Op(op), Custom: t.string(1), Version: t.int32(2, 1)}
	if op < 0 || int(op) >= len(opNames) {
		r.fail("operator code %d is unknown", op)
	}
	return c
}

func (r *reader) subgraph(m *Model, t table) Subgraph {
	g := Subgraph{Name: t.string(4), Inputs: t.int32s(1), Outputs: t.int32s(2)}
	g.Tensors, g.Operators = make([]Tensor, 0, t.ahead(0)), make([]Operator, 0, t.ahead(3))
	t.tables(0, func(_ int, e table) { g.Tensors = append(g.Tensors, r.tensor(m, e)) })
	t.tables(3, func(_ int, e table) { g.Operators = append(g.Operators, r.operator(m, &g, e)) })
	r.checkIndices(&g, "subgraph input", g.Inputs, false)
	r.checkIndices(&g, "subgraph output", g.Outputs, false)
	return g
}

func (r *reader) checkIndices(g *Subgraph, what string, idx []int32, optional bool) {
	for _, i := range idx {
		if i == -1 && optional {
			continue
		}
		if i < 0 || int(i) >= len(g.Tensors) {
			r.fail("%s %d: there are %d tensors", what, i, len(g.Tensors))
		}
	}
}

func (r *reader) tensor(m *Model, t table) Tensor {
	x := Tensor{
		Name: t.string(3), Type: TensorType(t.byte(1, 0)), Shape: t.int32s(0),
		Variable: t.byte(5, 0) != 0, Sparsity: r.sparsity(t.table(6)),
	}
	x.Quant = r.quantization(t.table(4))
	r.shape(&x, t.int32s(7))
	if b := t.uint32(2); b != 0 {
		if int64(b) >= int64(len(m.buffers)) {
			r.fail("tensor %q: buffer %d of %d", x.Name, b, len(m.buffers))
			return x
		}
		x.Data = m.buffers[b]
	}
	return x
}

func (r *reader) shape(x *Tensor, signature []int32) {
	if len(x.Shape) > MaxRank || len(signature) > MaxRank {
		r.fail("tensor %q: rank %d, at most %d", x.Name, max(len(x.Shape), len(signature)), MaxRank)
	}
	for _, d := range x.Shape {
		if d < -1 {
			r.fail("tensor %q: dimension %d", x.Name, d)
		}
		x.Dynamic = x.Dynamic || d == -1
	}
	for _, d := range signature {
		x.Open = x.Open || d == -1
	}
}

func (r *reader) quantization(t table) Quantization {
	q := Quantization{Scale: t.float32s(2), ZeroPoint: t.zeroPoints(3), Axis: t.int32(6, 0)}
	for _, s := range q.Scale {
		if math.IsNaN(float64(s)) || math.IsInf(float64(s), 0) || s < 0 {
			r.fail("quantization scale %v", s)
		}
	}
	return q
}

func (r *reader) operator(m *Model, g *Subgraph, t table) Operator {
	o := Operator{
		Code: t.int32(0, 0), Inputs: t.int32s(1), Outputs: t.int32s(2),
		Options: Options{t.table(4)}, Options2: Options{t.table(12)}, Custom: t.bytes(5), Intermediates: t.int32s(8),
	}
	if o.Code < 0 || int(o.Code) >= len(m.Codes) {
		r.fail("operator code index %d of %d", o.Code, len(m.Codes))
	}
	r.checkIndices(g, "operator input", o.Inputs, true)
	r.checkIndices(g, "operator output", o.Outputs, false)
	r.checkIndices(g, "intermediate", o.Intermediates, false)
	return o
}

func (r *reader) signature(m *Model, t table) Signature {
	s := Signature{Key: t.string(2), Subgraph: t.uint32(4)}
	if int64(s.Subgraph) >= int64(len(m.Subgraphs)) {
		r.fail("signature %q: subgraph %d of %d", s.Key, s.Subgraph, len(m.Subgraphs))
		return s
	}
	n := uint32(len(m.Subgraphs[s.Subgraph].Tensors))
	list := func(i int) (maps []TensorMap) {
		t.tables(i, func(_ int, e table) {
			tm := TensorMap{e.string(0), e.uint32(1)}
			if tm.Index >= n {
				r.fail("signature %q: tensor %d of %d", s.Key, tm.Index, n)
			}
			maps = append(maps, tm)
		})
		return maps
	}
	s.Inputs, s.Outputs = list(0), list(1)
	return s
}
