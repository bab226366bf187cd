package sim

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

var _ hal.Sensor = (*Machine)(nil)

func read(t testing.TB, m *Machine, frames int) []float32 {
	t.Helper()
	buf := make([]float32, frames*Channels)
	b, err := m.Read(t.Context(), buf)
	if err != nil || b.Frames != frames {
		t.Fatalf("%d frames, %v", b.Frames, err)
	}
	return buf
}

func machine(t testing.TB, cfg Config) *Machine {
	t.Helper()
	m, err := NewMachine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// axis returns channel c without its mean.
func axis(buf []float32, c int) []float64 {
	var out []float64
	mean := 0.0
	for i := c; i < len(buf); i += Channels {
		out = append(out, float64(buf[i]))
		mean += float64(buf[i])
	}
	mean /= float64(len(out))
	for i := range out {
		out[i] -= mean
	}
	return out
}

func rms(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum / float64(len(x)))
}

// near returns the largest amplitude within 2 Hz of hz.
func near(x []float64, hz, rate float64) float64 {
	best := 0.0
	for f := hz - 2; f <= hz+2; f += 0.1 {
		re, im := 0.0, 0.0
		for i, v := range x {
			w := 1 - math.Cos(2*math.Pi*float64(i)/float64(len(x)))
			s, c := math.Sincos(2 * math.Pi * f * float64(i) / rate)
			re, im = re+w*v*c, im+w*v*s
		}
		best = max(best, 2*math.Hypot(re, im)/float64(len(x)))
	}
	return best
}

// envelope returns the size of what is fast in x, without its mean.
func envelope(x []float64) []float64 {
	out := make([]float64, len(x)-2)
	mean := 0.0
	for i := range out {
		out[i] = math.Abs(x[i] - 2*x[i+1] + x[i+2])
		mean += out[i] / float64(len(out))
	}
	for i := range out {
		out[i] -= mean
	}
	return out
}

// Each fault shows its textbook sign against the same machine without it.
func TestFaultsShowTheirSigns(t *testing.T) {
	const hz, rate, frames = 25, 3200, 8192
	for seed := range uint64(6) {
		signals := map[string][]float32{}
		for _, f := range []string{"normal", "imbalance", "misalignment", "bearing"} {
			signals[f] = read(t, machine(t, Config{Seed: seed, ShaftHz: hz, Fault: f}), frames)
		}
		amp := func(fault string, c int, order float64) float64 { return near(axis(signals[fault], c), order*hz, rate) }
		if a, b := amp("imbalance", 1, 1), amp("normal", 1, 1); a < b+0.08 {
			t.Errorf("seed %d: imbalance: radial 1x %.3f g, normal %.3f", seed, a, b)
		}
		if a, b := amp("misalignment", 2, 2), amp("normal", 2, 2); a < b+0.08 {
			t.Errorf("seed %d: misalignment: axial 2x %.3f g, normal %.3f", seed, a, b)
		}
		bpfo := machine(t, Config{Seed: seed}).state.bpfoOrder * hz
		hits := func(fault string) float64 { return near(envelope(axis(signals[fault], 1)), bpfo, rate) }
		if a, b := hits("bearing"), hits("normal"); a < 4*b {
			t.Errorf("seed %d: bearing: envelope at BPFO %.3f g, normal %.3f", seed, a, b)
		}
	}
}

// The samples are the same on every CPU; run with GOARCH=arm64, 386, ... too.
func TestSamplesAreFixed(t *testing.T) {
	m := machine(t, Config{Seed: 7})
	sum := sha256.New()
	for i, f := range m.Faults() {
		if err := m.Inject(f, 0.8); err != nil {
			t.Fatal(err)
		}
		m.SetGain(1 + float64(i)/3)
		if err := binary.Write(sum, binary.LittleEndian, read(t, m, 5000)); err != nil {
			t.Fatal(err)
		}
	}
	const want = "0ade43f5abcb87cc2ea63219d5c7fbeb15071222f27ee944cd2f60ccd883a905"
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("samples have sha256 %s, want %s", got, want)
	}
}

// How a stream is cut into reads does not change it.
func TestReadsOfAnySize(t *testing.T) {
	whole := read(t, machine(t, Config{Seed: 3, Fault: "bearing"}), 1000)
	m := machine(t, Config{Seed: 3, Fault: "bearing"})
	var parts []float32
	for n := 1; len(parts) < len(whole); n++ {
		parts = append(parts, read(t, m, min(n, (len(whole)-len(parts))/Channels))...)
	}
	for i := range whole {
		if whole[i] != parts[i] {
			t.Fatalf("value %d: %v and %v", i, whole[i], parts[i])
		}
	}
}

func TestQuantization(t *testing.T) {
	for g, want := range map[float64]float32{0: 0, 1: 1, 0.0019: 0, 0.002: 1. / 256, -0.002: -1. / 256, 100: 4095. / 256, -100: -16} {
		if got := quantize(g); got != want {
			t.Errorf("%v g: %v, want %v", g, got, want)
		}
	}
	for _, v := range read(t, machine(t, Config{Gain: 1000, Fault: "imbalance"}), 2000) {
		if s := v * lsbPerG; s != float32(int(s)) || s > maxLSB || s < minLSB {
			t.Fatalf("%v g is no value of the sensor", v)
		}
	}
}

