package kernel

import (
	"math"
	"math/bits"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// Sigmoid16 is TFLite's logistic and hyperbolic tangent of int16: a table of
// 256 values of the logistic, 24 to the unit, and straight lines between them
// (kernels/internal/reference/integer_ops/logistic.h, tanh.h).
type Sigmoid16 struct {
	multiplier int32 // takes a value to 3 * 4096 parts of the unit
	shift      uint
	table      [256]uint32
}

// sigmoidUp tells where TFLite's table is one above the rounded function, as
// TANH of int16 shows it at the first
// scale above 1/48.
const sigmoidUp = "0000100010001011110111100101111101110101110111100110001000000011" +
	"1010000000000000001000100000010000001001000000001000100000000000" +
	"0000000100000000000000000000000000000000000000000000000000000000" +
	"0000000000000000000000000000000000000000000000000000000000000001"

// NewSigmoid16 prepares an input scale
// (kernels/activations.cc, SigmoidPrepare).
func NewSigmoid16(scale float32) *Sigmoid16 {
	s := &Sigmoid16{}
	m := float64(scale) * 4096 * 3
	for m <= 32767.0/2 && s.shift <= 30 {
		s.shift++
		m *= 2
	}
	s.multiplier = int32(m)
	for i := range s.table {
		v := math.Floor(65536/(1+fmath.Exp(-float64(i)/24)) + 0.5)
		s.table[i] = uint32(v) + uint32(sigmoidUp[i]-'0')
	}
	return s
}

// position returns the value in parts of the unit, rounded half up.
func (s *Sigmoid16) position(x int16) int32 {
	round := int32(0)
	if s.shift > 0 {
		round = 1 << (s.shift - 1)
	}
	return (int32(x)*s.multiplier + round) >> s.shift
}

func magnitude(v int32) uint32 { return uint32(max(v, -v)) }

// Logistic writes 15 fractional bits.
func (s *Sigmoid16) Logistic(dst, src []int16) {
	for i, x := range src {
		at := s.position(x)
		a := magnitude(at)
		r := uint32(0x7FFF << 10)
		if h := a >> 9; h < 255 {
			r = s.table[h]<<9 + a&0x1FF*(s.table[h+1]-s.table[h])
		}
		if at >= 0 {
			r += 1 << 9
		} else {
			r = 1<<25 - r + 1<<9 - 1
		}
		dst[i] = int16(r >> 10)
	}
}

// Tanh writes 15 fractional bits: twice the logistic of twice the value, less 1.
func (s *Sigmoid16) Tanh(dst, src []int16) {
	for i, x := range src {
		at := s.position(x)
		a := magnitude(at)
		r := int32(0xFFFF << 8)
		if h := a >> 8; h < 255 {
			r = int32(s.table[h]<<8 + a&0xFF*(s.table[h+1]-s.table[h]))
		}
		if at >= 0 {
			r = r - 1<<23 + 1<<7
		} else {
			r = -r + 1<<23 + 1<<7 - 1
		}
		dst[i] = int16(r >> 8)
	}
}

// table16 samples a function of int16 at 513 places, each moved by half of what
// a straight line to the next is wrong in its middle (kernels/internal/
// common.h, LUTPopulateInt16 of double).
type table16 [513]int16

func newTable16(low, high, outScale float64, f func(x float64) float64) *table16 {
	t := &table16{}
	step := (high - low) / 512
	inv := 65536 / (float64(outScale*math.MaxInt16) - float64(outScale*math.MinInt16))
	for i := range 512 {
		at := low + float64(float64(i)*step)
		v, middle, next := f(at), f(at+float64(step/2)), f(low+float64(float64(i+1)*step))
		sample := math.Round(v * inv)
		line := math.Round((float64(next*inv) + sample) / 2)
		bias := math.Round((line - math.Round(middle*inv)) / 2)
		t[i] = int16(min(max(sample-bias, math.MinInt16), math.MaxInt16))
	}
	t[512] = int16(min(max(math.Round(f(high)*inv), math.MinInt16), math.MaxInt16))
	return t
}

func (t *table16) at(v int16) int16 {
	i := 256 + int32(v)>>7
	slope := int32(int16(t[i+1] - t[i]))
	return t[i] + int16((slope*int32(v&0x7F)+64)>>7)
}

// Softmax16 is TFLite's softmax of int16 (kernels/internal/reference/softmax.h,
// SoftmaxInt16).
type Softmax16 struct {
	scale           Multiplier
	exp, reciprocal *table16
}

// NewSoftmax16 prepares an input scale and beta.
func NewSoftmax16(scale, beta float32) *Softmax16 {
	// Exponents from -10 to 0, sums from 1 to 2, results from -1 to 1.
	const span = 65535
	tenth, unit := 10.0/span, 1.0/span
	return &Softmax16{
		scale:      NewMultiplier(float64(float32(scale*beta)) / (10.0 / span)),
		exp:        newTable16(tenth*-65535, 0, 2.0/span, fmath.Exp),
		reciprocal: newTable16(0, unit*65535, 2.0/span, func(x float64) float64 { return 1 / (1 + x) }),
	}
}

// Run normalizes rows of n elements to 15 fractional bits.
func (s *Softmax16) Run(dst, src []int16, n int) {
	for ; len(src) >= n; dst, src = dst[n:], src[n:] {
		top, sum := src[0], int32(0)
		for _, x := range src[:n] {
			top = max(top, x)
		}
		for i, x := range src[:n] {
			d := s.scale.Apply(int32(x)-int32(top)) + 32767
			dst[i] = s.exp.at(int16(min(max(d, -32768), 32767)))
			sum += int32(dst[i])
		}
		head := bits.LeadingZeros32(uint32(sum))
		x := int32((int64(sum)<<(head-1) + 1<<13) >> 14)
		r := s.reciprocal.at(int16(min(max(x-(1<<15+1<<16), -32768), 32767)))
		shift := 31 - head
		for i, e := range dst[:n] {
			v := (int64(e)*int64(r) + 1<<(shift-1)) >> shift
			dst[i] = int16(min(max(v, 0), 32767))
		}
	}
}
