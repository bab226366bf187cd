//go:build !noasm

package kernel

import "slices"

// twins8 returns kernels that no tier of this CPU uses but that it can run:
// those of AVX-VNNI in the encoding of AVX-512, and those of AVX-512 as on other cores.
func twins8() []*vector8 {
	if !slices.Contains(Tiers(), TierVNNI) {
		return nil
	}
	v := vector8Of(TierAVXVNNI)
	v.tier, v.set = "twin of "+v.tier, setTwin
	other := vector8Of(TierVNNI)
	other.tier, other.flipsFree = "twin of "+other.tier, !other.flipsFree
	return []*vector8{v, other}
}
