//go:build !linux

package inference

// fileMemory returns memory for a file that is needed while its model is planned.
func fileMemory(n int) (room []byte, free func()) { return fileOnHeap(n) }
