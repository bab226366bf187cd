package kernel

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestSub8Tables: tables of constants that recur give what the difference to them does.
func TestSub8Tables(t *testing.T) {
	rng := rand.New(rand.NewPCG(46, 5))
	p := NewSub8[uint8](NewMultiplier(0.4), NewMultiplier(0.5), NewMultiplier(0x1p-19), 100, 130, Clamp8{Zero: 120, Min: 0, Max: 255})
	for n := 2; n <= 5; n++ {
		for count, period := range map[int][]byte{n: randomTensor8[uint8](rng, n), 1: bytes.Repeat([]byte{7}, n)} {
			tables := p.Tables(period)
			if len(tables) != count {
				t.Errorf("%d tables of %v, want %d", len(tables), period, count)
			}
			src := randomTensor8[uint8](rng, 60)
			got, want := make([]byte, 60), make([]byte, 60)
			RunTables(tables, got, src)
			RunSub8(p, want, src, bytes.Repeat(period, 60/n), 1, 1)
			sameBytes(t, "difference", got, want)
		}
	}
}
