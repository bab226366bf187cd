//go:build !noasm

package kernel

//go:noescape
func peak8I8MM(rounds int)

//go:noescape
func peak8Dotprod(rounds int)

//go:noescape
func peak8NEON(rounds int)

//go:noescape
func peakF32NEON(rounds int)

func peak8(tier string) peakLoop {
	switch tier {
	case TierI8MM:
		return peakLoop{16 * 32, peak8I8MM}
	case TierDotprod:
		return peakLoop{16 * 16, peak8Dotprod}
	case TierNEON:
		return peakLoop{16 * 16, peak8NEON}
	}
	return peakLoop{}
}

func peakF32(tier string) peakLoop {
	if tier == TierGeneric {
		return peakLoop{}
	}
	return peakLoop{16 * 4, peakF32NEON}
}
