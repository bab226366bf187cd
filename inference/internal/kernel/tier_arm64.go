//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

// available returns the tiers of this CPU, best first.
func available() (tiers []string) {
	if cpu.ARM64.HasI8MM && cpu.ARM64.HasASIMDDP { // the rest of its kernels are dotprod's
		tiers = append(tiers, TierI8MM)
	}
	if cpu.ARM64.HasASIMDDP {
		tiers = append(tiers, TierDotprod)
	}
	return append(tiers, TierNEON, TierGeneric)
}
