package pipeline

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
	"github.com/dunlin-edge/dunlin/inference/vision"
)

// InputStats describe the input of a window, each from 0 to 1, so that a change
// of the sensor shows even where the scores do not: of a stream the samples
// since the window before, of a picture a grid of its pixels.
type InputStats struct {
	Mean float32 // of pixels; of samples m/(1+|m|), 0.5 being zero
	Std  float32 // of pixels; of samples in 80 dB, up to 0 dB of full scale (sound) or 20 dB over one unit
	// Detail is how far the picture is from blurred, by the differences of
	// neighbours; of samples the loudest over the quietest eighth, in 60 dB.
	Detail     float32
	Saturation float32 // root of the share at the extremes: clipped, or a sensor that is stuck
}

// sampleMeter gathers InputStats of samples, each once.
type sampleMeter struct {
	top   float64 // dB that std reaches at most
	block int     // samples of an eighth

	n           int
	sum, square float64
	lo, hi      float32
	atLo, atHi  int
	inBlock     int
	energy      float64 // of the block
	quiet, loud float64 // energies of blocks
	blocks      int
	last        InputStats
}

func newSampleMeter(kind string, hop int) sampleMeter {
	m := sampleMeter{top: 20, block: max(16, hop/8)}
	if kind == KindAudio {
		m.top = 0
	}
	return m
}

func (m *sampleMeter) add(samples []float32) {
	for _, v := range samples {
		if m.n == 0 {
			m.lo, m.hi, m.atLo, m.atHi = v, v, 0, 0
		}
		switch {
		case v < m.lo:
			m.lo, m.atLo = v, 1
		case v == m.lo:
			m.atLo++
		}
		switch {
		case v > m.hi:
			m.hi, m.atHi = v, 1
		case v == m.hi:
			m.atHi++
		}
		x := float64(v)
		m.n++
		m.sum += x
		m.square += float64(x * x)
		m.energy += float64(x * x)
		if m.inBlock++; m.inBlock == m.block {
			m.endBlock()
		}
	}
}

func (m *sampleMeter) endBlock() {
	if m.blocks == 0 {
		m.quiet, m.loud = m.energy, m.energy
	}
	m.quiet, m.loud = min(m.quiet, m.energy), max(m.loud, m.energy)
	m.blocks++
	m.inBlock, m.energy = 0, 0
}

// take returns the statistics since it last did, or the last ones where nothing
// came since.
func (m *sampleMeter) take() InputStats {
	if m.n == 0 {
		return m.last
	}
	n := float64(m.n)
	mean := m.sum / n
	std := math.Sqrt(max(m.square/n-float64(mean*mean), 0))
	s := InputStats{
		Mean:       float32(0.5 + float64(mean/(1+math.Abs(mean))/2)),
		Std:        unit((decibel(std) - m.top + 80) / 80),
		Saturation: unit(math.Sqrt(float64(max(m.atLo+m.atHi-2, 0)) / n)),
	}
	if m.blocks > 1 && m.loud > 0 {
		s.Detail = unit((decibel(m.loud) - decibel(m.quiet)) / 2 / 60) // energies: half
	}
	*m = sampleMeter{top: m.top, block: m.block, last: s}
	return s
}

// decibel is 20 log10, and very low for nothing.
func decibel(v float64) float64 { return float64(20 * fmath.Log10(max(v, 1e-20))) }

func unit(v float64) float32 { return float32(min(max(v, 0), 1)) }

// statsGrid is how many pixels of a row and of a column are looked at.
const statsGrid = 64

func imageStats(m *vision.Image) InputStats {
	dx, dy := max(1, m.Width/statsGrid), max(1, m.Height/statsGrid)
	middle := m.Channels / 2 // green, or the only one
	var n, sum, square, steps, ends int
	for y := 0; y < m.Height; y += dy {
		row := m.Pix[y*m.Stride:]
		for x := 0; x+1 < m.Width; x += dx {
			v, next := int(row[x*m.Channels+middle]), int(row[(x+1)*m.Channels+middle])
			n++
			sum += v
			square += v * v
			steps += max(v-next, next-v)
			if v == 0 || v == 255 {
				ends++
			}
		}
	}
	if n == 0 {
		return InputStats{}
	}
	mean := float64(sum) / float64(n)
	variance := float64(square)/float64(n) - float64(mean*mean)
	return InputStats{
		Mean: unit(mean / 255), Std: unit(math.Sqrt(max(variance, 0)) / 128),
		Detail:     unit(math.Sqrt(float64(steps) / float64(n) / 64)),
		Saturation: unit(math.Sqrt(float64(ends) / float64(n))),
	}
}
