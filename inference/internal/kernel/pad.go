package kernel

// Pad copies blocks of bytes into a larger, prefilled array.
type Pad struct {
	In, Out []int // shapes of equal rank, the last in bytes
	Before  []int
	Fill    byte
}

// Run fills dst, then copies each innermost run of src to its place.
func (p *Pad) Run(dst, src []byte) {
	for i := range dst {
		dst[i] = p.Fill
	}
	p.copy(dst, src, 0)
}

func (p *Pad) copy(dst, src []byte, d int) {
	if d == len(p.In)-1 {
		copy(dst[p.Before[d]:], src[:p.In[d]])
		return
	}
	in, out := 1, 1
	for i := d + 1; i < len(p.In); i++ {
		in *= p.In[i]
		out *= p.Out[i]
	}
	for i := range p.In[d] {
		p.copy(dst[(i+p.Before[d])*out:], src[i*in:], d+1)
	}
}
