package kernel

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// copyEach copies element by element, in any order: none is written twice.
func copyEach(c *Copy, dst, src []byte, d, to, from int) {
	if d == len(c.Shape) {
		copy(dst[to:to+c.Elem], src[from:])
		return
	}
	for i := range c.Shape[d] {
		copyEach(c, dst, src, d+1, to+i*c.DstStride[d], from+i*c.SrcStride[d])
	}
}

// TestCopy draws strides that often continue each other.
func TestCopy(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 2000 {
		c := &Copy{Elem: 1 << r.IntN(3)}
		stride, reach := c.Elem*(1+r.IntN(4)/3), c.Elem
		for range r.IntN(5) {
			n := 1 + r.IntN(4)
			c.Shape = append([]int{n}, c.Shape...)
			s := stride
			if r.IntN(4) == 0 {
				s = 0
			}
			to := stride
			if n == 1 { // they mean nothing
				s, to = r.IntN(3), r.IntN(3)
			}
			c.SrcStride = append([]int{s}, c.SrcStride...)
			c.DstStride = append([]int{to}, c.DstStride...)
			if r.IntN(3) > 0 {
				stride *= n
			} else {
				stride *= n + 1
			}
			reach += (n - 1) * stride
		}
		src := make([]byte, 4096)
		for i := range src {
			src[i] = byte(r.Uint32())
		}
		if reach > 4096 {
			continue
		}
		want := make([]byte, 4096)
		copyEach(c, want, src, 0, c.DstBase, c.SrcBase)
		for _, c := range []*Copy{c, c.Compact()} {
			got := make([]byte, 4096)
			if c.Run(got, src); !bytes.Equal(got, want) {
				t.Fatalf("%+v copies something else", c)
			}
		}
	}
}
