//go:build arm64 || riscv64

package kernel

// fma32 returns a*b + c rounded once to float32: without a conversion around
// the product Go fuses both on these CPUs (TestFMA32 would show if it did not).
func fma32(a, b, c float32) float32 { return a*b + c }
