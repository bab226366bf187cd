//go:build noasm || (!amd64 && !arm64)

package kernel

func available() []string { return []string{TierGeneric} }
