package micro

import (
	"math/bits"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// Log is a natural logarithm with scaled output: the integer part from
// the bit length, the fraction from a chord corrected by a table of 128
// segments of log2(1+x)-x in 16 fractional bits.
type Log struct{ table [130]int32 }

// NewLog makes the table.
func NewLog() *Log {
	l := &Log{}
	for i := range 129 {
		x := float64(float64(i) / 128)
		l.table[i] = int32(float64((fmath.Log(1+x)/fmath.Log(2)-x)*65536) + 0.5)
	}
	return l
}

// Ln returns ln(x) * scale for x >= 1.
func (l *Log) Ln(x, scale uint32) uint32 {
	whole := bits.Len32(x) - 1
	frac := int32(x - 1<<whole)
	if whole < 16 {
		frac <<= 16 - whole
	} else {
		frac >>= whole - 16
	}
	seg := frac >> 9
	c0, c1 := l.table[seg], l.table[seg+1]
	log2 := uint32(whole)<<16 + uint32(frac+c0+(c1-c0)*(frac-seg<<9)>>16)
	const ln2Q16, round = 45426, 1 << 15
	ln := uint32((ln2Q16*uint64(log2) + round) >> 16)
	return (scale*ln + round) >> 16
}
