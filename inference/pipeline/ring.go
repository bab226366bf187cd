package pipeline

// ring holds the frames of a stream that are still needed, contiguously, by
// moving them to the front when the end is reached. No frame is lost: what
// does not fit is not taken.
type ring struct {
	channels int
	buf      []float32
	lo, hi   int   // frames in use, relative to buf
	base     int64 // stream index of frame lo
}

// newRing holds windows of n frames: twice that, so that moving is rare.
func newRing(n, channels int) ring {
	return ring{channels: channels, buf: make([]float32, (2*n+1024)*channels)}
}

// write takes whole frames while there is room and returns their number.
func (r *ring) write(samples []float32) int {
	n, room := len(samples)/r.channels, len(r.buf)/r.channels
	if r.hi+n > room {
		copy(r.buf, r.buf[r.lo*r.channels:r.hi*r.channels])
		r.lo, r.hi = 0, r.hi-r.lo
		n = min(n, room-r.hi)
	}
	copy(r.buf[r.hi*r.channels:], samples[:n*r.channels])
	r.hi += n
	return n
}

// end is the stream index after the last frame.
func (r *ring) end() int64 { return r.base + int64(r.hi-r.lo) }

// frames returns the n frames from stream index start, which must be there.
func (r *ring) frames(start int64, n int) []float32 {
	at := r.lo + int(start-r.base)
	return r.buf[at*r.channels : (at+n)*r.channels]
}

// drop forgets what lies before stream index start.
func (r *ring) drop(start int64) {
	if n := min(start, r.end()) - r.base; n > 0 {
		r.lo += int(n)
		r.base += n
	}
}

// restart empties the ring; the next frame written has stream index start.
func (r *ring) restart(start int64) { r.lo, r.hi, r.base = 0, 0, start }
