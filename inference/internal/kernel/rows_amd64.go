//go:build !noasm

package kernel

//go:noescape
func table8AVX512(dst, src *byte, blocks int, steps *byte)

//go:noescape
func table8AVX2(dst, src *byte, blocks int, steps *byte)

//go:noescape
func quantize8AVX512(dst *byte, src *float32, blocks int, p *rounding)

//go:noescape
func quantize8AVX2(dst *byte, src *float32, blocks int, p *rounding)

//go:noescape
func dequantize8SAVX512(dst *float32, src *byte, blocks int, scale float32, zero int32)

//go:noescape
func dequantize8SAVX2(dst *float32, src *byte, blocks int, scale float32, zero int32)

//go:noescape
func dequantize8UAVX512(dst *float32, src *byte, blocks int, scale float32, zero int32)

//go:noescape
func dequantize8UAVX2(dst *float32, src *byte, blocks int, scale float32, zero int32)

//go:noescape
func boundsAVX512(src *float32, blocks int, b *[2]float32)

//go:noescape
func boundsAVX2(src *float32, blocks int, b *[2]float32)

//go:noescape
func finishAVX512(t *dynamicRow)

//go:noescape
func finishAVX2(t *dynamicRow)

//go:noescape
func rowMax8AVX2(dst, src *byte, stride, n, rows int)

//go:noescape
func sqrtAVX512(dst, src *float32, blocks int) (done int)

//go:noescape
func sqrtAVX2(dst, src *float32, blocks int) (done int)

//go:noescape
func magnitudeAVX512(dst, src *float32, blocks int) (done int)

//go:noescape
func magnitudeAVX2(dst, src *float32, blocks int) (done int)

//go:noescape
func logAVX512(dst, src *float32, blocks int) (done int)

//go:noescape
func logAVX2(dst, src *float32, blocks int) (done int)

//go:noescape
func butterfliesAVX512(re, im *float64, n, half int, turns *float64)

//go:noescape
func butterfliesAVX2(re, im *float64, n, half int, turns *float64)

// rowsOf returns the row kernels of a tier, nil where it has none.
func rowsOf(tier string) *vectorRows {
	switch tier {
	case TierVNNI:
		return &vectorRows{tier: tier, wide: true, reals: true}
	case TierAVX2, TierAVXVNNI:
		return &vectorRows{tier: tier, reals: true}
	}
	return nil
}

// lanes returns the float lanes of a vector.
func (v *vectorRows) lanes() int {
	if v.wide {
		return 16
	}
	return 8
}

func (v *vectorRows) table(dst, src []byte, blocks int, t *Map8) {
	if v.wide {
		table8AVX512(&dst[0], &src[0], blocks, &t.steps[0])
	} else {
		table8AVX2(&dst[0], &src[0], blocks, &t.steps[0])
	}
}

func (v *vectorRows) quantize(dst []byte, src []float32, blocks int, p *rounding) {
	if v.wide {
		quantize8AVX512(&dst[0], &src[0], blocks, p)
	} else {
		quantize8AVX2(&dst[0], &src[0], blocks, p)
	}
}

func (v *vectorRows) dequantize(signed bool, dst []float32, src []byte, blocks int, scale float32, zero int32) {
	switch {
	case v.wide && signed:
		dequantize8SAVX512(&dst[0], &src[0], blocks, scale, zero)
	case v.wide:
		dequantize8UAVX512(&dst[0], &src[0], blocks, scale, zero)
	case signed:
		dequantize8SAVX2(&dst[0], &src[0], blocks, scale, zero)
	default:
		dequantize8UAVX2(&dst[0], &src[0], blocks, scale, zero)
	}
}

func (v *vectorRows) bounds(src []float32, blocks int, b *[2]float32) {
	if v.wide {
		boundsAVX512(&src[0], blocks, b)
	} else {
		boundsAVX2(&src[0], blocks, b)
	}
}

func (v *vectorRows) finish(t *dynamicRow) {
	if v.wide {
		finishAVX512(t)
	} else {
		finishAVX2(t)
	}
}

func (v *vectorRows) rowMax(dst, src []byte, stride, n int) {
	rowMax8AVX2(&dst[0], &src[0], stride, n, len(dst))
}

// real computes blocks of a function until one that is Go's.
func (v *vectorRows) real(f realFunction, dst, src []float32, blocks int) (done int) {
	to, from := &dst[0], &src[0]
	switch {
	case f == realSqrt && v.wide:
		return sqrtAVX512(to, from, blocks)
	case f == realSqrt:
		return sqrtAVX2(to, from, blocks)
	case f == realMagnitude && v.wide:
		return magnitudeAVX512(to, from, blocks)
	case f == realMagnitude:
		return magnitudeAVX2(to, from, blocks)
	case v.wide:
		return logAVX512(to, from, blocks)
	}
	return logAVX2(to, from, blocks)
}

// butterflies does a stage of a Fourier transform of half pairs a block.
func (v *vectorRows) butterflies(re, im []float64, half int, turns []float64) {
	if v.wide && half >= 8 {
		butterfliesAVX512(&re[0], &im[0], len(re), half, &turns[0])
	} else {
		butterfliesAVX2(&re[0], &im[0], len(re), half, &turns[0])
	}
}
