package kernel

// Number is an element that can be compared.
type Number interface {
	int8 | uint8 | int16 | int32 | float32
}

// ArgMax writes the position of the largest element along the middle dimension
// of src [outer][n][inner], the first of equals (kernels/internal/reference/
// arg_min_max.h).
func ArgMax[T Number](src []T, outer, n, inner int, put func(at int, index int)) {
	for o := range outer {
		for i := range inner {
			best, at := src[o*n*inner+i], 0
			for k := 1; k < n; k++ {
				if v := src[(o*n+k)*inner+i]; v > best {
					best, at = v, k
				}
			}
			put(o*inner+i, at)
		}
	}
}

// ArgMaxRows8 returns ArgMax of rows of at most 256 bytes, with the vector kernel of
// the tier in use where it has one for them, or of long columns of at most as many, where
// it has; nil for other shapes.
func ArgMaxRows8[T Byte](n, inner int) (run func(dst []int32, src []T), tier string) {
	v := rows8Of(Tier())
	switch {
	case inner > 1 && inner <= 256 && n >= longColumn*columnRows && v != nil:
		return func(dst []int32, src []T) {
			for ; len(dst) > 0; dst, src = dst[inner:], src[n*inner:] {
				argMaxColumns(v, dst[:inner], src[:n*inner])
			}
		}, v.tier
	case inner != 1 || n > 256:
		return nil, TierGeneric
	case v == nil || !v.argMaxes || n > 64:
		return func(dst []int32, src []T) { argMaxRows(dst, src, n) }, TierGeneric
	}
	return func(dst []int32, src []T) { v.argMax(isSigned[T](), dst, bytesOf(src), n) }, v.tier
}

// columnRows is how many rows of columns are looked at together, a power of two.
const columnRows = 64

// argMaxColumns finds the largest of each column of src. What a block of rows has at most
// is found by halving it; only the block that has more than all before is searched.
func argMaxColumns[T Byte](v *vector8, dst []int32, src []T) {
	inner := len(dst)
	var most [columnRows * 128]T // half of their rows
	var best [256]T
	var block [256]int32 // where it begins
	copy(best[:inner], src)
	for at := 0; at < len(src); at += columnRows * inner {
		rows := src[at:min(at+columnRows*inner, len(src))]
		half := min(columnRows/2*inner, len(rows))
		copy(most[:half], rows)
		if half < len(rows) {
			v.maxRow(isSigned[T](), bytesOf(most[:len(rows)-half]), bytesOf(rows[half:]))
		}
		for n := half / inner; n > 1; n -= n / 2 {
			k := n / 2 * inner
			v.maxRow(isSigned[T](), bytesOf(most[:k]), bytesOf(most[n*inner-k:n*inner]))
		}
		for c, m := range most[:inner] {
			if m > best[c] {
				best[c], block[c] = m, int32(at)
			}
		}
	}
	for c := range dst {
		at := int(block[c]) + c
		for src[at] != best[c] {
			at += inner
		}
		dst[c] = int32(at / inner)
	}
}

// argMaxRows finds the largest of element * 256 - position, without a branch that
// depends on the elements.
func argMaxRows[T Byte](dst []int32, src []T, n int) {
	for i := range dst {
		row := src[i*n:][:n]
		best := int32(row[0]) << 8
		for k, v := range row {
			best = max(best, int32(v)<<8-int32(k))
		}
		dst[i] = -best & 0xFF
	}
}
