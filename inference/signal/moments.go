package signal

import "math"

// moments are the statistics of a window, in float64.
type moments struct {
	mean, rms, peak, skewness, kurtosis float64
}

// removeMean subtracts the mean of x from it.
func removeMean(x []float32) (s moments) {
	for _, v := range x {
		s.mean += float64(v)
	}
	s.mean /= float64(len(x))
	for i, v := range x {
		x[i] = float32(float64(v) - s.mean)
	}
	return s
}

// shape computes the moments of x, whose mean is removed. A constant window
// has skewness and kurtosis 0.
func (s *moments) shape(x []float32) {
	var m2, m3, m4 float64
	for _, v := range x {
		d := float64(v)
		q := float64(d * d)
		m2 += q
		m3 += float64(q * d)
		m4 += float64(q * q)
		s.peak = max(s.peak, math.Abs(d))
	}
	n := float64(len(x))
	m2, m3, m4 = m2/n, m3/n, m4/n
	s.rms = math.Sqrt(m2)
	if m2 > 0 {
		s.skewness = m3 / float64(m2*s.rms)
		s.kurtosis = m4/float64(m2*m2) - 3
	}
}

// value returns one statistic by the name of its feature.
func (s *moments) value(name string) float32 {
	switch name {
	case Mean:
		return float32(s.mean)
	case RMS:
		return float32(s.rms)
	case Peak:
		return float32(s.peak)
	case Skewness:
		return float32(s.skewness)
	case Kurtosis:
		return float32(s.kurtosis)
	}
	if s.rms == 0 {
		return 0
	}
	return float32(s.peak / s.rms)
}
