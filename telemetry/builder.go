package telemetry

import (
	"encoding/binary"
	"math"
)

// The columns of each kind, in order of their place in the chunk.
const (
	colTime = 0 // every kind but gaps: zigzag varint, change of the step in ms

	colSource  = 1 // results and health: varint into the dictionary; empty when it has one entry
	colClass   = 2 // varint
	colScore   = 3 // varint, 1e-4 below 1: confident results take one byte
	colSecond  = 4 // varint, second score in 1e-4
	colLatency = 5 // zigzag varint, change in 10 µs

	colValue = 2 // health: float32, little endian

	colCode   = 1 // events: varint
	colNumber = 2 // events: zigzag varint
	colLength = 3 // events: varint, length of the text
	colText   = 4 // events: bytes

	colDigest = 1 // captures: 32 bytes
	colSize   = 2 // captures: varint
	colWhy    = 3 // captures: varint

	colFirst  = 0 // gaps: varint from the end of the gap before
	colCount  = 1 // gaps: varint
	colReason = 2 // gaps: varint

	maxColumns = 6
)

// columnCount is the number of columns by kind.
var columnCount = [...]int{5, 6, 3, 4, 3}

const (
	maxSources = 32            // dictionary entries of a chunk
	worst      = 320           // bytes: no record takes more, its dictionary entry included
	worstEvent = maxData + 120 // bytes: nor does an event
	fixed      = 96            // bytes: the chunk without columns and dictionary
)

// builder is a chunk under construction: columns that grow by one record.
type builder struct {
	kind    Kind
	n       int
	cols    [maxColumns][]byte
	sources []Source // results; health uses Pipeline for its name
	bytes   int      // of columns and dictionary
	time    int64
	step    int64
	latency int64
}

// newBuilder returns a builder that holds size bytes without allocating.
func newBuilder(kind Kind, size int) *builder {
	b := &builder{kind: kind, sources: make([]Source, 0, maxSources)}
	for i := range columnCount[kind] {
		b.cols[i] = make([]byte, 0, size)
	}
	return b
}

// reset empties the builder and keeps its memory.
func (b *builder) reset() {
	for i := range b.cols {
		b.cols[i] = b.cols[i][:0]
	}
	b.sources = b.sources[:0]
	b.n, b.bytes, b.time, b.step, b.latency = 0, 0, 0, 0, 0
}

// size is an upper bound of the sealed chunk's bytes.
func (b *builder) size() int { return fixed + b.bytes }

// fits tells whether one more record of its kind stays below limit.
func (b *builder) fits(limit int) bool {
	most := worst
	if b.kind == KindEvent {
		most = worstEvent
	}
	return b.size()+most <= limit && len(b.sources) < maxSources
}

func (b *builder) uvarint(col int, v uint64) {
	at := len(b.cols[col])
	b.cols[col] = binary.AppendUvarint(b.cols[col], v)
	b.bytes += len(b.cols[col]) - at
}

func (b *builder) varint(col int, v int64) {
	at := len(b.cols[col])
	b.cols[col] = binary.AppendVarint(b.cols[col], v)
	b.bytes += len(b.cols[col]) - at
}

// stamp appends the time: the first as it is, then by how much the step
// changed, which is near zero for anything regular.
func (b *builder) stamp(ms int64) {
	if b.n == 0 {
		b.varint(colTime, ms)
	} else {
		b.varint(colTime, ms-b.time-b.step)
		b.step = ms - b.time
	}
	b.time = ms
	b.n++
}

// source returns the dictionary's index of s.
func (b *builder) source(s Source) uint64 {
	for i := range b.sources {
		if b.sources[i] == s {
			return uint64(i)
		}
	}
	b.sources = append(b.sources, s)
	b.bytes += len(s.Pipeline) + 3
	if b.kind == KindResult {
		b.bytes += len(s.Model) + 2
	}
	return uint64(len(b.sources) - 1)
}

func (b *builder) result(r *Result) {
	b.stamp(millis(r.Time))
	src := r.Source
	src.Pipeline = cut(src.Pipeline, maxName)
	b.uvarint(colSource, b.source(src))
	b.uvarint(colClass, uint64(r.Class))
	first, margin := steps(r.Score), steps(r.Margin)
	if first == noScore {
		b.uvarint(colScore, noScore)
		b.uvarint(colSecond, noScore)
	} else {
		b.uvarint(colScore, scoreSteps-first)
		if margin == noScore {
			b.uvarint(colSecond, noScore)
		} else {
			b.uvarint(colSecond, first-min(margin, first))
		}
	}
	latency := min(max(int64((r.Latency+latencyLSB/2)/latencyLSB), 0), math.MaxUint32)
	b.varint(colLatency, latency-b.latency)
	b.latency = latency
}

func (b *builder) health(h *Health) {
	b.stamp(millis(h.Time))
	b.uvarint(colSource, b.source(Source{Pipeline: cut(h.Name, maxName)}))
	b.cols[colValue] = binary.LittleEndian.AppendUint32(b.cols[colValue], math.Float32bits(h.Value))
	b.bytes += 4
}

func (b *builder) event(e *Event) {
	b.stamp(millis(e.Time))
	b.uvarint(colCode, uint64(e.Code))
	b.varint(colNumber, e.Value)
	text := cut(e.Text, textLimit(e.Code))
	b.uvarint(colLength, uint64(len(text)))
	b.cols[colText] = append(b.cols[colText], text...)
	b.bytes += len(text)
}

func (b *builder) capture(c *Capture) {
	b.stamp(millis(c.Time))
	b.cols[colDigest] = append(b.cols[colDigest], c.Digest[:]...)
	b.bytes += len(c.Digest)
	b.uvarint(colSize, uint64(c.Size))
	b.uvarint(colWhy, uint64(c.Why))
}

// gap appends a gap behind the one before; time keeps where that ended.
func (b *builder) gap(g Gap) {
	b.uvarint(colFirst, g.First-uint64(b.time))
	b.uvarint(colCount, g.Count)
	b.uvarint(colReason, uint64(g.Reason))
	b.time = int64(g.End())
	b.n++
}
