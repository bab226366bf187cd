package audio

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// recorder puts a shell script in the place of arecord.
func recorder(t *testing.T, script string) *Microphone {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "arecord"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	m, err := Open(Config{Program: "arecord", Device: "plughw:1,0", RateHz: 16000, Channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Halt() })
	return m
}

func TestSamples(t *testing.T) {
	m := recorder(t, `printf '\000\000\377\177\000\200\001\000'; sleep 100`)
	buf := make([]float32, 4)
	b, err := m.Read(t.Context(), buf)
	if err != nil || b.Frames != 2 || b.Lost != 0 {
		t.Fatalf("%+v, %v", b, err)
	}
	for i, want := range []float32{0, 32767.0 / 32768, -1, 1.0 / 32768} {
		if buf[i] != want {
			t.Errorf("sample %d is %v, want %v", i, buf[i], want)
		}
	}
	if i := m.Info(); i.Kind != hal.KindAudio || i.Channels != 2 || i.RateHz != 16000 {
		t.Errorf("info %+v", i)
	}
}

func TestArguments(t *testing.T) {
	m := recorder(t, `echo "$@" >&2; exit 1`)
	_, err := m.Read(t.Context(), make([]float32, 2))
	if !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "-f S16_LE -r 16000 -c 2") || !strings.Contains(err.Error(), "-D plughw:1,0") {
		t.Errorf("%v", err)
	}
}

func TestOverrunIsCounted(t *testing.T) {
	m := recorder(t, `echo "overrun!!! (at least 12.5 ms long)" >&2; sleep 0.2; head -c 4 /dev/zero; head -c 4 /dev/zero; sleep 100`)
	buf := make([]float32, 2)
	lost := uint64(0)
	for range 2 {
		b, err := m.Read(t.Context(), buf)
		if err != nil {
			t.Fatal(err)
		}
		lost += b.Lost
	}
	if lost != 200 {
		t.Errorf("%d frames lost, want 12.5 ms of 16 kHz", lost)
	}
}

// TestBadRecorders: each way to fail is told, and the next Read begins anew.
func TestBadRecorders(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"busy":         {`echo "arecord: main:831: audio open error: Device or resource busy" >&2; exit 1`, "Device or resource busy"},
		"dies":         {`head -c 6 /dev/zero; exit 3`, "ended 6 bytes into a frame (exit status 3)"},
		"killed":       {`kill -9 $$`, "signal: killed"},
		"stalls":       {`head -c 8 /dev/zero; sleep 100`, "gave no data for 1s"},
		"ignores term": {`trap '' TERM; head -c 8 /dev/zero; sleep 100 & wait; sleep 100`, "gave no data for 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			m := recorder(t, c.script)
			var err error
			for i := 0; err == nil && i < 5; i++ {
				_, err = m.Read(t.Context(), make([]float32, 4))
			}
			if !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if _, again := m.Read(t.Context(), make([]float32, 2)); name == "stalls" && again != nil {
				t.Errorf("the next read: %v", again)
			}
		})
	}
}

func TestNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	m, err := Open(Config{Program: "parec", RateHz: 16000, Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Read(t.Context(), make([]float32, 2)); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "apt install pulseaudio-utils") {
		t.Errorf("%v", err)
	}
}

func TestHalt(t *testing.T) {
	m := recorder(t, `sleep 100`)
	time.AfterFunc(50*time.Millisecond, func() { m.Halt() })
	began := time.Now()
	if _, err := m.Read(t.Context(), make([]float32, 2)); !errors.Is(err, hal.ErrHalted) || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	if _, err := m.Read(t.Context(), make([]float32, 2)); !errors.Is(err, hal.ErrHalted) {
		t.Errorf("after Halt: %v", err)
	}
}

func TestNoAllocation(t *testing.T) {
	m := recorder(t, `exec cat /dev/zero`)
	buf := make([]float32, 640)
	ctx := t.Context()
	if n := testing.AllocsPerRun(200, func() {
		if _, err := m.Read(ctx, buf); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a block", n)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{"sox", "", 16000, 1}, {"arecord", "", 10, 1}, {"arecord", "", 16000, 0}, {"parec", "", 16000, 65}} {
		if _, err := Open(c); err == nil {
			t.Errorf("%+v opened", c)
		}
	}
}
