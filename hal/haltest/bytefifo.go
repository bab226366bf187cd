package haltest

// byteFIFO is a FIFO of bytes that drops the oldest when it is full.
type byteFIFO struct {
	ring    []byte
	head, n int
	overran bool
}

func (f *byteFIFO) push(v byte) {
	if f.n == len(f.ring) {
		f.head, f.n, f.overran = (f.head+1)%len(f.ring), f.n-1, true
	}
	f.ring[(f.head+f.n)%len(f.ring)] = v
	f.n++
}

func (f *byteFIFO) pop() (v byte, ok bool) {
	if f.n == 0 {
		return 0, false
	}
	v = f.ring[f.head]
	f.head, f.n = (f.head+1)%len(f.ring), f.n-1
	return v, true
}

func (f *byteFIFO) clear() { f.head, f.n, f.overran = 0, 0, false }
