//go:build !noasm

package kernel

import "math"

//go:noescape
func table8NEON(dst, src *byte, blocks int, table *byte)

//go:noescape
func quantize8NEON(dst *byte, src *float32, blocks int, p *rounding)

//go:noescape
func dequantize8SNEON(dst *float32, src *byte, blocks int, p *[2]uint32)

//go:noescape
func dequantize8UNEON(dst *float32, src *byte, blocks int, p *[2]uint32)

//go:noescape
func boundsNEON(src *float32, blocks int, b *[2]float32)

//go:noescape
func finishNEON(t *dynamicRow)

//go:noescape
func rowMax8NEON(dst, src *byte, stride, n, rows int)

// rowsOf returns the row kernels of a tier, nil where it has none.
func rowsOf(tier string) *vectorRows {
	if tier == TierGeneric {
		return nil
	}
	return &vectorRows{tier: tier}
}

// lanes returns the float lanes of a vector.
func (v *vectorRows) lanes() int { return 4 }

func (v *vectorRows) table(dst, src []byte, blocks int, t *Map8) {
	table8NEON(&dst[0], &src[0], blocks, &t.block[0])
}

func (v *vectorRows) quantize(dst []byte, src []float32, blocks int, p *rounding) {
	quantize8NEON(&dst[0], &src[0], blocks, p)
}

func (v *vectorRows) dequantize(signed bool, dst []float32, src []byte, blocks int, scale float32, zero int32) {
	p := [2]uint32{math.Float32bits(scale), uint32(zero)}
	if signed {
		dequantize8SNEON(&dst[0], &src[0], blocks, &p)
	} else {
		dequantize8UNEON(&dst[0], &src[0], blocks, &p)
	}
}

func (v *vectorRows) bounds(src []float32, blocks int, b *[2]float32) { boundsNEON(&src[0], blocks, b) }

func (v *vectorRows) finish(t *dynamicRow) { finishNEON(t) }

func (v *vectorRows) rowMax(dst, src []byte, stride, n int) {
	rowMax8NEON(&dst[0], &src[0], stride, n, len(dst))
}

// Functions of floats are portable Go here.

func (v *vectorRows) real(f realFunction, dst, src []float32, blocks int) (done int) { return 0 }

func (v *vectorRows) butterflies(re, im []float64, half int, turns []float64) {
	butterflies(re, im, turns)
}
