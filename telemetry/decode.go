package telemetry

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// Decode parses a chunk of at most 16 KiB. It accepts exactly the bytes that
// encoding its records gives: one chunk has one form. A chunk of a later
// version gives errSchema.
func Decode(data []byte) (*Chunk, error) {
	w, err := open(data)
	if err != nil {
		return nil, fmt.Errorf("decode chunk: %w", err)
	}
	c, b, err := w.records()
	if err != nil {
		return nil, fmt.Errorf("decode chunk: %w", err)
	}
	again, err := b.seal(head{c.Epoch, c.First, c.Boot, w.Offset, c.Synced})
	if err != nil {
		return nil, fmt.Errorf("decode chunk: %w", err)
	}
	if c.Kind == KindGap && c.First != c.Gaps[0].First {
		return nil, fmt.Errorf("decode chunk: gaps from %d, first is %d", c.First, c.Gaps[0].First)
	}
	if !bytes.Equal(again, data) {
		return nil, errors.New("decode chunk: not in canonical form")
	}
	return c, nil
}

// records rebuilds the records, and a builder that holds them.
func (w *wire) records() (*Chunk, *builder, error) {
	if err := w.validate(); err != nil {
		return nil, nil, err
	}
	c := &Chunk{
		Kind: Kind(w.Kind), Epoch: w.Epoch, First: w.First, Boot: [16]byte(w.Boot),
		Offset: time.Duration(w.Offset) * time.Millisecond, Synced: w.Synced,
	}
	longest := 0
	for _, column := range w.Columns {
		longest = max(longest, len(column))
	}
	b := newBuilder(c.Kind, longest)
	if c.Kind == KindResult { // which all but a few are; each takes a byte of the time's column, whatever N says
		c.Results = make([]Result, 0, min(int(w.N), len(w.Columns[colTime])))
	}
	r := reader{cols: w.Columns, sources: w.sources()}
	for range w.N {
		switch c.Kind {
		case KindEvent:
			c.Events = append(c.Events, r.event())
			b.event(&c.Events[len(c.Events)-1])
		case KindResult:
			c.Results = append(c.Results, r.result())
			b.result(&c.Results[len(c.Results)-1])
		case KindHealth:
			c.Health = append(c.Health, r.health())
			b.health(&c.Health[len(c.Health)-1])
		case KindCapture:
			c.Captures = append(c.Captures, r.capture())
			b.capture(&c.Captures[len(c.Captures)-1])
		case KindGap:
			c.Gaps = append(c.Gaps, r.gap())
			b.gap(c.Gaps[len(c.Gaps)-1])
		}
		if r.bad != "" {
			return nil, nil, fmt.Errorf("record %d: bad %s", c.Len()-1, r.bad)
		}
	}
	return c, b, nil
}

func (w *wire) validate() error {
	switch {
	case w.Schema != schema:
		return fmt.Errorf("schema %d", w.Schema)
	case int(w.Kind) >= len(columnCount):
		return fmt.Errorf("kind %d", w.Kind)
	case len(w.Columns) != columnCount[w.Kind]:
		return fmt.Errorf("%d columns, want %d", len(w.Columns), columnCount[w.Kind])
	case len(w.Boot) != 16:
		return fmt.Errorf("boot id of %d bytes", len(w.Boot))
	case w.Offset < -maxOffset || w.Offset > maxOffset:
		return fmt.Errorf("clock offset %d ms", w.Offset)
	case w.N == 0 || w.First > math.MaxInt64-math.MaxUint16:
		return fmt.Errorf("%d records from %d", w.N, w.First)
	case w.Kind == uint8(KindResult) && len(w.Models) != len(w.Names):
		return fmt.Errorf("%d models for %d pipelines", len(w.Models), len(w.Names))
	}
	for _, m := range w.Models {
		if len(m) != 32 {
			return fmt.Errorf("model digest of %d bytes", len(m))
		}
	}
	return nil
}

func (w *wire) sources() []Source {
	all := make([]Source, len(w.Names))
	for i, name := range w.Names {
		all[i].Pipeline = string(name)
		if w.Kind == uint8(KindResult) {
			all[i].Model = [32]byte(w.Models[i])
		}
	}
	return all
}

