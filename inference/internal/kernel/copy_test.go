package kernel

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestCompactCopiesTheSame draws strides that often continue each other.
func TestCompactCopiesTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 2000 {
		c := &Copy{Elem: 1 << r.IntN(3)}
		stride, reach := c.Elem, c.Elem
		for range r.IntN(5) {
			n := 1 + r.IntN(4)
			c.Shape = append([]int{n}, c.Shape...)
			s := stride
			if r.IntN(4) == 0 {
				s = 0
			}
			c.SrcStride = append([]int{s}, c.SrcStride...)
			c.DstStride = append([]int{stride}, c.DstStride...)
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
		a, b := make([]byte, 4096), make([]byte, 4096)
		c.Run(a, src)
		c.Compact().Run(b, src)
		if !bytes.Equal(a, b) {
			t.Fatalf("%+v and %+v copy differently", c, c.Compact())
		}
	}
}
