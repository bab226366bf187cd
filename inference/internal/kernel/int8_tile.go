package kernel

import (
	"math"
	"slices"
	"unsafe"
)

// vector8 stands for the 8-bit kernels of one tier, which multiply four inputs at
// a time by four signed weights. uint8 weights lose 128 on the way into the plan;
// inputs whose sign is not the kernels' are flipped on the way in.
type vector8 struct {
	tier   string
	panel  int  // outputs of a panel, a multiple of 16
	signed bool // the kernels' inputs
	masked bool // kernels store parts of 16 outputs
	rows   bool // has more than layers
	// argMaxes is for kernels of rows that have argMax, dots for those that have dot.
	argMaxes, dots bool
	sums           bool // matrix kernels know sumsOut
	// narrowSums is for kernels that add two products in 16 bits, which weights
	// of -128 could overflow.
	narrowSums bool
	// bounded kernels take layers whose products of sums and scales fit an int32.
	bounded bool
	twoRows bool // depthwise kernels know pairs of output rows
	// wide kernels take inputs of 16 bits, and weights in pairs instead of quads.
	wide   bool
	single bool // weights stand one by one: those of each input for all outputs
	octs   bool // weights stand in pairs of quads
	lines  bool // matrix kernels go on from line to line of blocks
	// flipsIn is for matrix kernels that flip inputs for panels of more than 16 outputs,
	// flipsFree for cores where that takes nothing from the multiplications.
	flipsIn, flipsFree bool
	set                int // of instructions, where several share all of the above
}

// vectors returns the width of panel p of so many outputs in vectors of 16: the last
// one may be narrow.
func (v *vector8) vectors(outputs, p int) int {
	switch left := outputs - p*v.panel; {
	case left <= 16 || v.panel == 16:
		return 1
	case left <= 32:
		return 2
	}
	return 4
}

// ofPixels returns the kernels for layers of so many pixels: those of two at a time
// would multiply one by nothing.
func (v *vector8) ofPixels(n int) *vector8 {
	if v.octs && n == 1 {
		return vector8Of(TierDotprod)
	}
	return v
}

// width returns the bytes of an input.
func (v *vector8) width() int {
	if v.wide {
		return 2
	}
	return 1
}

// spread fills inputs with one value, as flip would copy it.
func (v *vector8) spread(dst []byte, x byte) {
	if !v.wide {
		spreadBytes(dst, x)
		return
	}
	spreadWords(dst, uint64(uint16(int8(x)))*0x0001000100010001)
}

// layers8Of returns the kernels of a tier for a layer of these weights, nil where
// it has none.
func layers8Of[T Byte](tier string, weights []T) *vector8 {
	v := vector8Of(tier)
	if v != nil && v.narrowSums && slices.Contains(weights, lowest[T]()) {
		return nil
	}
	return v
}

// lowest returns the least number of a type, which is -128 to kernels.
func lowest[T Byte]() T {
	if isSigned[T]() {
		return T(1) << 7
	}
	return 0
}

// bounded tells whether products of sums and scales fit an int32, of which roundings leave
// the half for certain: sums themselves do. Of real layers they fit 16 bits.
func bounded(scale []float32, bias []int32, depth int) bool {
	for i, s := range scale {
		if s >= 1 && float64(s)*(math.Abs(float64(bias[i]))+float64(depth*255*255)) >= 1<<30 {
			return false
		}
	}
	return true
}

// rows8Of returns the 8-bit kernels of a tier for all but layers, nil where it
// has none.
func rows8Of(tier string) *vector8 {
	if v := vector8Of(tier); v != nil && v.rows {
		return v
	}
	return nil
}

// tile8 is what one call of a matrix kernel works on. Assembly knows the
// offsets of the fields (_generate/vnni).
type tile8 struct {
	rows     [8]*byte // 0: first input of each pixel
	panel    *int32   // 64: [bias][quad][output][4]
	dst      *byte    // 72
	stride   int      // 80: bytes from output pixel to output pixel
	segments int      // 88: runs of neighbouring inputs
	quads    int      // 96: of a segment; its last inputs may meet weights of 0
	offsets  *int     // 104: bytes from rows to the beginning of each segment
	mask     uint64   // 112: bytes to store
	out8              // 120
	add      [8]int32 // 136: to every sum of each pixel
	scale    *float32 // 168
	order    *uint32  // 176: of dwords after packing
	panels   int      // 184: that follow each other; kernels may count it down
	blocks   int      // 192: of as many pixels; kernels may count it down
	step     int      // 200: bytes from block to block
	lineRun           // 208
	flipIn   uint32   // 248: of four inputs, in kernels with flipsIn
	bytes    byteSide // 252: of bounded kernels
}

