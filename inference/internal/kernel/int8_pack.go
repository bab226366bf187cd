package kernel

import "encoding/binary"

// pack rearranges the weights for matrix kernels.
func (t *convTiles8[T]) pack(room *Room) {
	if t.dot {
		t.packDots(room)
		return
	}
	t.planSingle()
	t.panels = take[int32](room, t.Groups*t.groupLen)
	t.scale = take[float32](room, t.Groups*t.perGroup*t.v.panel)
	sign := uint32(0)
	if !isSigned[T]() {
		sign = 0x80808080 // less 128
	}
	absent := make([]byte, t.length) // zeros of an output that is not there
	spreadBytes(absent, byte(sign))
	for g := range t.Groups {
		for p := range t.perGroup {
			t.packPanel(g, p, sign, absent)
		}
	}
}

// packPanel writes biases, weights and scales of panel p of group g.
func (t *convTiles8[T]) packPanel(g, p int, sign uint32, absent []byte) {
	first, lanes := g*t.OutC+p*t.v.panel, min(t.v.panel, t.OutC-p*t.v.panel)
	width := 16 * t.vectors(p)
	panel := t.panels[g*t.groupLen+p*t.panelLen:][:width*(1+len(t.offsets)*t.quads)]
	copy(t.scale[(g*t.perGroup+p)*t.v.panel:], t.Scale[first:first+lanes])
	copy(panel, t.Bias[first:first+lanes])
	k := t.Depth()
	if isSigned[T]() != t.v.signed {
		_, offset := flipOf[T](t.v)
		for o := range lanes {
			panel[o] -= offset * t.sumOf(first+o)
		}
	}
	w := bytesOf(t.Weights)[first*k:][:lanes*k]
	for s := range t.offsets {
		quads := panel[width*(1+s*t.quads):][:width*t.quads]
		for o := 0; o < lanes; o += 16 {
			done := 0 // inputs of these 16 outputs
			if lanes-o >= 16 {
				done = t.v.packBlocks(quads[o:], w[o*k+s*t.length:], k, t.length, width, sign)
			}
			if done < t.length {
				t.packRest(quads, w[s*t.length:], absent, o, min(o+16, lanes), lanes, done, width, sign)
			}
		}
	}
}

// packRest writes the weights of outputs [o, end) from the done-th on.
func (t *convTiles8[T]) packRest(quads []int32, w, absent []byte, o, end, lanes, done, width int, sign uint32) {
	k := t.Depth()
	for ; o < end; o += 4 {
		var rows [4][]byte
		for i := range rows {
			if rows[i] = absent[done:]; o+i < lanes {
				rows[i] = w[(o+i)*k:][done:t.length]
			}
		}
		t.v.packFour(quads[done/4*width:], width, o, &rows, sign)
	}
}

// sumOf returns the sum of an output's weights less their zero point.
func (t *convTiles8[T]) sumOf(o int) int32 {
	if t.WeightSums != nil {
		return t.WeightSums[o]
	}
	k := t.Depth()
	return SumBytes(t.Weights[o*k:][:k]) - int32(k)*t.WeightZero
}

// packFour writes the weights of four outputs from o on, as the kernels want them.
func (v *vector8) packFour(quads []int32, width, o int, rows *[4][]byte, sign uint32) {
	switch {
	case v.single:
		packSingle(quads[o/4:], rows)
	case v.wide:
		packPairs(quads[o/2:], width, rows, sign)
	case v.octs:
		packOcts(quads, width, o, rows, sign)
	default:
		packQuads(quads[o:], width, rows, sign)
	}
}

// packQuads writes the weights of four outputs, four a word, rows of width words
// apart.
func packQuads(dst []int32, width int, rows *[4][]byte, sign uint32) {
	r0, r1, r2, r3 := rows[0], rows[1], rows[2], rows[3]
	n := len(r0)
	r1, r2, r3 = r1[:n], r2[:n], r3[:n]
	i := 0
	sign8 := uint64(sign) * (1 + 1<<32)
	for ; i+8 <= n; i += 8 { // two quads of each at once
		a, b := binary.LittleEndian.Uint64(r0[i:])^sign8, binary.LittleEndian.Uint64(r1[i:])^sign8
		c, d := binary.LittleEndian.Uint64(r2[i:])^sign8, binary.LittleEndian.Uint64(r3[i:])^sign8
		quads := dst[i/4*width:][:width+4]
		first, second := quads[:4], quads[width:][:4]
		first[0], first[1], first[2], first[3] = int32(a), int32(b), int32(c), int32(d)
		second[0], second[1], second[2], second[3] = int32(a>>32), int32(b>>32), int32(c>>32), int32(d>>32)
	}
	for ; i < n; i += 4 {
		for o, r := range rows {
			dst[i/4*width+o] = int32(quadOf(r[i:], min(4, n-i), sign))
		}
	}
}

