//go:build !noasm

package kernel

//go:noescape
func peak8VNNI(rounds int)

//go:noescape
func peak8AVX2(rounds int)

//go:noescape
func peak8AVXVNNI(rounds int)

//go:noescape
func peakF32AVX512(rounds int)

//go:noescape
func peakF32AVX2(rounds int)

func peak8(tier string) peakLoop {
	switch tier {
	case TierVNNI:
		return peakLoop{24 * 64, peak8VNNI}
	case TierAVXVNNI:
		return peakLoop{12 * 32, peak8AVXVNNI}
	case TierAVX2:
		return peakLoop{12 * 16, peak8AVX2}
	}
	return peakLoop{}
}

func peakF32(tier string) peakLoop {
	switch tier {
	case TierVNNI:
		return peakLoop{12 * 16, peakF32AVX512}
	case TierAVXVNNI, TierAVX2:
		return peakLoop{12 * 8, peakF32AVX2}
	}
	return peakLoop{}
}
