package kernel

// Copy moves a block of elements between two arrays of bytes: element
// (i0, i1, ...) goes from SrcBase + sum(i*SrcStride) to DstBase +
// sum(i*DstStride), all in bytes. It is every operator that only rearranges:
// slices, transpositions, concatenations, tiles.
type Copy struct {
	Shape                []int // innermost last
	SrcStride, DstStride []int // may be 0 (repeat) or negative (reverse)
	SrcBase, DstBase     int
	Elem                 int // bytes of an element
}

// Compact merges dimensions that continue each other on both sides, and turns
// an innermost run of elements to one longer element. It changes nothing of
// what is copied.
func (c *Copy) Compact() *Copy {
	out := &Copy{SrcBase: c.SrcBase, DstBase: c.DstBase, Elem: c.Elem}
	for d, n := range c.Shape {
		if n == 1 {
			continue
		}
		if k := len(out.Shape) - 1; k >= 0 &&
			out.SrcStride[k] == n*c.SrcStride[d] && out.DstStride[k] == n*c.DstStride[d] {
			out.Shape[k] *= n
			out.SrcStride[k], out.DstStride[k] = c.SrcStride[d], c.DstStride[d]
			continue
		}
		out.Shape = append(out.Shape, n)
		out.SrcStride = append(out.SrcStride, c.SrcStride[d])
		out.DstStride = append(out.DstStride, c.DstStride[d])
	}
	if k := len(out.Shape) - 1; k >= 0 && out.SrcStride[k] == out.Elem && out.DstStride[k] == out.Elem {
		out.Elem *= out.Shape[k]
		out.Shape, out.SrcStride, out.DstStride = out.Shape[:k], out.SrcStride[:k], out.DstStride[:k]
	}
	return out
}

// Run copies.
func (c *Copy) Run(dst, src []byte) { c.dim(dst, src, 0, c.DstBase, c.SrcBase) }

func (c *Copy) dim(dst, src []byte, d, to, from int) {
	if d == len(c.Shape) {
		copy(dst[to:to+c.Elem], src[from:from+c.Elem])
		return
	}
	last := d == len(c.Shape)-1
	ss, ds := c.SrcStride[d], c.DstStride[d]
	if last && c.Elem == 1 && ss == 0 && ds == 1 {
		spreadBytes(dst[to:][:c.Shape[d]], src[from])
		return
	}
	for range c.Shape[d] {
		switch {
		case last && c.Elem == 1:
			dst[to] = src[from]
		case last:
			copy(dst[to:to+c.Elem], src[from:from+c.Elem])
		default:
			c.dim(dst, src, d+1, to, from)
		}
		to += ds
		from += ss
	}
}
