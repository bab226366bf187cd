package agent

import (
	"math"

	"github.com/dunlin-edge/dunlin/hal"
)

// The trace shows the last five seconds at 25 points a second.
const (
	tracePoints    = 125
	tracePerSecond = 25
	traceChannels  = 3
)

// A trace is the recent envelope of a sample stream: per point and channel the
// smallest and the largest sample. Its memory is fixed.
type trace struct {
	channels int // of the stream
	shown    int // of them in the trace
	per      int // frames per point
	have     int // frames in the point being made
	at       int // next point to write
	full     bool
	point    [traceChannels][2]float32
	ring     [tracePoints][traceChannels][2]float32
}

func newTrace(info hal.StreamInfo) trace {
	t := trace{channels: info.Channels, shown: min(info.Channels, traceChannels)}
	t.per = max(1, int(info.RateHz/tracePerSecond))
	return t
}

// add takes interleaved frames.
func (t *trace) add(samples []float32) {
	for ; len(samples) >= t.channels && t.channels > 0; samples = samples[t.channels:] {
		for c := range t.shown {
			v := samples[c]
			if t.have == 0 {
				t.point[c] = [2]float32{v, v}
			}
			t.point[c][0], t.point[c][1] = min(t.point[c][0], v), max(t.point[c][1], v)
		}
		if t.have++; t.have < t.per {
			continue
		}
		t.ring[t.at] = t.point
		t.have = 0
		if t.at++; t.at == tracePoints {
			t.at, t.full = 0, true
		}
	}
}

// read returns per channel min, max, min, max, ... oldest first, rounded to
// 1/1000 since people look at it.
func (t *trace) read() [][]float32 {
	n, first := t.at, 0
	if t.full {
		n, first = tracePoints, t.at
	}
	out := make([][]float32, t.shown)
	for c := range out {
		out[c] = make([]float32, 0, 2*n)
		for i := range n {
			p := t.ring[(first+i)%tracePoints][c]
			out[c] = append(out[c], thousandths(p[0]), thousandths(p[1]))
		}
	}
	return out
}

func thousandths(v float32) float32 {
	if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return 0 // JSON has no word for it
	}
	return float32(math.Round(float64(v)*1000) / 1000)
}