func TestGainWhileRunning(t *testing.T) {
	m := machine(t, Config{Seed: 1, Fault: "imbalance"})
	before := rms(axis(read(t, m, 8000), 1))
	m.SetGain(0.25)
	m.SetGain(math.NaN())
	if after := rms(axis(read(t, m, 8000), 1)); after > before*0.35 || after < before*0.15 {
		t.Errorf("rms %.3f g, a quarter of %.3f expected", after, before)
	}
}

func TestInjectAndHeal(t *testing.T) {
	m := machine(t, Config{Seed: 1})
	quiet := rms(axis(read(t, m, 8000), 1))
	if err := m.Inject("imbalance", 1); err != nil {
		t.Fatal(err)
	}
	read(t, m, 3200)
	if got := rms(axis(read(t, m, 8000), 1)); got < 1.3*quiet {
		t.Errorf("rms %.3f g with the fault, %.3f without", got, quiet)
	}
	if f, s := m.Fault(); f != "imbalance" || s != 1 {
		t.Errorf("fault %s %v", f, s)
	}
	if err := m.Inject("normal", 1); err != nil {
		t.Fatal(err)
	}
	read(t, m, 3200)
	if got := rms(axis(read(t, m, 8000), 1)); got > 1.15*quiet {
		t.Errorf("rms %.3f g after healing, %.3f before", got, quiet)
	}
}

func TestConfigErrors(t *testing.T) {
	for want, cfg := range map[string]Config{
		"rate": {RateHz: 3}, "gain": {Gain: -1}, "shaft speed": {ShaftHz: 1}, "unknown \"broken\"": {Fault: "broken"},
		"severity": {Fault: "bearing", Severity: 2}, "NaN": {RateHz: math.NaN()},
	} {
		if _, err := NewMachine(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", cfg, err, want)
		}
	}
}

func TestStops(t *testing.T) {
	m := machine(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Read(ctx, make([]float32, 30)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := m.Read(t.Context(), make([]float32, 2)); err == nil {
		t.Error("a buffer shorter than a frame was taken")
	}
	for range 2 {
		if err := m.Halt(); err != nil {
			t.Error(err)
		}
	}
	if _, err := m.Read(t.Context(), make([]float32, 30)); !errors.Is(err, hal.ErrHalted) {
		t.Errorf("got %v", err)
	}
}

func TestConcurrentSwitching(t *testing.T) {
	m := machine(t, Config{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			if err := m.Inject(m.Faults()[i%faultCount], 0.5); err != nil {
				t.Error(err)
			}
			m.SetGain(1 + float64(i))
		}
	}()
	for range 50 {
		read(t, m, 20)
	}
	<-done
}

func TestReadAllocatesNothing(t *testing.T) {
	m := machine(t, Config{})
	buf := make([]float32, 300)
	ctx := t.Context()
	if n := testing.AllocsPerRun(20, func() {
		if _, err := m.Read(ctx, buf); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per read", n)
	}
}

// Whoever shows the stream is told that nothing was measured.
func TestSaysSimulated(t *testing.T) {
	i := machine(t, Config{RateHz: 1600}).Info()
	if !i.Simulated || i.Kind != hal.KindVibration || i.RateHz != 1600 || i.Channels != Channels || i.Unit != "g" || len(i.Names) != Channels {
		t.Errorf("%+v", i)
	}
}

// In real time a read gives a quarter of a second at most and waits for it.
func TestRealtime(t *testing.T) {
	c := &stepClock{now: time.Unix(50, 0)}
	m := machine(t, Config{Realtime: true, Clock: c})
	for i := range 2 {
		b, err := m.Read(t.Context(), make([]float32, 3200*Channels))
		want := time.Unix(50, 0).Add(time.Duration(i) * 250 * time.Millisecond)
		if err != nil || b.Frames != 800 || !b.Time.Equal(want) {
			t.Fatalf("%+v, %v, want 800 frames at %v", b, err, want)
		}
	}
	if c.now != time.Unix(50, 5e8) {
		t.Errorf("1600 frames took until %v", c.now)
	}
}

// stepClock jumps to the end of every wait.
type stepClock struct{ now time.Time }

func (c *stepClock) Now() time.Time { return c.now }

func (c *stepClock) After(d time.Duration) <-chan time.Time {
	c.now = c.now.Add(d)
	ch := make(chan time.Time, 1)
	ch <- c.now
	return ch
}

func BenchmarkRead(b *testing.B) {
	m := machine(b, Config{Fault: "bearing"})
	buf := make([]float32, 3200*Channels)
	for b.Loop() {
		if _, err := m.Read(b.Context(), buf); err != nil {
			b.Fatal(err)
		}
	}
}
