//go:build noasm || (!amd64 && !arm64)

package kernel

func peak8(tier string) peakLoop   { return peakLoop{} }
func peakF32(tier string) peakLoop { return peakLoop{} }
