package signal

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// MelScale names a mapping from hertz to mel and the filters drawn on it.
type MelScale int

const (
	// HTK: mel = 1127 ln(1 + f/700), triangles in mel, peak 1, DC excluded, as
	// tf.signal.linear_to_mel_weight_matrix.
	HTK MelScale = iota
	// Slaney: linear below 1 kHz, logarithmic above, triangles in hertz with
	// unit area, as librosa.filters.mel.
	Slaney
)

// melBank sums the bins of a spectrum into overlapping triangular bands.
type melBank struct {
	start  []int
	weight [][]float32
}

// newMelBank makes bands for a spectrum of bins from 0 to rateHz/2.
func newMelBank(scale MelScale, bands, bins int, rateHz, lowHz, highHz float64) (*melBank, error) {
	switch {
	case bands < 1 || bands > 1024 || bins < 2:
		return nil, fmt.Errorf("mel bank: %d bands of %d bins, want 1 to 1024 bands of at least 2 bins", bands, bins)
	case !(lowHz >= 0 && lowHz < highHz && highHz <= rateHz/2):
		return nil, fmt.Errorf("mel bank: %g to %g Hz, want an interval between 0 and half the rate of %g Hz", lowHz, highHz, rateHz)
	}
	toMel, fromMel := scale.mapping()
	low, high := toMel(lowHz), toMel(highHz)
	edges := make([]float64, bands+2)
	for i := range edges {
		edges[i] = low + float64((high-low)*float64(i)/float64(bands+1))
		if scale == Slaney {
			edges[i] = fromMel(edges[i])
		}
	}
	b := &melBank{start: make([]int, bands), weight: make([][]float32, bands)}
	for band := range bands {
		b.fill(band, scale, edges[band:band+3], bins, rateHz/2/float64(bins-1), toMel)
	}
	return b, nil
}

// fill computes one triangle from its left, centre and right edges.
func (b *melBank) fill(band int, scale MelScale, edge []float64, bins int, binHz float64, toMel func(float64) float64) {
	gain, first := 1.0, 1
	if scale == Slaney {
		gain, first = 2/(edge[2]-edge[0]), 0
	}
	for i := first; i < bins; i++ {
		x := float64(float64(i) * binHz)
		if scale == HTK {
			x = toMel(x)
		}
		w := min((x-edge[0])/(edge[1]-edge[0]), (edge[2]-x)/(edge[2]-edge[1]))
		if w <= 0 {
			continue
		}
		if len(b.weight[band]) == 0 {
			b.start[band] = i
		}
		b.weight[band] = append(b.weight[band], float32(w*gain))
	}
}

func (s MelScale) mapping() (toMel, fromMel func(float64) float64) {
	if s == HTK {
		return func(hz float64) float64 { return float64(1127 * fmath.Log(1+hz/700)) },
			func(mel float64) float64 { return float64(700 * (fmath.Exp(mel/1127) - 1)) }
	}
	const linear, knee = 200.0 / 3, 1000.0
	step := fmath.Log(6.4) / 27
	return func(hz float64) float64 {
			if hz < knee {
				return hz / linear
			}
			return knee/linear + fmath.Log(hz/knee)/step
		}, func(mel float64) float64 {
			if mel < knee/linear {
				return float64(mel * linear)
			}
			return float64(knee * fmath.Exp(float64(step*(mel-knee/linear))))
		}
}

// Bands returns the number of bands.
func (b *melBank) Bands() int { return len(b.weight) }

// Apply writes the weighted sum of every band to dst.
func (b *melBank) Apply(dst, spectrum []float32) {
	for band, weights := range b.weight {
		var sum float32
		for i, w := range weights {
			sum += float32(w * spectrum[b.start[band]+i])
		}
		dst[band] = sum
	}
}

// dct holds the rows of the type-II transform of tf.signal.dct divided by
// sqrt(2n): sqrt(2/n) * sum x[j] cos(pi k (2j+1) / 2n), the zeroth row too.
func newDCT(coefficients, n int) [][]float32 {
	rows := make([][]float32, coefficients)
	scale := math.Sqrt(2 / float64(n))
	for k := range rows {
		for j := range n {
			_, c := fmath.SinCosTurn(k*(2*j+1), 4*n)
			rows[k] = append(rows[k], float32(c*scale))
		}
	}
	return rows
}
