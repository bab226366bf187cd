//go:build noasm || !amd64

package kernel

// flipRows is eachRow.
func (v *vector8) flipRows(dst, src []byte, n, gap int, flip, fill byte) {
	v.eachRow(dst, src, n, gap, flip, fill)
}
