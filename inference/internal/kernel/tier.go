package kernel

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// The instruction sets that kernels are written for. A tier computes the same
// bytes as portable Go, or it is a bug.
const (
	TierGeneric = "generic" // portable Go
	TierAVX2    = "avx2"    // with FMA
	TierAVXVNNI = "avxvnni" // AVX2 and the dot products of AVX-VNNI
	TierVNNI    = "vnni"    // AVX-512 F, BW, DQ, VL, VNNI
	TierNEON    = "neon"    // every arm64
	TierDotprod = "dotprod" // Armv8.2-A dot product
	TierI8MM    = "i8mm"    // Armv8.6-A products of 8-bit matrices
	// TierARMv7NEON is what 32-bit Arm CPUs from the Cortex-A7 on have, for integers.
	TierARMv7NEON = "armv7neon"
)

// TierVariable names the environment variable that forces a tier.
const TierVariable = "DUNLIN_CPU"

// Tier returns the instruction set in use: the one DUNLIN_CPU names, or the
// best that this CPU has. It is read anew for every model that is planned, so
// that a test can force one and the next test does not see it.
func Tier() string {
	tiers := available()
	if t := os.Getenv(TierVariable); slices.Contains(tiers, t) {
		return t
	}
	return tiers[0]
}

// ErrTier is an instruction set that cannot be had.
var ErrTier = errors.New("instruction set not available")

// CheckTier tells whether DUNLIN_CPU can be done; its error wraps [ErrTier].
func CheckTier() error {
	t := os.Getenv(TierVariable)
	if tiers := available(); t != "" && !slices.Contains(tiers, t) {
		return fmt.Errorf("%s=%s: %w; this CPU and this build have %s", TierVariable, t, ErrTier, strings.Join(tiers, ", "))
	}
	return nil
}

// Tiers returns what this CPU and this build have, best first.
func Tiers() []string { return available() }
