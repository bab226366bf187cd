//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

// available returns the tiers of this CPU, best first.
func available() (tiers []string) {
	x := &cpu.X86
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI {
		tiers = append(tiers, TierVNNI)
	}
	if x.HasAVX2 && x.HasFMA && x.HasAVXVNNI {
		tiers = append(tiers, TierAVXVNNI)
	}
	if x.HasAVX2 && x.HasFMA {
		tiers = append(tiers, TierAVX2)
	}
	return append(tiers, TierGeneric)
}
