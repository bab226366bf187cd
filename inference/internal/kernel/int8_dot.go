package kernel

import "unsafe"

// byDots makes the layer one of those if it is: int8, whose inputs lie together.
func (t *convTiles8[T]) byDots() {
	whole := t.length == t.Depth() && !t.in.needed
	if t.v.dots && isSigned[T]() && t.Groups == 1 && t.OutH*t.OutW == 1 && t.OutC <= dotOutputs && whole {
		t.dot, t.staged = true, false
	}
}

// packDots copies weights, each output's into whole words, and what their sums begin
// with, since inputs lose their sign.
func (t *convTiles8[T]) packDots(room *Room) {
	k := t.Depth()
	t.panels, t.scale = take[int32](room, t.OutC*(1+t.quads)), take[float32](room, t.OutC)
	copy(t.scale, t.Scale)
	for o := range t.OutC {
		row := t.panels[o*(1+t.quads):][:1+t.quads]
		row[0] = t.Bias[o] - 128*t.sumOf(o)
		w := bytesOf(t.Weights)[o*k:][:k]
		for q := range t.quads {
			row[1+q] = int32(quadOf(w[4*q:], min(4, k-4*q), 0))
		}
	}
}

// dots computes the layer.
func (t *convTiles8[T]) dots(dst, in []byte) {
	for o := range t.OutC {
		row := t.panels[o*(1+t.quads):][:1+t.quads]
		sum := row[0] + t.v.dot(in[:t.length], bytesOfWords(row[1:]), 0x80)
		dst[o] = byte(t.Out.fp32(sum, t.scale[o]))
	}
}

// bytesOfWords returns the memory of words.
func bytesOfWords(v []int32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}
