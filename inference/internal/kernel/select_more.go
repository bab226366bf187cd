package kernel

import "cmp"

// RunGather copies, for every outer block of src, the slices along one
// dimension of size n that index names. A batch has its own indices: index i of
// batch b is index[b*count+i]. It panics with an [IndexError].
func RunGather[I int32 | int64](dst, src []byte, index []I, batches, outer, n, count, inner int) {
	for b := range batches {
		list := index[b*count:][:count]
		for range outer {
			for _, i := range list {
				if i < 0 || int64(i) >= int64(n) {
					panic(IndexError{int(i), n})
				}
				copy(dst[:inner], src[int(i)*inner:])
				dst = dst[inner:]
			}
			src = src[n*inner:]
		}
	}
}

// ScatterND adds slices of src to places of dst that lists of coordinates name;
// dst is cleared first. Dims and Stride (in elements) are of the dimensions
// that coordinates index. It panics with an [IndexError].
func ScatterND[T Ordered](g *GatherND, dst, src []T, index []int32) {
	clear(dst)
	n := len(g.Dims)
	for ; len(index) >= n; index = index[n:] {
		at := 0
		for d, i := range index[:n] {
			if i < 0 || int(i) >= g.Dims[d] {
				panic(IndexError{int(i), g.Dims[d]})
			}
			at += int(i) * g.Stride[d]
		}
		for k, v := range src[:g.Slice] {
			dst[at+k] += v
		}
		src = src[g.Slice:]
	}
}

// OneHot writes on where an index names the place along a dimension of size
// depth, off elsewhere; an index outside names none. Both are elements of
// elem bytes.
func OneHot[I int32 | int64](dst []byte, index []I, on, off []byte, outer, depth, inner, elem int) {
	for o := range outer {
		for d := range depth {
			for i := range inner {
				v := off
				if int64(index[o*inner+i]) == int64(d) {
					v = on
				}
				copy(dst[:elem], v)
				dst = dst[elem:]
			}
		}
	}
}

// Cumulate sums along the middle dimension of [outer][n][inner].
func Cumulate[T Ordered](dst, src []T, outer, n, inner int, exclusive, reverse bool) {
	for o := range outer {
		for i := range inner {
			var sum T
			for k := range n {
				if reverse {
					k = n - 1 - k
				}
				at := (o*n+k)*inner + i
				before := sum
				sum += src[at]
				dst[at] = sum
				if exclusive {
					dst[at] = before
				}
			}
		}
	}
}

// TopK writes the k largest of each row of n elements in falling order and
// where they were; of equals the first comes first, NaN last.
func TopK[T Ordered](values []T, places []int32, src []T, n, k int, work []int32) {
	for ; len(src) >= n; src = src[n:] {
		heap := work[:0]
		before := func(a, b int32) bool {
			if c := cmp.Compare(src[a], src[b]); c != 0 {
				return c > 0
			}
			return a < b
		}
		for i := range int32(n) {
			if len(heap) < k {
				heap = append(heap, i)
				up(heap, before)
			} else if k > 0 && before(i, heap[0]) {
				heap[0] = i
				down(heap, before)
			}
		}
		for i := len(heap) - 1; i >= 0; i-- {
			values[i], places[i] = src[heap[0]], heap[0]
			heap[0] = heap[i]
			heap = heap[:i]
			down(heap, before)
		}
		values, places = values[k:], places[k:]
	}
}

// up moves the last element to its place in a heap with the last on top.
func up[E any](h []E, before func(a, b E) bool) {
	for i := len(h) - 1; i > 0; {
		p := (i - 1) / 2
		if !before(h[p], h[i]) {
			return
		}
		h[p], h[i] = h[i], h[p]
		i = p
	}
}

// down moves the first element to its place.
func down[E any](h []E, before func(a, b E) bool) {
	for i := 0; ; {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && before(h[c], h[c+1]) {
			c++
		}
		if !before(h[i], h[c]) {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}

// ArgMin is ArgMax of the smallest.
func ArgMin[T Number](src []T, outer, n, inner int, put func(at int, index int)) {
	for o := range outer {
		for i := range inner {
			best, at := src[o*n*inner+i], 0
			for k := 1; k < n; k++ {
				if v := src[(o*n+k)*inner+i]; v < best {
					best, at = v, k
				}
			}
			put(o*inner+i, at)
		}
	}
}
