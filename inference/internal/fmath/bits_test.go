package fmath

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"
)

// bitsDigest is the SHA-256 of what every CPU must answer. Signal front ends and
// NUMERICS.md build on these bits; a change of it is a change of numbers.
const bitsDigest = "539d38a96597513f7834bd0cc727bf18c597cd74eccc8b0e3da5ed7b40580e8c"

func TestBits(t *testing.T) {
	sum := sha256.New()
	put := func(v ...float64) {
		for _, x := range v {
			sum.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)))
		}
	}
	for k := range 20000 {
		x := float64(k-10000) / 113
		s, c := SinCos(float64(k-10000) / 12800)
		put(Exp(x), Exp(float64(k-10000)*math.Ln2/40), Log(1+math.Abs(x)), Atan2(x, 7), s, c)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != bitsDigest {
		t.Errorf("digest %s, want %s", got, bitsDigest)
	}
}
