// Package testmodels finds the real models and recordings that tests read,
// and makes the seeded inputs that golden outputs were recorded on.
//
// A user's checkout has no such folder: tests then skip, saying so.
package testmodels

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the folder of models: DUNLIN_MODELS, or shared/models beside
// the repository. The test is skipped if there is none.
func Dir(t testing.TB) string {
	t.Helper()
	if d := os.Getenv("DUNLIN_MODELS"); d != "" {
		return d
	}
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			d := filepath.Join(filepath.Dir(dir), "shared", "models")
			if _, e := os.Stat(d); e == nil {
				return d
			}
			break
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Skip("no shared/models beside the repository and DUNLIN_MODELS is not set")
	return ""
}

// Read returns a file of the folder of models.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(Dir(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Fill writes the seeded input of a case: one byte an element of splitmix64
// (Steele, Lea, Flood 2014), narrowed by case % 4 bits so that small signals
// occur too, then converted to the type: int16 times 129, float32 over 8, bool
// the lowest bit. scripts/golden/models.py makes the same.
func Fill(dst []byte, dtype string, c, index int) {
	state := uint64(1000*(c+1) + index)
	var word [8]byte
	for i := 0; len(dst) > 0; i++ {
		if i%8 == 0 {
			state += 0x9E3779B97F4A7C15
			z := state
			z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
			z = (z ^ z>>27) * 0x94D049BB133111EB
			binary.LittleEndian.PutUint64(word[:], z^z>>31)
		}
		dst = dst[put(dst, dtype, word[i%8], c%4):]
	}
}

// put writes one element and returns its size.
func put(dst []byte, dtype string, b byte, shift int) int {
	v := int8(b) >> shift
	switch dtype {
	case "uint8":
		dst[0] = b >> shift
	case "int8":
		dst[0] = byte(v)
	case "bool":
		dst[0] = b & 1
	case "int16":
		binary.LittleEndian.PutUint16(dst, uint16(int16(v)*129))
		return 2
	case "int32":
		binary.LittleEndian.PutUint32(dst, uint32(v))
		return 4
	case "int64":
		binary.LittleEndian.PutUint64(dst, uint64(v))
		return 8
	case "float32":
		binary.LittleEndian.PutUint32(dst, math.Float32bits(float32(v)/8))
		return 4
	default:
		panic("no seeded input of type " + dtype)
	}
	return 1
}
