//go:build !linux

package kernel

// wishLarge asks for large pages, which this system gives as it likes.
func wishLarge(mem []byte) {}
