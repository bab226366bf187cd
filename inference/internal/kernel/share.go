package kernel

// share is one of several parts of a layer, which workers compute at the same
// time.
type share struct{ part, parts int }

// of returns the range of n that is this share's.
func (s share) of(n int) (first, last int) {
	return n * s.part / s.parts, n * (s.part + 1) / s.parts
}

// panels splits a matrix product: by panels where there are enough, so that each
// worker reads its own weights, by pixels otherwise.
func (s share) panels(panels, pixels int) (p0, p1, x0, x1 int) {
	if panels >= minPanels*s.parts {
		p0, p1 = s.of(panels)
		return p0, p1, 0, pixels
	}
	x0, x1 = s.of(pixels)
	return 0, panels, x0, x1
}
