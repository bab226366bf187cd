package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPackFour: where each weight of 16 outputs stands, in rows of any length. Bytes that
// no weight fills are 0.
func TestPackFour(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 5))
	for name, c := range map[string]struct {
		v     vector8
		signs []uint32
		at    func(o, i, n int) int // byte of weight i of n of output o
	}{
		"quads":  {vector8{}, []uint32{0, 0x80808080}, func(o, i, n int) int { return 64*(i/4) + 4*o + i%4 }},
		"single": {vector8{single: true}, []uint32{0}, func(o, i, n int) int { return 16*i + o }},
		"pairs": {vector8{wide: true}, []uint32{0, 0x80808080}, func(o, i, n int) int {
			return 64*(i/4) + 32*(i%4/2) + 2*o + i%2
		}},
		"octs": {vector8{octs: true}, []uint32{0, 0x80808080}, func(o, i, n int) int {
			if i/8*8+4 >= n { // a quad alone
				return 64*(i/4) + 4*o + i%4
			}
			return 128*(i/8) + 8*o + i%8
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n <= 27; n++ {
				for _, sign := range c.signs {
					words := 16 * ((n + 3) / 4)
					if c.v.single {
						words = 4 * n
					}
					got, want := make([]int32, words), make([]byte, 4*words)
					for first := 0; first < 16; first += 4 {
						var rows [4][]byte
						for r := range rows {
							rows[r] = bytesOf(randomTensor8[uint8](rng, n))
							for i, w := range rows[r] {
								want[c.at(first+r, i, n)] = w ^ byte(sign)
							}
						}
						c.v.packFour(got, 16, first, &rows, sign)
					}
					for i, w := range got {
						if b := want[4*i:]; uint32(w) != uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24 {
							t.Fatalf("%d weights, sign %x: word %d is %08x, want %x", n, sign, i, uint32(w), b[:4])
						}
					}
				}
			}
		})
	}
}

// TestSplitWords: bytes of each half, turned on their own.
func TestSplitWords(t *testing.T) {
	eachVector16(t, func(t *testing.T, v *vector8) {
		if v.wide {
			return
		}
		rng := rand.New(rand.NewPCG(52, 5))
		var g guards
		for n := 1; n <= 3*split16Block; n++ {
			g.free()
			src := guarded(t, &g, randomTensor16(rng, n))
			for _, flip := range [][2]byte{{0, 0}, {0x80, 0}, {0, 0x80}, {0x5A, 0xC3}} {
				wantUpper, wantLower := make([]byte, n), make([]byte, n)
				for i, x := range src {
					wantUpper[i], wantLower[i] = byte(uint16(x)>>8)^flip[0], byte(uint16(x)&0xFF)^flip[1]
				}
				upper, lower := guarded(t, &g, make([]byte, n)), guarded(t, &g, make([]byte, n))
				splitWords(upper, lower, src, flip[0], flip[1])
				what := fmt.Sprintf("%d words with %x", n, flip)
				sameBytes(t, "upper bytes of "+what, upper, wantUpper)
				sameBytes(t, "lower bytes of "+what, lower, wantLower)
			}
		}
	})
}

// TestBytesOf16: an input is 256 times its upper byte, and its lower one, as kernels see
// both, and what sums are short of it.
func TestBytesOf16(t *testing.T) {
	for _, v := range []vector8{{}, {signed: true}} {
		upper, lower := v.flips16()
		for x := -32768; x <= 32767; x++ {
			u, l := byte(uint16(x)>>8)^upper, byte(uint16(x)&0xFF)^lower
			got := 256*int64(u) + int64(l)
			if v.signed {
				got = 256*int64(int8(u)) + int64(int8(l))
			}
			if got += v.offset16(); got != int64(x) {
				t.Fatalf("signed %t: %d is seen as %d", v.signed, x, got)
			}
		}
	}
}

// TestTerms16: an int32 holds the sum of as many of the largest products, and of no more.
func TestTerms16(t *testing.T) {
	for most, v := range map[int64]vector8{32768 * 128: {wide: true}, 128 * 128: {signed: true}, 255 * 128: {}} {
		n := int64(terms16(&v))
		if n*most > math.MaxInt32 || (n+1)*most <= math.MaxInt32 {
			t.Errorf("an int32 holds %d products of %d", n, most)
		}
	}
	if terms16x8 != terms16(&vector8{wide: true}) {
		t.Errorf("a depthwise kernel adds %d products", terms16x8)
	}
}

// TestPartsOfWeights: weights less any zero point are sums of what kernels hold, of no
// more parts than that takes.
func TestPartsOfWeights(t *testing.T) {
	row := make([]uint8, 256)
	for i := range row {
		row[i] = uint8(i)
	}
	for lowest, v := range map[int]vector8{-128: {}, -127: {narrowSums: true}, -1 << 15: {wide: true}} {
		for _, zero := range []int{0, 1, 127, 128, 129, 254, 255} {
			// Of all weights and of those whose rest is one part, two and three.
			for _, last := range []int{255, 254, 253, 128, 127} {
				for _, first := range []int{0, 1, 2} {
					w := row[first : last+1]
					p := depthwiseTiles8[uint8]{Depthwise: &Depthwise[uint8]{Window: Window{KH: 1, KW: 1}, InC: len(w), Weights: w, WeightZero: int32(zero)}, v: &v}
					p.parts = p.partsOf()
					want := 1
					for last-zero > 127*want && !v.wide || first-zero < lowest*want {
						want++
					}
					if p.parts != want {
						t.Errorf("%d parts of weights from %d to %d less %d, want %d", p.parts, first, last, zero, want)
					}
					sums := make([]int, len(w))
					for part := range p.parts {
						quads := make([]int8, 4*len(w))
						p.packRow(quads, w, 0, part)
						for c := range w {
							x := int(quads[4*c])
							if v.wide {
								x = int(uint8(x)) + 256*int(quads[4*c+1])
							}
							if x < lowest {
								t.Fatalf("part %d of %d less %d is %d", part, w[c], zero, x)
							}
							sums[c] += x
						}
					}
					for c, x := range sums {
						if x != int(w[c])-zero {
							t.Fatalf("%d less %d is %d in %d parts of at least %d", w[c], zero, x, p.parts, lowest)
						}
					}
				}
			}
		}
	}
}

// TestQuadOrder moves dwords of 64 bytes, then bytes within 16, as AVX-512 does: four rows
// become columns.
func TestQuadOrder(t *testing.T) {
	var dwords, bytes [64]int // where each byte comes from
	for i := range 64 {
		dwords[i] = 4*int(quadOrder[i/4]) + i%4
	}
	for i := range 64 {
		bytes[i] = dwords[i/16*16+int(quadOrder[16+i/4]>>(i%4*8)&0xFF)]
	}
	for i, from := range bytes {
		if want := i%4*16 + i/4; from != want {
			t.Errorf("byte %d comes from %d, want %d", i, from, want)
		}
	}
}

// TestQuadOf: of fewer than four bytes the others are 0.
func TestQuadOf(t *testing.T) {
	w := []byte{0x11, 0x92, 0x73, 0xF4}
	got := []uint32{quadOf(w, 0, 0x80808080), quadOf(w, 1, 0x80808080), quadOf(w, 2, 0x80808080), quadOf(w, 3, 0x80808080), quadOf(w, 4, 0x80808080)}
	if want := []uint32{0, 0x91, 0x1291, 0xF31291, 0x74F31291}; !slices.Equal(got, want) {
		t.Errorf("quads are %x, want %x", got, want)
	}
}
