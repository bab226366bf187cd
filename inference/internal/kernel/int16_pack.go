package kernel

// pack rearranges the weights for matrix kernels.
func (t *convTiles16) pack(room *Room) {
	t.panels = take[int32](room, t.Groups*t.groupLen)
	k := t.Depth()
	bias := make([]int64, t.Groups*t.OutC)
	for o := range bias {
		bias[o] = t.Bias[o] + t.v.offset16()*int64(SumBytes(t.Weights[o*k:][:k]))
	}
	t.out = newOutput16(&t.Out, bias, k)
	t.out.sides = make([]side16, 0, t.Groups*t.sides())
	for g := range t.Groups {
		for p := range t.perGroup {
			first, lanes := g*t.OutC+p*t.v.panel, min(t.v.panel, t.OutC-p*t.v.panel)
			t.packPanel(t.panels[g*t.groupLen+p*t.panelLen:], first, lanes, 16*t.v.vectors(t.OutC, p))
			t.out.add(first, lanes)
		}
	}
}

// offset16 returns what the sums of an input's bytes are short of the input: kernels
// know bytes of one sign.
func (v *vector8) offset16() int64 {
	switch {
	case v.wide:
		return 0
	case v.signed: // lower bytes less 128
		return 128
	}
	return -128 << 8 // upper bytes plus 128
}

// flips16 returns what turns the bytes of an input into those that kernels know.
func (v *vector8) flips16() (upper, lower byte) {
	if v.signed {
		return 0, 0x80
	}
	return 0x80, 0
}

// packPanel writes the weights of so many outputs.
func (t *convTiles16) packPanel(panel []int32, first, lanes, width int) {
	k := t.Depth()
	w := bytesOf(t.Weights)[first*k:][:lanes*k]
	for i := range t.chunks {
		c := &t.chunks[i]
		absent := make([]byte, c.length) // zeros of an output that is not there
		for s := range c.offsets {
			quads := panel[width*(c.at+1+s*c.quads):][:width*c.quads]
			for o := 0; o < lanes; o += 4 {
				var rows [4][]byte
				for r := range rows {
					if rows[r] = absent; o+r < lanes {
						rows[r] = w[(o+r)*k+c.first+s*c.length:][:c.length]
					}
				}
				t.v.packFour(quads, width, o, &rows, 0)
			}
		}
	}
}

// packSingle writes the weights of four outputs one after the other, those of the
// next input four words further.
func packSingle(dst []int32, rows *[4][]byte) {
	for i, w := range rows[0] {
		dst[4*i] = int32(uint32(w) | uint32(rows[1][i])<<8 | uint32(rows[2][i])<<16 | uint32(rows[3][i])<<24)
	}
}
