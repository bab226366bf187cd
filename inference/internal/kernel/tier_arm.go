//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

// available returns the tiers of this CPU, best first. Builds for older CPUs
// find NEON, too.
func available() (tiers []string) {
	if cpu.ARM.HasNEON {
		tiers = append(tiers, TierARMv7NEON)
	}
	return append(tiers, TierGeneric)
}
