package kernel

// Pick fills an array from places of another that are named dimension by
// dimension: element (i0, i1, ...) comes from the sum of From[d][i_d], in bytes.
type Pick struct {
	From [][]int // one list a dimension, as long as it is
	Elem int     // bytes of an element
}

// Run fills dst in order.
func (p *Pick) Run(dst, src []byte) { p.dim(dst, src, 0, 0) }

// dim fills the places of dimension d on and returns what is left of dst.
func (p *Pick) dim(dst, src []byte, d, at int) []byte {
	if d == len(p.From) {
		copy(dst[:p.Elem], src[at:at+p.Elem])
		return dst[p.Elem:]
	}
	for _, off := range p.From[d] {
		dst = p.dim(dst, src, d+1, at+off)
	}
	return dst
}
