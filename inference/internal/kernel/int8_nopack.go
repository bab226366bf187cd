//go:build noasm || !amd64

package kernel

// flipRows is eachRow.
func (v *vector8) flipRows(dst, src []byte, n, gap int, flip, fill byte) {
	v.eachRow(dst, src, n, gap, flip, fill)
}

func (v *vector8) sumRows(dst []int32, rows []byte, signed bool) bool { return false }

func (v *vector8) packBlocks(dst []int32, w []byte, k, n, width int, sign uint32) int { return 0 }
