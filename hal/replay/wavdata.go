package replay

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// wavFrames is how many frames are decoded at a time.
const wavFrames = 4096

// A Clip is a recording in memory, frames interleaved.
type Clip struct {
	RateHz   int
	Channels int
	Samples  []float32
}

// DecodeWAV reads a whole WAVE file: PCM of 8, 16, 24 or 32 bits becomes
// value / 2^(bits-1), exact up to 24 bits, in [-1, 1); 32-bit float stays. It
// refuses more than MaxClip values and floats that are not finite.
func DecodeWAV(r io.Reader) (*Clip, error) {
	w, err := newWAV(r, -1)
	if err != nil {
		return nil, fmt.Errorf("wav: %w", err)
	}
	c := &Clip{RateHz: w.format.rateHz, Channels: w.format.channels}
	buf := make([]float32, wavFrames*c.Channels)
	for {
		b, err := w.next(buf)
		if err == io.EOF {
			return c, nil
		}
		if err != nil {
			return nil, fmt.Errorf("wav: %w", err)
		}
		if len(c.Samples)+b.frames*c.Channels > MaxClip {
			return nil, fmt.Errorf("wav: more than %d values", MaxClip)
		}
		c.Samples = append(c.Samples, buf[:b.frames*c.Channels]...)
	}
}

// next decodes up to len(buf) values of whole frames.
func (w *wavReader) next(buf []float32) (block, error) {
	size := w.format.frameBytes()
	n := int(min(int64(len(buf)/w.format.channels), w.left/int64(size)))
	if n == 0 {
		return block{}, io.EOF
	}
	if cap(w.raw) < n*size {
		w.raw = make([]byte, n*size)
	}
	raw := w.raw[:n*size]
	got, err := io.ReadFull(w.r, raw)
	if err != nil {
		return w.short(buf, raw[:got], err)
	}
	w.left -= int64(len(raw))
	return block{frames: n}, w.decode(buf, raw)
}

// short handles an end before the header's: fine where it gave no length.
func (w *wavReader) short(buf []float32, raw []byte, err error) (block, error) {
	if w.left < math.MaxInt64-math.MaxUint32 || (err != io.EOF && err != io.ErrUnexpectedEOF) {
		return block{}, early(err, fmt.Sprintf("samples after frame %d", w.frame))
	}
	w.left = 0
	n := len(raw) / w.format.frameBytes()
	if n == 0 && w.frame == 0 {
		return block{}, fmt.Errorf("file has no samples")
	}
	if n == 0 {
		return block{}, io.EOF
	}
	return block{frames: n}, w.decode(buf, raw[:n*w.format.frameBytes()])
}

func (w *wavReader) decode(dst []float32, raw []byte) error {
	le := binary.LittleEndian
	n := len(raw) / w.format.bytes
	switch {
	case w.format.float:
		for i := range n {
			v := math.Float32frombits(le.Uint32(raw[4*i:]))
			if v-v != 0 {
				return fmt.Errorf("frame %d: value %v, want a finite number", w.frame+int64(i/w.format.channels), v)
			}
			dst[i] = v
		}
	case w.format.bytes == 1:
		for i, b := range raw {
			dst[i] = (float32(b) - 128) / 128
		}
	case w.format.bytes == 2:
		for i := range n {
			dst[i] = float32(int16(le.Uint16(raw[2*i:]))) / (1 << 15)
		}
	case w.format.bytes == 3:
		for i := range n {
			v := int32(raw[3*i])<<8 | int32(raw[3*i+1])<<16 | int32(raw[3*i+2])<<24
			dst[i] = float32(v>>8) / (1 << 23)
		}
	default:
		for i := range n {
			dst[i] = float32(int32(le.Uint32(raw[4*i:]))) / (1 << 31)
		}
	}
	w.frame += int64(n / w.format.channels)
	return nil
}
