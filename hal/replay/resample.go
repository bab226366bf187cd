package replay

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/hal/internal/exact"
)

// crossings is the half width of the interpolation kernel, in zero crossings
// of its sinc.
const crossings = 16

// maxPhases bounds the kernel table; finer positions interpolate between its
// rows.
const maxPhases = 512

// maxRatio bounds how far apart two rates may be.
const maxRatio = 256

// resampler converts between two rates with a windowed sinc, in polyphase form
// (Crochiere, Rabiner, Multirate Digital Signal Processing, 1983). Output
// frame k stands at input position k*step/unit; before the first and after the
// last input frame the signal is zero. There is no delay. Equal rates copy.
type resampler struct {
	channels   int
	unit, step int64     // input frames are unit apart, output frames step
	half       int64     // input frames on each side of a position
	phases     int       // rows of table, less one
	table      []float32 // (phases+1) rows of 2*half coefficients
	coeff      []float32 // of one position

	in    []float32 // input frames from first on, interleaved
	first int64     // index of the first frame in in; may be before the clip
	pos   int64     // of the next output frame, in 1/unit
	end   int64     // number of input frames, once known, otherwise -1
}

// newResampler converts channels interleaved channels between rates in Hz;
// rates are rounded to 1 mHz.
func newResampler(from, to float64, channels int) (*resampler, error) {
	a, b := int64(math.Round(from*1000)), int64(math.Round(to*1000))
	if a <= 0 || b <= 0 || a > b*maxRatio || b > a*maxRatio {
		return nil, fmt.Errorf("resample from %v to %v Hz: rates are more than %d times apart", from, to, maxRatio)
	}
	g := gcd(a, b)
	r := &resampler{channels: channels, unit: b / g, step: a / g}
	if r.unit != r.step {
		r.design()
	}
	r.reset()
	return r, nil
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// design fills the table. Downwards the kernel widens, so that what the lower
// rate cannot carry is cut.
func (r *resampler) design() {
	cutoff := min(1, float64(r.unit)/float64(r.step)) * 0.95
	r.half = int64(math.Ceil(crossings / cutoff))
	r.phases = int(min(r.unit, maxPhases))
	width := int(2 * r.half)
	r.table = make([]float32, (r.phases+1)*width)
	r.coeff = make([]float32, width)
	row := make([]float64, width)
	for p := range r.phases + 1 {
		sum := 0.0
		for i := range row {
			// Distance of input frame i from the position, in input frames.
			d := float64(int64(i)-r.half+1) - float64(p)/float64(r.phases)
			row[i] = kernel(d, cutoff, float64(r.half))
			sum += row[i]
		}
		for i, v := range row { // a constant stays what it is
			r.table[p*width+i] = float32(v / sum)
		}
	}
}

// kernel is a sinc under a four-term Blackman-Harris window (Harris 1978).
func kernel(d, cutoff, half float64) float64 {
	if d <= -half || d >= half {
		return 0
	}
	t := d / (2 * half)
	w := 0.35875 + float64(0.48829*exact.Cos(t)) + float64(0.14128*exact.Cos(2*t)) + float64(0.01168*exact.Cos(3*t))
	x := float64(cutoff * d)
	if x == 0 {
		return w
	}
	return float64(w*exact.Sin(x/2)) / float64(math.Pi*x)
}

// reset forgets the clip.
func (r *resampler) reset() {
	r.first, r.pos, r.end = -r.half, 0, -1
	r.in = append(r.in[:0], make([]float32, int(r.half)*r.channels)...)
}

// push appends input frames.
func (r *resampler) push(frames []float32) { r.in = append(r.in, frames...) }

// finish says that the clip is complete.
func (r *resampler) finish() {
	r.end = r.first + int64(len(r.in)/r.channels)
	r.in = append(r.in, make([]float32, int(r.half+1)*r.channels)...)
}

// finished reports whether the clip is complete and read.
func (r *resampler) finished() bool { return r.end >= 0 && r.pos >= r.end*r.unit }

// pull writes output frames as far as input and room go.
func (r *resampler) pull(out []float32) (frames int) {
	have := r.first + int64(len(r.in)/r.channels)
	room := len(out) / r.channels
	for ; frames < room && !r.finished(); frames++ {
		at := r.pos / r.unit
		if at+r.half >= have {
			break
		}
		r.frame(out[frames*r.channels:][:r.channels], at)
		r.pos += r.step
	}
	r.drop()
	return frames
}

// frame computes one output frame near input frame at.
func (r *resampler) frame(out []float32, at int64) {
	if r.unit == r.step {
		copy(out, r.in[int(at-r.first)*r.channels:])
		return
	}
	coeff := r.position(r.pos % r.unit)
	in := r.in[int(at-r.half+1-r.first)*r.channels:]
	for c := range out {
		sum := float32(0)
		for i, k := range coeff {
			sum += float32(k * in[i*r.channels+c])
		}
		out[c] = sum
	}
}

// position returns the coefficients for a fraction rest/unit of a frame.
func (r *resampler) position(rest int64) []float32 {
	width := len(r.coeff)
	if int64(r.phases) == r.unit {
		return r.table[int(rest)*width:][:width]
	}
	p := float64(rest) / float64(r.unit) * float64(r.phases)
	i := int(p)
	w := float32(p - float64(i))
	lo, hi := r.table[i*width:][:width], r.table[(i+1)*width:][:width]
	for k := range r.coeff {
		r.coeff[k] = lo[k] + float32(w*(hi[k]-lo[k]))
	}
	return r.coeff
}

// drop forgets input that no output needs any more.
func (r *resampler) drop() {
	old := min(int(r.pos/r.unit-r.half-r.first), len(r.in)/r.channels)
	if old < wavFrames {
		return
	}
	n := copy(r.in, r.in[old*r.channels:])
	r.in, r.first = r.in[:n], r.first+int64(old)
}