// reader takes records off columns. After the first mistake bad names it and
// all values are zero.
type reader struct {
	cols    [][]byte
	sources []Source
	bad     string
	n       int
	time    int64
	step    int64
	latency int64
	end     uint64
}

func (r *reader) take(col, n int, what string) []byte {
	if r.bad != "" || n > len(r.cols[col]) {
		r.fail(what)
		return make([]byte, min(n, 32))
	}
	v := r.cols[col][:n]
	r.cols[col] = r.cols[col][n:]
	return v
}

func (r *reader) fail(what string) {
	if r.bad == "" {
		r.bad = what
	}
}

func (r *reader) uvarint(col int, limit uint64, what string) uint64 {
	v, n := binary.Uvarint(r.cols[col])
	if n <= 0 || v > limit {
		r.fail(what)
		return 0
	}
	r.take(col, n, what)
	return v
}

func (r *reader) varint(col int, what string) int64 {
	v, n := binary.Varint(r.cols[col])
	if n <= 0 {
		r.fail(what)
		return 0
	}
	r.take(col, n, what)
	return v
}

func (r *reader) stamp() time.Duration {
	v := r.varint(colTime, "time")
	if r.n > 0 {
		r.step += v // wraps at worst; the sum is checked
		v = r.step
	}
	r.time += v
	r.n++
	if r.time < 0 || r.time >= maxMillis || r.step <= -maxMillis || r.step >= maxMillis {
		r.fail("time")
		r.time, r.step = 0, 0
	}
	return time.Duration(r.time) * time.Millisecond
}

func (r *reader) source() Source {
	var i uint64
	if len(r.sources) != 1 {
		i = r.uvarint(colSource, maxSources, "source")
	}
	if i >= uint64(len(r.sources)) {
		r.fail("source")
		return Source{}
	}
	return r.sources[i]
}

func (r *reader) result() Result {
	res := Result{Time: r.stamp(), Source: r.source(), Class: uint16(r.uvarint(colClass, math.MaxUint16, "class"))}
	first := r.uvarint(colScore, noScore, "score")
	second := r.uvarint(colSecond, noScore, "margin")
	res.Score, res.Margin = score(noScore), score(noScore)
	if first != noScore {
		first = scoreSteps - first
		res.Score = score(first)
		switch {
		case second <= first:
			res.Margin = score(first - second)
		case second != noScore:
			r.fail("margin")
		}
	}
	r.latency += r.varint(colLatency, "latency")
	if r.latency < 0 || r.latency > math.MaxUint32 {
		r.fail("latency")
		r.latency = 0
	}
	res.Latency = time.Duration(r.latency) * latencyLSB
	return res
}

func (r *reader) health() Health {
	return Health{
		Time: r.stamp(), Name: r.source().Pipeline,
		Value: math.Float32frombits(binary.LittleEndian.Uint32(r.take(colValue, 4, "value"))),
	}
}

func (r *reader) event() Event {
	e := Event{Time: r.stamp(), Code: uint16(r.uvarint(colCode, math.MaxUint16, "code")), Value: r.varint(colNumber, "value")}
	e.Text = string(r.take(colText, int(r.uvarint(colLength, uint64(textLimit(e.Code)), "text")), "text"))
	return e
}

func (r *reader) capture() Capture {
	return Capture{
		Time: r.stamp(), Digest: [32]byte(r.take(colDigest, 32, "digest")),
		Size: uint32(r.uvarint(colSize, math.MaxUint32, "size")), Why: uint8(r.uvarint(colWhy, math.MaxUint8, "policy")),
	}
}

func (r *reader) gap() Gap {
	const most = math.MaxInt64 / 4
	g := Gap{Range: Range{First: r.end + r.uvarint(colFirst, most, "first")}}
	g.Count = r.uvarint(colCount, most, "count")
	g.Reason = Reason(r.uvarint(colReason, math.MaxUint8, "reason"))
	r.end = g.End()
	if g.Count == 0 || g.Reason == 0 || r.end > math.MaxInt64/2 {
		r.fail("gap")
		r.end = 0
	}
	return g
}
