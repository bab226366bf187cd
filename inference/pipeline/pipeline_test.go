package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/vision"
)

func gradient(w, h, channels int) vision.Image {
	m := vision.Image{Width: w, Height: h, Stride: w * channels, Channels: channels, Pix: make([]byte, w*h*channels)}
	for i := range m.Pix {
		m.Pix[i] = byte(i)
	}
	return m
}

func TestImagePipeline(t *testing.T) {
	p := piped(t, "rgb8", `{"source":{"kind":"image"},"preprocess":[{"op":"crop","x":1,"y":1,"width":4,"height":4},{"op":"color","to":"bgr"}]}`)
	if s := p.Source(); s.Width != 4 || s.Height != 4 {
		t.Errorf("source %+v, want 4x4", s)
	}
	var r Result
	if err := p.Image(context.Background(), gradient(6, 6, 3), &r); err != nil {
		t.Fatal(err)
	}
	if want := []float32{23, 22, 21, 26, 25, 24}; !slices.Equal(r.Scores[:6], want) {
		t.Errorf("pixels %v, want %v", r.Scores[:6], want)
	}
	p = piped(t, "gray", `{"source":{"kind":"image"},"preprocess":[{"op":"resize","method":"nearest"},{"op":"normalize","mean":[1],"std":[2]}]}`)
	if err := p.Image(context.Background(), gradient(8, 8, 1), &r); err != nil {
		t.Fatal(err)
	}
	if want := []float32{4, 5, 6, 7}; !slices.Equal(r.Scores[:4], want) { // (9, 11, 13, 15 - 1) / 2
		t.Errorf("pixels %v, want %v", r.Scores[:4], want)
	}
}

func TestImageSizeWithoutResize(t *testing.T) {
	p := piped(t, "gray", `{"source":{"kind":"image"}}`)
	var r Result
	if err := p.Image(context.Background(), gradient(4, 4, 1), &r); err != nil {
		t.Error(err)
	}
	err := p.Image(context.Background(), gradient(5, 4, 1), &r)
	if err == nil || !strings.Contains(err.Error(), "5x4 pixels, the model wants 4x4") {
		t.Errorf("%v, want both sizes", err)
	}
}

func TestRowsAreChecked(t *testing.T) {
	p := piped(t, "float4", `{"source":{"kind":"tensor"},"preprocess":[{"op":"scale","multiply":2},{"op":"normalize","mean":[1,1,1,2]}]}`)
	if r := row(t, p, 1, 2, 3, 4); !slices.Equal(r.Scores, []float32{1, 3, 5, 6}) {
		t.Errorf("%v", r.Scores)
	}
	var r Result
	for want, values := range map[string][]float32{
		"3 values":   {1, 2, 3},
		"value 2 of": {1, 2, float32(math.NaN()), 4},
	} {
		if err := p.Tensors(context.Background(), values, &r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", values, err, want)
		}
	}
}

func TestWrongKindOfInput(t *testing.T) {
	p := piped(t, "float4", `{"source":{"kind":"tensor"}}`)
	var r Result
	if _, err := p.Next(context.Background(), &r); !errors.Is(err, errKind) {
		t.Errorf("Next: %v", err)
	}
	if err := p.Image(context.Background(), gradient(4, 4, 1), &r); !errors.Is(err, errKind) {
		t.Errorf("Image: %v", err)
	}
	if n := p.Write(ramp(4)); n != 0 {
		t.Errorf("Write took %d frames", n)
	}
	p = piped(t, "gray", `{"source":{"kind":"image"}}`)
	if err := p.Tensors(context.Background(), ramp(16), &r); !errors.Is(err, errKind) {
		t.Errorf("Tensors: %v", err)
	}
}

func TestCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p := piped(t, "float4", `{"source":{"kind":"tensor"}}`)
	if err := p.Tensors(ctx, ramp(4), new(Result)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

const decided = `"postprocess":[{"op":"softmax"},{"op":"smooth","kind":"median","windows":5},{"op":"top_k","k":3},{"op":"decide","enter":0.001,"leave":0.0009,"k":2,"n":3,"refractory_ms":100}]`

func TestNothingAllocatesOnceWarm(t *testing.T) {
	ctx := context.Background()
	var r Result
	check := func(name string, f func() error) {
		t.Helper()
		for range 20 {
			if err := f(); err != nil {
				t.Fatal(name, err)
			}
		}
		if n := testing.AllocsPerRun(50, func() { f() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	samples := noise(1, 3200)
	for name, p := range map[string]*Pipeline{
		"sliding micro": piped(t, "micro8", `{"source":{"kind":"audio","rate":16000},"window":{"length":16000,"hop":640},"preprocess":[{"op":"micro_frontend"}],`+decided+`}`),
		"whole mfcc":    piped(t, "mfcc", `{"source":{"kind":"audio","rate":16000},"window":{"length":16000,"hop":1000},"preprocess":[{"op":"divide_by_max"},{"op":"mfcc"}],`+decided+`}`),
		"vibration":     piped(t, "float4", `{"source":{"kind":"vibration","rate":100,"channels":2},"window":{"length":512,"hop":100},"preprocess":[{"op":"vibration","features":["rms","envelope_bands"],"bands_hz":[[1,50]]}],`+decided+`}`),
	} {
		check(name, func() error {
			for rest := samples; len(rest) > 0; {
				rest = rest[p.Write(rest)*p.Source().Channels:]
				for {
					if ok, err := p.Next(ctx, &r); err != nil {
						return err
					} else if !ok {
						break
					}
				}
			}
			return nil
		})
	}
	img := gradient(40, 30, 3)
	p := piped(t, "rgb8", `{"source":{"kind":"image","rate":10},"preprocess":[{"op":"resize","fit":"letterbox"}],`+decided+`}`)
	check("image", func() error { return p.Image(ctx, img, &r) })
	q := piped(t, "float4", `{"source":{"kind":"tensor","rate":10},`+decided+`}`)
	check("tensor", func() error { return q.Tensors(ctx, samples[:4], &r) })
}

func BenchmarkMicroStream(b *testing.B) {
	p := piped(b, "micro8", fmt.Sprintf(microSpec, 3200))
	var r Result
	samples := noise(1, 3200)
	for b.Loop() {
		p.Write(samples)
		p.Next(context.Background(), &r)
	}
}
