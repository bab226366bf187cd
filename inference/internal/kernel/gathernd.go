package kernel

import "fmt"

// IndexError is the panic of an operator that meets an index outside its data
// while it runs; a session returns it as an error.
type IndexError struct{ Index, Dim int }

func (e IndexError) Error() string {
	return fmt.Sprintf("index %d of a dimension of %d", e.Index, e.Dim)
}

// GatherND copies slices that lists of coordinates name.
type GatherND struct {
	Dims   []int // of the data that coordinates index
	Stride []int // of those dimensions, in bytes
	Slice  int   // bytes
}

// RunGatherND copies one slice to dst for every len(Dims) indices. It panics with
// an [IndexError].
func RunGatherND[I int16 | int32 | int64](g *GatherND, dst, src []byte, index []I) {
	n := len(g.Dims)
	for ; len(index) >= n && len(dst) > 0; index = index[n:] {
		at := 0
		for d, i := range index[:n] {
			if i < 0 || int64(i) >= int64(g.Dims[d]) {
				panic(IndexError{int(i), g.Dims[d]})
			}
			at += int(i) * g.Stride[d]
		}
		copy(dst[:g.Slice], src[at:])
		dst = dst[g.Slice:]
	}
}
