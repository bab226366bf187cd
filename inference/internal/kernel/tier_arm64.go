//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

// available returns the tiers of this CPU, best first.
func available() (tiers []string) {
	if cpu.ARM64.HasASIMDDP {
		tiers = append(tiers, TierDotprod)
	}
	return append(tiers, TierNEON, TierGeneric)
}
