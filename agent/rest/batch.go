package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/agent/serve"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/oip"
)

// maxRows bounds the runs that one request asks for.
const maxRows = 1024

// A batch is one or more examples for a model's inputs, in their order. Shapes
// count the examples first.
type batch struct {
	rows   bool // asked for by row, and answered so
	inputs []oip.Tensor
}

// parseBatch reads the body of a predict request: {"instances": [...]} by row,
// {"inputs": ...} by column.
func parseBatch(body []byte, s *inference.Session) (*batch, error) {
	var w struct {
		Signature string          `json:"signature_name"`
		Instances json.RawMessage `json:"instances"`
		Inputs    json.RawMessage `json:"inputs"`
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, &oip.Error{Text: "JSON: " + err.Error()}
	}
	switch {
	case w.Signature != "" && w.Signature != servingDefault:
		return nil, &oip.Error{Text: fmt.Sprintf("signature %.64q: the model has %s alone", w.Signature, servingDefault)}
	case (w.Instances == nil) == (w.Inputs == nil):
		return nil, &oip.Error{Text: `want one of "instances" (by row) and "inputs" (by column)`}
	case w.Instances != nil:
		return parseRows(w.Instances, s)
	}
	return parseColumns(w.Inputs, s)
}

// servingDefault is the name of the only signature.
const servingDefault = "serving_default"

// named reads {"input": value}, or a value alone where the model has one input.
func named(raw json.RawMessage, s *inference.Session) ([]json.RawMessage, error) {
	values := make([]json.RawMessage, s.Inputs())
	if len(raw) == 0 || raw[0] != '{' {
		if len(values) != 1 {
			return nil, &oip.Error{Text: "the model has several inputs: give each by its name"}
		}
		values[0] = raw
		return values, nil
	}
	w, err := oip.Members(raw, oip.MaxTensors)
	if err != nil {
		return nil, err
	}
	if len(w) != len(values) {
		return nil, &oip.Error{Text: fmt.Sprintf("%d inputs, the model has %d: %s", len(w), len(values), inputNames(s))}
	}
	for i := range values {
		if values[i] = w[s.Input(i).Name]; values[i] == nil {
			return nil, &oip.Error{Text: fmt.Sprintf("no input is named %q; the model has %s", s.Input(i).Name, inputNames(s))}
		}
	}
	return values, nil
}

func parseInput(t *inference.Tensor, raw []byte) (oip.Tensor, error) {
	x := oip.Tensor{Name: t.Name, Datatype: oip.DatatypeOf(t.DType)}
	var err error
	if x.Shape, x.Data, err = oip.ParseArray(raw, x.Datatype); err != nil {
		return x, &oip.Error{Text: fmt.Sprintf("input %q (%s): %v", t.Name, t.TensorInfo, err)}
	}
	return x, nil
}

func parseRows(raw json.RawMessage, s *inference.Session) (*batch, error) {
	rows, err := oip.Elements(raw, maxRows)
	if err != nil {
		return nil, &oip.Error{Text: "instances: " + err.Error()}
	}
	if len(rows) == 0 {
		return nil, &oip.Error{Text: "instances: want a list of one example or more"}
	}
	b := &batch{rows: true, inputs: make([]oip.Tensor, s.Inputs())}
	for n, row := range rows {
		values, err := named(row, s)
		if err != nil {
			return nil, &oip.Error{Text: fmt.Sprintf("instances[%d]: %v", n, err)}
		}
		for i, value := range values {
			x, err := parseInput(s.Input(i), value)
			if err != nil {
				return nil, &oip.Error{Text: fmt.Sprintf("instances[%d]: %v", n, err)}
			}
			if n > 0 && !slices.Equal(x.Shape, b.inputs[i].Shape[1:]) {
				return nil, &oip.Error{Text: fmt.Sprintf("instances[%d]: shape %v, those before it %v", n, x.Shape, b.inputs[i].Shape[1:])}
			}
			x.Shape, x.Data = append([]int{n + 1}, x.Shape...), append(b.inputs[i].Data, x.Data...)
			b.inputs[i] = x
		}
	}
	return b, nil
}

