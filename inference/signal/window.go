package signal

import "github.com/dunlin-edge/dunlin/inference/internal/fmath"

// Window is the shape that weighs the samples of a frame.
type Window int

// Window shapes. Hann is periodic (tf.signal.hann_window, scipy's default for
// spectra), Hamming symmetric (tf.signal.hamming_window(periodic=False)).
const (
	Hann Window = iota
	Hamming
	Rectangle
)

// Weights returns the n weights of the window.
func (w Window) Weights(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = 1
		switch {
		case w == Hann && n > 1:
			_, c := fmath.SinCosTurn(i, n)
			out[i] = float32(0.5 - float64(0.5*c))
		case w == Hamming && n > 1:
			_, c := fmath.SinCosTurn(i, n-1)
			out[i] = float32(0.54 - float64(0.46*c))
		}
	}
	return out
}