// lineRun is how kernels that know lines go on from one to the next, with the same
// blocks in each.
type lineRun struct {
	lines    int    // 0
	sums     *int32 // 8: to add to every sum of each pixel, one after the other; or nil
	lineStep int    // 16: bytes of the input to the next line
	skip     int    // 24: bytes of the output from the end of a line's blocks to the next one's
	skipSums int    // 32: of sums
}

// out8 is the output side of both kinds of kernels.
type out8 struct {
	flip uint32  // 0: of four bytes on their way out, or sumsOut
	hi   float32 // 4: upper bound less the zero point
	zero int32   // 8: zero point, before the flip
	min  int32   // 12: lower bound, before the flip
}

// sumsOut makes matrix kernels with sums store those as they are, int32.
const sumsOut = 1

// taps8 is the same for depthwise kernels: neighbouring pixels of vectors of 16
// channels. A kernel moves the pointers on from vector to vector.
type taps8 struct {
	src        *byte    // 0: quads of rows
	pixel      int      // 8: bytes from pixel to pixel
	offsets    *int     // 16: bytes from src to the quads of each tap
	taps       int      // 24
	weights    *int8    // 32
	weightStep int      // 40: bytes from tap to tap
	bias       *int32   // 48
	dst        *byte    // 56
	stride     int      // 64: bytes from output pixel to output pixel
	blocks     int      // 72: of as many pixels as the kernel takes at once
	mask       uint32   // 80: channels of the last vector
	scale      *float32 // 88
	vectors    int      // 96
	out8                // 104
	order      *uint32  // 120: of dwords after packing
	phase      int      // 128: bytes from the weights of a row to those of the next
	line       int      // 136: bytes from output row to output row
	bytes      byteSide // 144: of bounded kernels
	rows       int      // of output, at most 2 of kernels with twoRows
}

// pixelSums is what a kernel that adds the inputs of windows works on. Assembly knows
// the offsets of the fields (_generate/vnni, _generate/avx2).
type pixelSums struct {
	dst      *int32  // 0
	src      *byte   // 8
	step     int     // 16: bytes from window to window
	offsets  *int    // 24: of each segment
	segments int     // 32
	length   int     // 40: bytes of a segment
	pixels   int     // 48
	factor   int32   // 56: of each sum
	masks    *uint32 // 64: laneMasks
}

// slack8 is how many bytes kernels may read beyond an input they copied.
const slack8 = 64

// narrow8 is the memory for what kernels that store 16 outputs or none store
// where fewer belong: as many pixels as any takes at once.
const narrow8 = 8 * 16

func isSigned[T Byte]() bool { return T(0)-1 < 0 }

// flipOf returns what turns inputs of type T into the kernels' own, and what
// that adds to an input.
func flipOf[T Byte](v *vector8) (flip byte, offset int32) {
	switch {
	case isSigned[T]() == v.signed:
		return 0, 0
	case v.signed:
		return 0x80, -128
	}
	return 0x80, 128
}

// bytesOf returns 8-bit elements as bytes.
func bytesOf[T Byte](v []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

// signedOf returns bytes as int8.
func signedOf(b []byte) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(b))), len(b))
}

// sideOf returns the output side as the kernels take it: they clamp to bytes
// without a sign, which int8 gets by flipping the highest bit.
func sideOf[T Byte](c Clamp8) out8 {
	o := out8{hi: float32(c.Max - c.Zero), zero: c.Zero, min: c.Min}
	if isSigned[T]() {
		o.flip, o.zero, o.min = 0x80808080, c.Zero+128, c.Min+128
	}
	return o
}

// byteSide is the output side of kernels that clamp to bytes by saturation: sums get
// zero and saturate to [0, 255], then at most span is left, and least is added.
type byteSide struct {
	zero  uint32 // 0: two words, the zero point above the lower bound
	span  uint32 // 4: four bytes, from bound to bound
	least uint32 // 8: four bytes, the lower bound
}

// bytesSide returns the output side of bounded kernels.
func bytesSide(c Clamp8) byteSide {
	least := min(c.Min, c.Max)
	return byteSide{
		zero:  uint32(uint16(c.Zero-least)) * (1 + 1<<16),
		span:  uint32(uint8(c.Max-least)) * 0x01010101,
		least: uint32(uint8(least)) * 0x01010101,
	}
}

// quadOrder transposes four rows of 16 bytes: first dword i of each row goes
// to lane i, then bytes within lanes.
var quadOrder = func() (order [32]uint32) {
	for i := range 16 {
		order[i] = uint32(i%4*4 + i/4)
		b := uint32(i % 4)
		order[16+i] = b | (4+b)<<8 | (8+b)<<16 | (12+b)<<24
	}
	return order
}()