func parseColumns(raw json.RawMessage, s *inference.Session) (*batch, error) {
	values, err := named(raw, s)
	if err != nil {
		return nil, err
	}
	b := &batch{inputs: make([]oip.Tensor, len(values))}
	for i, value := range values {
		if b.inputs[i], err = parseInput(s.Input(i), value); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// runs tells how often the model must run: once for a batch of the model's own
// size, once for each example where the model takes one.
func (b *batch) runs(s *inference.Session) (int, error) {
	n := 1
	for i, x := range b.inputs {
		want := s.Input(i).Shape
		if slices.Equal(x.Shape, want) {
			continue
		}
		if len(want) == 0 || want[0] != 1 || len(x.Shape) != len(want) || !slices.Equal(x.Shape[1:], want[1:]) || n > 1 && x.Shape[0] != n || x.Shape[0] == 0 {
			return 0, &oip.Error{Text: fmt.Sprintf("input %q: shape %v with the examples first, the model takes %v", x.Name, x.Shape, want)}
		}
		n = x.Shape[0]
	}
	if n > maxRows {
		return 0, &oip.Error{Text: fmt.Sprintf("%d examples, at most %d", n, maxRows)}
	}
	return n, nil
}

// A column is an output of all runs of a batch.
type column struct {
	oip.Tensor          // its shape is that of one run
	data       [][]byte // of each run
}

// run runs the model on a batch.
func (b *batch) run(ctx context.Context, s *inference.Session) ([]column, error) {
	n, err := b.runs(s)
	if err != nil {
		return nil, err
	}
	one := slices.Clone(b.inputs)
	columns := make([]column, s.Outputs())
	for r := range n {
		if r > 0 && len(s.State()) > 0 {
			s.Reset() // examples are strangers to each other
		}
		for i, x := range b.inputs {
			size := s.Input(i).Size()
			at := 0
			if len(x.Data) != size {
				at = r * size
			}
			one[i].Shape, one[i].Data = s.Input(i).Shape, x.Data[at:at+size]
		}
		if err := feed(s, one); err != nil {
			return nil, err
		}
		if err := runSession(ctx, s); err != nil {
			return nil, err
		}
		for i := range columns {
			columns[i].Tensor = wire(s.Output(i))
			columns[i].Shape = slices.Clone(columns[i].Shape)
			columns[i].data = append(columns[i].data, slices.Clone(columns[i].Data))
		}
	}
	return columns, nil
}

// appendRow appends example n of an output.
func (c *column) appendRow(dst []byte, n int) ([]byte, error) {
	data, shape := c.data[0], c.Shape
	if len(c.data) > 1 {
		data = c.data[n]
	}
	if len(shape) == 0 {
		return oip.AppendArray(dst, c.Datatype, nil, data)
	}
	size := 0
	if shape[0] > 0 {
		size = len(data) / shape[0]
	}
	switch {
	case len(c.data) > 1 && shape[0] != 1: // a list for each example
		return oip.AppendArray(dst, c.Datatype, shape, data)
	case len(c.data) > 1:
		n = 0
	case n >= shape[0]:
		return oip.AppendArray(dst, c.Datatype, []int{0}, nil)
	}
	return oip.AppendArray(dst, c.Datatype, shape[1:], data[n*size:(n+1)*size])
}

// appendColumn appends an output of all examples.
func (c *column) appendColumn(dst []byte) ([]byte, error) {
	if len(c.data) == 1 {
		return oip.AppendArray(dst, c.Datatype, c.Shape, c.data[0])
	}
	dst = append(dst, '[')
	for n := range c.data {
		if n > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = c.appendRow(dst, n); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendPredictions appends the answer to a batch: a list of rows, or columns.
// An output alone goes without its name.
func (b *batch) appendPredictions(dst []byte, columns []column) ([]byte, error) {
	if !b.rows {
		return appendNamed(dst, columns, func(dst []byte, c *column) ([]byte, error) { return c.appendColumn(dst) })
	}
	rows := 1
	if len(b.inputs) > 0 {
		rows = b.inputs[0].Shape[0]
	}
	dst = append(dst, '[')
	for n := range rows {
		if n > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendNamed(dst, columns, func(dst []byte, c *column) ([]byte, error) { return c.appendRow(dst, n) }); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendNamed(dst []byte, columns []column, one func([]byte, *column) ([]byte, error)) ([]byte, error) {
	if len(columns) == 1 {
		return one(dst, &columns[0])
	}
	dst = append(dst, '{')
	for i := range columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		name, err := json.Marshal(columns[i].Name)
		if err != nil {
			return dst, err
		}
		dst = append(append(dst, name...), ':')
		if dst, err = one(dst, &columns[i]); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// predict runs a batch and returns its predictions as JSON.
func (c *call) predict() (rows bool, out []byte, err error) {
	c.used, err = c.h.cfg.Models.Use(c.ctx(), c.model, c.version, func(ctx context.Context, run *serve.Run) error {
		b, err := parseBatch(c.body, run.Session)
		if err != nil {
			return err
		}
		columns, err := b.run(ctx, run.Session)
		if err != nil {
			return err
		}
		rows = b.rows
		out, err = b.appendPredictions(nil, columns)
		return err
	})
	return rows, out, err
}
