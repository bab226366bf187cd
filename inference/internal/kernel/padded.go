package kernel

// evenly returns how many output pixels follow each other with windows at even
// distances, for kernels that go from block to block: all of an image, a row of it,
// or 0 where that has fewer than least.
func (p *padded) evenly(least int) int {
	switch {
	case p.OutH == 1 || p.corner(1, 0) == p.corner(0, p.OutW):
		return p.OutH * p.OutW
	case p.OutW >= least:
		return p.OutW
	}
	return 0
}

// around gives f each run of elements of the copy: where it begins, where that is in
// the input, negative for padding, and how many they are. What lies between the end
// of a row and the beginning of the next is one run.
func (p *padded) around(f func(to, from, n int)) {
	in := p.InW * p.pixel
	if !p.needed {
		f(0, 0, p.InH*in)
		return
	}
	line := p.w * p.pixel
	end := p.PadTop*line + p.PadLeft*p.pixel
	f(0, -1, end)
	for y := range p.InH {
		f(end, y*in, in)
		next := p.h * line
		if y < p.InH-1 {
			next = end + line
		}
		f(end+in, -1, next-end-in)
		end = next
	}
}

// stage16 copies an input with zeros around it.
func (p *padded) stage16(dst, src []int16) {
	p.around(func(to, from, n int) {
		if from < 0 {
			clear(dst[to:][:n])
		} else {
			copy(dst[to:][:n], src[from:])
		}
	})
}
