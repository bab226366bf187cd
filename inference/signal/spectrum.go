package signal

import "math"

// welch averages the power spectra of Hann segments that overlap by half.
type welch struct {
	n      int
	window []float32
	scale  float32
	fft    *FFT
	x      []float32
	re, im []float32
	power  []float32 // n/2+1 bins that sum to the power of the samples
}

func newWelch(n, length int) (*welch, error) {
	fft, err := NewFFT(n)
	if err != nil {
		return nil, err
	}
	w := &welch{
		n: n, window: Hann.Weights(n), fft: fft, x: make([]float32, n),
		re: make([]float32, n/2+1), im: make([]float32, n/2+1), power: make([]float32, n/2+1),
	}
	var energy float64
	for _, v := range w.window {
		energy += float64(float64(v) * float64(v))
	}
	segments := 1 + (length-n)/max(n/2, 1)
	w.scale = float32(1 / (float64(n) * energy * float64(segments)))
	return w, nil
}

// run fills power from the samples x.
func (w *welch) run(x []float32) {
	clear(w.power)
	for start := 0; start+w.n <= len(x); start += max(w.n/2, 1) {
		for i, c := range w.window {
			w.x[i] = float32(c * x[start+i])
		}
		w.fft.Real(w.re, w.im, w.x)
		for k, re := range w.re {
			w.power[k] += float32(re*re) + float32(w.im[k]*w.im[k])
		}
	}
	for k := range w.power {
		s := w.scale
		if k > 0 && k < w.n/2 {
			s *= 2
		}
		w.power[k] = float32(w.power[k] * s)
	}
}

// envelope demodulates: the magnitude of the analytic signal, which shows the
// rate of the bursts that excite a resonance.
type envelope struct {
	fft    *complexFFT
	re, im []float32
	out    []float32
}

func newEnvelope(length int) *envelope {
	n := nextPow2(length)
	return &envelope{newComplexFFT(n), make([]float32, n), make([]float32, n), make([]float32, length)}
}

// run returns the envelope of x without its mean; the next call reuses it.
func (e *envelope) run(x []float32) []float32 {
	n := len(e.re)
	copy(e.re, x)
	clear(e.re[len(x):])
	clear(e.im)
	e.fft.forward(e.re, e.im)
	// Negative frequencies go, positive ones double; 1/n of the inverse.
	for k := range n {
		gain := float32(2)
		switch {
		case k == 0 || k == n/2:
			gain = 1
		case k > n/2:
			gain = 0
		}
		gain /= float32(n)
		e.re[k], e.im[k] = float32(e.re[k]*gain), float32(e.im[k]*gain)
	}
	e.fft.forward(e.im, e.re)
	for i := range e.out {
		p := float32(e.re[i]*e.re[i]) + float32(e.im[i]*e.im[i])
		e.out[i] = float32(math.Sqrt(float64(p)))
	}
	removeMean(e.out)
	return e.out
}
