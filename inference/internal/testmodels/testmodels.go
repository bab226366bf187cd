// Package testmodels finds the real models and recordings that tests read,
// and makes the seeded inputs that golden outputs were recorded on.
//
// A user's checkout has no such folder: tests then skip, saying so.
package testmodels

import (
	"encoding/binary"
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

// Fill writes the seeded input of a case: uniform bytes of splitmix64
// (Steele, Lea, Flood 2014), narrowed by case % 4 bits so that small signals
// occur too. scripts/golden/models.py makes the same.
func Fill(dst []byte, signed bool, c, index int) {
	state := uint64(1000*(c+1) + index)
	var word [8]byte
	for i := range dst {
		if i%8 == 0 {
			state += 0x9E3779B97F4A7C15
			z := state
			z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
			z = (z ^ z>>27) * 0x94D049BB133111EB
			binary.LittleEndian.PutUint64(word[:], z^z>>31)
		}
		if signed {
			dst[i] = byte(int8(word[i%8]) >> (c % 4))
		} else {
			dst[i] = word[i%8] >> (c % 4)
		}
	}
}
