package kernel

import (
	"slices"
	"testing"
)

func TestGatherND(t *testing.T) {
	g := &GatherND{Dims: []int{2, 3}, Stride: []int{6, 2}, Slice: 2}
	src := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	dst := make([]byte, 4)
	RunGatherND(g, dst, src, []int32{1, 2, 0, 1})
	if !slices.Equal(dst, []byte{10, 11, 2, 3}) {
		t.Errorf("took %v", dst)
	}
	for _, index := range [][]int64{{2, 0}, {0, 3}, {-1, 0}, {1 << 40, 0}} {
		func() {
			defer func() {
				if _, ok := recover().(IndexError); !ok {
					t.Errorf("indices %v: no IndexError", index)
				}
			}()
			RunGatherND(g, dst, src, index)
		}()
	}
}