// packOcts writes the weights of four outputs from o on, eight in two words, pairs of
// rows of width words apart; a last quad is as packQuads has it.
func packOcts(dst []int32, width, o int, rows *[4][]byte, sign uint32) {
	sign8 := uint64(sign) * (1 + 1<<32)
	for r, w := range rows {
		i := 0
		for ; i+8 <= len(w); i += 8 {
			x, d := binary.LittleEndian.Uint64(w[i:])^sign8, dst[i/4*width+2*(o+r):][:2]
			d[0], d[1] = int32(x), int32(x>>32)
		}
		switch left := w[i:]; {
		case len(left) > 4:
			d := dst[i/4*width+2*(o+r):][:2]
			d[0], d[1] = int32(quadOf(left, 4, sign)), int32(quadOf(left[4:], len(left)-4, sign))
		case len(left) > 0:
			dst[i/4*width+o+r] = int32(quadOf(left, len(left), sign))
		}
	}
}

// packPairs writes the weights of four outputs in pairs: of each quad first the first
// two, eight words further the others.
func packPairs(dst []int32, width int, rows *[4][]byte, sign uint32) {
	r0, r1, r2, r3 := rows[0], rows[1], rows[2], rows[3]
	n := len(r0)
	r1, r2, r3 = r1[:n], r2[:n], r3[:n]
	const even = 0x0000FFFF0000FFFF
	sign8 := uint64(sign) * (1 + 1<<32)
	i := 0
	for ; i+8 <= n; i += 8 { // two quads of each at once
		a, b := binary.LittleEndian.Uint64(r0[i:])^sign8, binary.LittleEndian.Uint64(r1[i:])^sign8
		c, d := binary.LittleEndian.Uint64(r2[i:])^sign8, binary.LittleEndian.Uint64(r3[i:])^sign8
		a, b = a&even|b&even<<16, a>>16&even|b&^even
		c, d = c&even|d&even<<16, c>>16&even|d&^even
		quads := dst[i/4*width:][:width+10]
		first, second := quads[:10], quads[width:][:10]
		first[0], first[1] = int32(a), int32(c)
		first[8], first[9] = int32(b), int32(d)
		second[0], second[1] = int32(a>>32), int32(c>>32)
		second[8], second[9] = int32(b>>32), int32(d>>32)
	}
	for ; i < n; i += 4 {
		m := min(4, n-i)
		a, b := quadOf(r0[i:], m, sign), quadOf(r1[i:], m, sign)
		c, d := quadOf(r2[i:], m, sign), quadOf(r3[i:], m, sign)
		q := dst[i/4*width:]
		q[0], q[1] = int32(a&0xFFFF|b<<16), int32(c&0xFFFF|d<<16)
		q[8], q[9] = int32(a>>16|b&0xFFFF0000), int32(c>>16|d&0xFFFF0000)
	}
}

// quadOf returns n <= 4 bytes as one word, each xored with its part of sign,
// and 0 for those that are missing.
func quadOf(w []byte, n int, sign uint32) uint32 {
	if n == 4 {
		return binary.LittleEndian.Uint32(w) ^ sign
	}
	v := uint32(0)
	for i := range n {
		v |= uint32(w[i]) << (8 * i)
	}
	return (v ^ sign) & (1<<(8*n) - 1)
}

// SumRows adds the elements of as many rows as dst has.
func SumRows[T Byte](dst []int32, v []T) {
	if len(dst) == 0 {
		return
	}
	n := len(v) / len(dst)
	if k := vector8Of(Tier()); k != nil && n > 0 && k.sumRows(dst, bytesOf(v), isSigned[T]()) {
		return
	}
	for i := range dst {
		dst[i] = SumBytes(v[i*n:][:n])
	}
}

// SumBytes adds elements. Eight at a time are spread over 16-bit lanes, which hold
// 128 rounds of two bytes each.
func SumBytes[T Byte](v []T) int32 {
	const low = 0x00FF00FF00FF00FF
	b := bytesOf(v)
	flip, sum := byte(0), int32(0)
	if isSigned[T]() {
		flip, sum = 0x80, -128*int32(len(b))
	}
	for len(b) >= 8 {
		lanes := uint64(0)
		for range min(len(b)/8, 128) {
			x := binary.LittleEndian.Uint64(b) ^ uint64(flip)*0x0101010101010101
			lanes += x&low + x>>8&low
			b = b[8:]
		}
		sum += int32(lanes&0xFFFF + lanes>>16&0xFFFF + lanes>>32&0xFFFF + lanes>>48)
	}
	for _, x := range b {
		sum += int32(x ^ flip)
	}
	return sum
}
