//go:build noasm || (!amd64 && !arm64 && !arm)

package kernel

func available() []string { return []string{TierGeneric} }
