package vision

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"
)

// noiseImage is the seeded source of scripts/golden/vision_resize.py.
func noiseImage(w, h, channels int) Image {
	m := Image{Width: w, Height: h, Stride: w * channels, Channels: channels, Pix: make([]byte, w*h*channels)}
	state := uint32(w*1000 + h)
	for i := range m.Pix {
		state = state*1664525 + 1013904223
		m.Pix[i] = byte(state >> 24)
	}
	return m
}

func TestResizeEqualsTensorFlow(t *testing.T) {
	f, err := os.Open("testdata/resize.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	cases, values := 0, 0
	for ; ; cases++ {
		var c struct{ W, H, Channels, OutW, OutH, Method, Centers uint16 }
		if err := binary.Read(r, binary.LittleEndian, &c); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, int(c.OutW)*int(c.OutH)*int(c.Channels))
		if err := binary.Read(r, binary.LittleEndian, want); err != nil {
			t.Fatal(err)
		}
		cfg := Config{Width: int(c.OutW), Height: int(c.OutH), Method: Method(c.Method), Centers: Centers(c.Centers)}
		if c.Channels == 1 {
			cfg.Color = Gray
		}
		got := scale(t, cfg, noiseImage(int(c.W), int(c.H), int(c.Channels)))
		for i, v := range got {
			if v != want[i] {
				t.Fatalf("%+v: value %d is %v, want %v", c, i, v, want[i])
			}
		}
		values += len(want)
	}
	t.Logf("%d cases, %d values equal", cases, values)
	if cases != 60 {
		t.Errorf("%d cases, want 60", cases)
	}
}

func scale(t *testing.T, cfg Config, m Image) []float32 {
	t.Helper()
	s, err := NewScaler(cfg)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, s.Len())
	if err := s.Run(dst, m); err != nil {
		t.Fatal(err)
	}
	return dst
}
