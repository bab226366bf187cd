package kernel

import "math"

// finish16 is what one call of a kernel requantizes: the sums of pixels by whole
// groups of eight channels. Assembly knows the offsets of the fields (_generate/int16).
type finish16 struct {
	sums      *int32  // 0: [part][pixel][plane][channel]
	dst       *int16  // 8
	sides     *side16 // 16: of each group
	groups    int     // 24
	pixels    int     // 32
	pixelStep int     // 40: bytes from pixel to pixel
	parts     int     // 48: that are added up
	partStep  int     // 56: bytes from part to part
	plane     int     // 64: bytes from the sums of upper bytes to those of lower ones, 0 for 16 bits
	stride    int     // 72: bytes from output pixel to output pixel
	min, max  int32   // 80
}

// side16 is the output side of eight channels, four of which a vector of 64 bits holds:
// a sum times factor plus add, shifted to the right by shift; or a sum plus add, times
// factor, in float64.
type side16 struct {
	add, factor, shift [8]uint64
	less               [8]uint32 // what a shift without sign leaves too much, in the order of channels
}

// output16 turns the int32 sums of vector kernels into outputs.
type output16 struct {
	*Out16
	bias   []int64 // with what kernels' inputs are off
	vector bool    // there are kernels, and they are exact
	sides  []side16
}

// exactReal is the bound of a bias and of the products' sum, which several float64 add up
// to exactly, in any order: both together stay within 2^53.
const exactReal = 1 << 52

// sides16 returns how many groups of eight so many channels are, the last of which may
// overlap the one before; fewer than eight stay with portable Go.
func sides16(channels int) int {
	if channels < 8 {
		return 0
	}
	return (channels + 7) / 8
}

// newOutput16 returns the output side of a layer whose sums are of so many products.
func newOutput16(o *Out16, bias []int64, depth int) output16 {
	return output16{Out16: o, bias: bias, vector: o.Real == nil || reals16 && exact(bias, depth)}
}

// exact tells whether float64 holds all sums of so many products and a bias.
func exact(bias []int64, depth int) bool {
	for _, b := range bias {
		if b > exactReal || b < -exactReal {
			return false
		}
	}
	return depth < exactReal>>22
}

// add appends what kernels need of so many channels from first on.
func (o *output16) add(first, channels int) {
	if !o.vector || channels < 8 {
		return
	}
	for at := 0; at < channels; at += 8 {
		o.sides = append(o.sides, o.side(first+min(at, channels-8)))
	}
}

// side returns the output side of eight channels from first on.
func (o *output16) side(first int) (s side16) {
	for i := range 8 {
		ch := first + i
		if o.Real != nil {
			s.add[i], s.factor[i] = math.Float64bits(float64(o.bias[ch])), math.Float64bits(o.Real[ch])
			continue
		}
		factor, shift := o.Factor[ch].reduced()
		lane := lanes16[i]
		s.add[lane] = uint64(o.bias[ch]*factor+1<<(shift-1)) + logical16
		s.factor[lane], s.shift[lane] = uint64(factor), uint64(shift)
		s.less[i] = uint32(logical16 >> shift)
	}
	return s
}

// finish requantizes what f holds of so many channels: from sums, with the sides from
// side on, to dst.
func (o *output16) finish(f *finish16, dst []int16, sums []int32, side, first, channels int) {
	if !o.vector || channels < 8 {
		o.portable(f, dst, sums, first, channels)
		return
	}
	f.min, f.max = o.Min, o.Max
	f.sums, f.dst, f.sides, f.groups = &sums[0], &dst[0], &o.sides[side], channels/8
	o.kernel(f)
	if at := channels - 8; channels%8 != 0 { // what is left, with some of what is done
		f.sums, f.dst, f.sides, f.groups = &sums[at], &dst[at], &o.sides[side+channels/8], 1
		o.kernel(f)
	}
}

// short is finish of one pixel with fewer channels than the layer has.
func (o *output16) short(f *finish16, dst []int16, sums []int32) {
	f.pixels = 1
	if n := len(dst) / 8; o.vector && n > 0 {
		f.sums, f.dst, f.sides, f.groups, f.min, f.max = &sums[0], &dst[0], &o.sides[0], n, o.Min, o.Max
		o.kernel(f)
	}
	whole := 0
	if o.vector {
		whole = len(dst) &^ 7
	}
	o.portable(f, dst[whole:], sums[whole:], whole, len(dst)-whole)
}

func (o *output16) kernel(f *finish16) {
	if o.Real != nil {
		finishReal16(f)
	} else {
		finishFixed16(f)
	}
}

// portable is finish in portable Go.
func (o *output16) portable(f *finish16, dst []int16, sums []int32, first, channels int) {
	for i := range f.pixels {
		for ch := range channels {
			sum := o.bias[first+ch]
			for part := range f.parts {
				s := sums[(part*f.partStep+i*f.pixelStep)/4+ch:]
				if f.plane > 0 {
					sum += int64(s[0])<<8 + int64(s[f.plane/4])
				} else {
					sum += int64(s[0])
				}
			}
			dst[i*f.stride/2+ch] = o.store(sum, first+ch)
		}
	}
}
