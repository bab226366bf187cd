package signal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// The digests were taken on amd64; every other CPU must give the same bits.
func TestSameBitsOnEveryCPU(t *testing.T) {
	want := map[string]string{
		"kws":       "d2b413d2a7f1b162",
		"wakeword":  "42b6779b5cd40c83",
		"toycar":    "eeaa7d631b381231",
		"vibration": "6ff18f86c7d8ac03",
		"functions": "2614a0857803b1b0",
	}
	for name, digest := range want {
		h := sha256.New()
		binary.Write(h, binary.LittleEndian, bitsOf(t, name))
		if got := hex.EncodeToString(h.Sum(nil))[:16]; got != digest {
			t.Errorf("%s: digest %s, want %s", name, got, digest)
		}
	}
}

func bitsOf(t *testing.T, name string) any {
	switch name {
	case "vibration":
		cfg := vibrationCase("log")
		v, err := NewVibration(cfg)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float32, v.Width())
		v.Window(out, vibrationAxes(cfg.Length))
		return out
	case "functions":
		var out []float64
		for i := range 2000 {
			s, c := fmath.SinCosTurn(i, 1999)
			out = append(out, s, c, fmath.Log(float64(i)+0.5), fmath.Exp(float64(i-1000)/7))
		}
		return out
	}
	m, err := NewMelFrames(melPreset(name))
	if err != nil {
		t.Fatal(err)
	}
	rows := 29
	return melFeatures(t, name, false, rows, m.Width())
}
