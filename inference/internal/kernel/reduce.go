package kernel

// Reduce folds the elements of an array that fall on one place of the output.
// Shape is the input's, innermost last; Stride tells, in elements, how far
// each dimension moves in the output: 0 for what is reduced.
type Reduce struct{ Shape, Stride []int }

// RunReduce sets dst to first and then to f(dst, element) in the order of src.
func RunReduce[T, A any](r *Reduce, dst []A, src []T, first A, f func(a A, x T) A) {
	for i := range dst {
		dst[i] = first
	}
	reduceDim(r, dst, src, 0, 0, f)
}

func reduceDim[T, A any](r *Reduce, dst []A, src []T, d, at int, f func(a A, x T) A) []T {
	if d == len(r.Shape) {
		dst[at] = f(dst[at], src[0])
		return src[1:]
	}
	for range r.Shape[d] {
		src = reduceDim(r, dst, src, d+1, at, f)
		at += r.Stride[d]
	}
	return src
}
