package kernel

// Fill repeats one element over dst, whose length is a multiple of it.
func Fill(dst, elem []byte) {
	n := copy(dst, elem)
	for n < len(dst) {
		n += copy(dst[n:], dst[:n])
	}
}
