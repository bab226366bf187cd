//go:build noasm || !amd64

package kernel

func twins8() []*vector8 { return nil }
