package tflite

// Sparsity tells where the values of a sparse constant stand: levels from the
// outermost on, each one dimension of the tensor or of its blocks
// (schema.fbs, SparsityParameters).
type Sparsity struct {
	Order    []int32 // what a level walks: a dimension, or rank + the number of a block
	BlockMap []int32 // the dimension that each block divides
	Levels   []Level
}

// Level is one level of a sparse constant: all of Size places, or the places in
// Indices, for parent p those from Segments[p] up to Segments[p+1].
type Level struct {
	Compressed        bool
	Size              int32
	Segments, Indices []int32
}

func (r *reader) sparsity(t table) *Sparsity {
	if !t.present() {
		return nil
	}
	s := &Sparsity{Order: t.int32s(0), BlockMap: t.int32s(1)}
	t.tables(2, func(_ int, e table) {
		l := Level{Compressed: e.byte(0, 0) != 0, Size: e.int32(1, 0)}
		if l.Compressed {
			l.Segments, l.Indices = e.indices(2), e.indices(4)
		}
		s.Levels = append(s.Levels, l)
	})
	return s
}

// Kinds of index vectors as the schema numbers them.
const (
	vectorInt32  = 1
	vectorUint16 = 2
	vectorUint8  = 3
)

// indices reads the union of index vectors whose type is in field i.
func (t table) indices(i int) []int32 {
	e := t.table(i + 1)
	if !e.present() {
		return nil
	}
	kind := t.byte(i, 0)
	if kind == vectorInt32 {
		return e.int32s(0)
	}
	size := map[byte]int{vectorUint16: 2, vectorUint8: 1}[kind]
	if size == 0 {
		t.r.fail("index vector of kind %d", kind)
		return nil
	}
	pos, n := e.vector(0, size)
	if n == 0 || !t.r.charge(size*n) {
		return nil
	}
	v := make([]int32, n)
	for k := range v {
		if v[k] = int32(t.r.at(pos+size*k, size)[0]); size == 2 {
			v[k] = int32(t.r.u16(pos + 2*k))
		}
	}
	return v
}
