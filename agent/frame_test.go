package agent

import (
	"bytes"
	"image/png"
	"testing"

	"github.com/dunlin-edge/dunlin/hal"
)

// TestFrameIsTheLast: whoever looks sees the frame of the last decision, even
// if nobody looked before and the stream is over.
func TestFrameIsTheLast(t *testing.T) {
	var v frameView
	for i := range 5 {
		v.keep(&hal.Frame{Width: 2, Height: 1, Stride: 2, Channels: 1, Pix: []byte{byte(10 * i), 0}})
	}
	var buf bytes.Buffer
	if ok, err := v.writePNG(&buf); !ok || err != nil {
		t.Fatalf("%v, error %v", ok, err)
	}
	img, err := png.Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if r, _, _, _ := img.At(0, 0).RGBA(); r>>8 != 40 || v.seq() != 5 {
		t.Errorf("pixel %d of frame %d, want 40 of 5", r>>8, v.seq())
	}
}
