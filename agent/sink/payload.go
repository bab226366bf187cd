package sink

import (
	"encoding/binary"
	"math"
	"time"
)

// Data types of Sparkplug B that are used here (its DataType).
const (
	kindInt64   = 4
	kindUInt64  = 8
	kindFloat   = 9
	kindBoolean = 11
	kindString  = 12
)

// A metric is one value of a Sparkplug payload. Which field holds it depends on
// kind: text of a string, float of a float, number of all others.
type metric struct {
	name   string
	kind   uint64
	number uint64
	float  float32
	text   string
}

// A payload is a Sparkplug B message (sparkplug_b.proto, Payload).
type payload struct {
	at      time.Time
	metrics []metric
	seq     uint64
	noSeq   bool // a death has none
}

// Field numbers of Payload and Metric, and wire types of Protocol Buffers.
const (
	payloadTime, payloadMetrics, payloadSeq        = 1, 2, 3
	metricName, metricTime, metricType             = 1, 3, 4
	metricLong, metricFloat, metricBool, metricStr = 11, 12, 14, 15
	wireVarint, wireBytes, wireFixed32             = 0, 2, 5
)

func appendVarint(b []byte, field int, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(field<<3|wireVarint)), v)
}

func appendBytes(b []byte, field int, v string) []byte {
	b = binary.AppendUvarint(b, uint64(field<<3|wireBytes))
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

func encodePayload(p payload) []byte {
	at := uint64(p.at.UnixMilli())
	b := appendVarint(nil, payloadTime, at)
	for i := range p.metrics {
		b = appendBytes(b, payloadMetrics, string(encodeMetric(&p.metrics[i], at)))
	}
	if !p.noSeq {
		b = appendVarint(b, payloadSeq, p.seq)
	}
	return b
}

func encodeMetric(m *metric, at uint64) []byte {
	b := appendBytes(nil, metricName, m.name)
	b = appendVarint(b, metricTime, at)
	b = appendVarint(b, metricType, m.kind)
	switch m.kind {
	case kindString:
		return appendBytes(b, metricStr, m.text)
	case kindFloat:
		b = binary.AppendUvarint(b, metricFloat<<3|wireFixed32)
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(m.float))
	case kindBoolean:
		return appendVarint(b, metricBool, m.number)
	}
	return appendVarint(b, metricLong, m.number)
}

// asksRebirth tells whether a command sets Node Control/Rebirth. What cannot be
// read asks for nothing.
func asksRebirth(data []byte) bool {
	asked := false
	walk(data, func(field int, _ uint64, value []byte) {
		if field != payloadMetrics {
			return
		}
		name, set := "", false
		walk(value, func(field int, n uint64, value []byte) {
			switch field {
			case metricName:
				name = string(value)
			case metricBool:
				set = n != 0
			}
		})
		asked = asked || name == rebirth && set
	})
	return asked
}

// walk gives visit the fields of a message, as far as it is one.
func walk(data []byte, visit func(field int, n uint64, value []byte)) {
	for len(data) > 0 {
		tag, k := binary.Uvarint(data)
		if k <= 0 {
			return
		}
		data = data[k:]
		var n uint64
		var value []byte
		switch tag & 7 {
		case wireVarint:
			if n, k = binary.Uvarint(data); k <= 0 {
				return
			}
			data = data[k:]
		case wireBytes:
			size, k := binary.Uvarint(data)
			if k <= 0 || size > uint64(len(data)-k) {
				return
			}
			value, data = data[k:k+int(size)], data[k+int(size):]
		case wireFixed32, 1: // 1 is eight bytes
			size := map[uint64]int{wireFixed32: 4, 1: 8}[tag&7]
			if len(data) < size {
				return
			}
			data = data[size:]
		default:
			return
		}
		visit(int(tag>>3), n, value)
	}
}
