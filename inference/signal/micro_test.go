package signal

import (
	"strings"
	"testing"
)

// microSignal makes the samples that scripts/golden/signal_micro.py names.
func microSignal(t *testing.T, name string) []int16 {
	const n = 16000
	if file, ok := strings.CutPrefix(name, "file "); ok {
		return readWAV16(t, "inputs/"+file+"_1000ms.wav")
	}
	pick := func(f func(i int) int16) []int16 {
		out := make([]int16, n)
		for i := range out {
			out[i] = f(i)
		}
		return out
	}
	choose := func(c bool, a, b int16) int16 {
		if c {
			return a
		}
		return b
	}
	noise := map[string]func() []int16{}
	for k, a := range []int32{32768, 12000, 1000, 60, 3, 1} {
		noise["noise "+[]string{"32768", "12000", "1000", "60", "3", "1"}[k]] = func() []int16 { return lcgNoise(uint32(k+1), n, a) }
	}
	switch name {
	case "zeros":
		return make([]int16, n)
	case "dc high":
		return pick(func(int) int16 { return 32767 })
	case "dc low":
		return pick(func(int) int16 { return -32768 })
	case "square 32":
		return pick(func(i int) int16 { return choose(i/16%2 == 0, 32767, -32768) })
	case "square 7":
		return pick(func(i int) int16 { return choose(i/7%2 == 0, -32768, 32767) })
	case "alternating":
		return pick(func(i int) int16 { return choose(i%2 == 0, 32767, -32768) })
	case "impulses":
		return pick(func(i int) int16 { return choose(i%1000 == 500, 32767, 0) })
	case "one":
		return pick(func(i int) int16 { return choose(i == 8000, -32768, 0) })
	case "low peak": // the negation of -32768 wraps in the original
		quiet := lcgNoise(97, n, 40)
		return pick(func(i int) int16 { return choose(i%320 == 240, -32768, quiet[i]) })
	case "low after loud":
		loud, quiet := lcgNoise(96, n, 12000), lcgNoise(97, n, 40)
		return pick(func(i int) int16 {
			return choose(i%320 == 240, -32768, choose(i%320 >= 160 && i%320 < 240, loud[i], quiet[i]))
		})
	case "bursts":
		loud, quiet := lcgNoise(99, n, 20000), lcgNoise(98, n, 2)
		return pick(func(i int) int16 { return choose(i/4000%2 == 0, loud[i], quiet[i]) })
	}
	if f, ok := noise[name]; ok {
		return f()
	}
	t.Fatalf("no signal %q", name)
	return nil
}

func TestMicroFrontendEqualsTFLM(t *testing.T) {
	f, err := NewMicroFrontend(MicroConfig{})
	if err != nil {
		t.Fatal(err)
	}
	r := openGolden(t, "micro.gz")
	for {
		name, ok := readNamed(t, r)
		if !ok {
			break
		}
		frames := int(*readLE(t, r, new(uint16)))
		want := readLE(t, r, make([]int16, frames*f.Width()))
		want8 := readLE(t, r, make([]int8, frames*f.Width()))
		t.Run(name, func(t *testing.T) { compareMicro(t, f, microSignal(t, name), want, want8) })
	}
}

func compareMicro(t *testing.T, f *MicroFrontend, samples, want []int16, want8 []int8) {
	f.Reset()
	row := make([]int16, f.Width())
	frames := 0
	for start := 0; start+f.FrameLen() <= len(samples); start += f.Step() {
		f.Frame(row, samples[start:start+f.FrameLen()])
		for c, v := range row {
			i := frames*f.Width() + c
			if v != want[i] || MicroInt8(v) != want8[i] {
				t.Fatalf("frame %d channel %d: feature %d int8 %d, want %d and %d", frames, c, v, MicroInt8(v), want[i], want8[i])
			}
		}
		frames++
	}
	if frames*f.Width() != len(want) {
		t.Fatalf("%d frames, want %d", frames, len(want)/f.Width())
	}
}

func TestMicroFrameFloatRecoversInt16(t *testing.T) {
	a, _ := NewMicroFrontend(MicroConfig{})
	b, _ := NewMicroFrontend(MicroConfig{})
	samples := lcgNoise(5, a.FrameLen(), 32768)
	floats := make([]float32, len(samples))
	for i, v := range samples {
		floats[i] = float32(v) / 32768
	}
	x, y := make([]int16, a.Width()), make([]int16, a.Width())
	a.Frame(x, samples)
	b.FrameFloat(y, floats)
	for c := range x {
		if x[c] != y[c] {
			t.Fatalf("channel %d: %d from int16, %d from float", c, x[c], y[c])
		}
	}
	if got := [3]int16{Int16(2), Int16(-2), Int16(0)}; got != [3]int16{32767, -32768, 0} {
		t.Errorf("saturation: %v", got)
	}
}

func TestMicroConfigErrors(t *testing.T) {
	for _, cfg := range []MicroConfig{{RateHz: 8000}, {WindowMS: 200}, {StepMS: 31}, {Channels: -1}, {WindowMS: -5}} {
		if _, err := NewMicroFrontend(cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
}

func TestMicroFrontendAllocatesNothing(t *testing.T) {
	f, _ := NewMicroFrontend(MicroConfig{})
	row, frame := make([]int16, f.Width()), lcgFloats(1, f.FrameLen())
	if n := testing.AllocsPerRun(20, func() { f.FrameFloat(row, frame) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMicroFrame(b *testing.B) {
	f, _ := NewMicroFrontend(MicroConfig{})
	row, frame := make([]int16, f.Width()), lcgNoise(1, f.FrameLen(), 20000)
	for b.Loop() {
		f.Frame(row, frame)
	}
}
