//go:build !linux

package kernel

// Mapped returns n bytes, all 0, and how to give them back: nil where the collector does.
func Mapped(n int) (mem []byte, free func()) { return make([]byte, n), nil }

// wishLarge asks for large pages, which this system gives as it likes.
func wishLarge(mem []byte) {}

// Touch asks for the pages of memory that will be written soon.
func Touch(mem []byte) {}
