package hwmon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/haltest"
)

// tree has a DS18B20 and a power monitor.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"hwmon0/name": "w1_slave_temp\n", "hwmon0/temp1_input": "21437\n",
		"hwmon1/name": "ina3221\n", "hwmon1/in1_input": "5080\n", "hwmon1/in1_label": "VDD_IN\n", "hwmon1/curr1_input": "920\n", "hwmon1/curr1_label": "CURR_IN\n",
	} {
		write(t, root, name, text)
	}
	return root
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, "sys/class/hwmon", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	root := tree(t)
	for _, c := range []struct {
		cfg  Config
		unit string
		want []float32
	}{
		{Config{Device: "w1_slave_temp", Channels: []string{"temp1"}}, "°C", []float32{21.437}},
		{Config{Device: "hwmon1", Channels: []string{"curr1", "in1"}}, "", []float32{0.92, 5.08}},
		{Config{Device: "ina3221", Channels: []string{"VDD_IN"}}, "", []float32{5.08}},
	} {
		c.cfg.Root, c.cfg.RateHz, c.cfg.Clock = root, 2, haltest.NewClock()
		s, err := Open(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if i := s.Info(); i.Unit != c.unit || i.Channels != len(c.want) {
			t.Errorf("%+v", i)
		}
		buf := make([]float32, 4)
		for range 3 {
			if b, err := s.Read(t.Context(), buf); err != nil || b.Frames != 1 || b.Lost != 0 {
				t.Fatalf("%+v, %v", b, err)
			}
		}
		for i, w := range c.want {
			if buf[i] != w {
				t.Errorf("%s: %v, want %v", c.cfg.Device, buf, c.want)
			}
		}
	}
}

// TestComesAndGoes: a sensor that is taken off its wire and put back.
func TestComesAndGoes(t *testing.T) {
	root := tree(t)
	s, err := Open(Config{Root: root, Device: "w1_slave_temp", Channels: []string{"temp1"}, RateHz: 1, Clock: haltest.NewClock()})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]float32, 1)
	if _, err := s.Read(t.Context(), buf); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(root, "sys/class/hwmon/hwmon0")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), buf); !errors.Is(err, hal.ErrAbsent) {
		t.Errorf("gone: %v", err)
	}
	if _, err := s.Read(t.Context(), buf); err == nil || !strings.Contains(err.Error(), "here: ina3221 (hwmon1)") {
		t.Errorf("and then: %v", err)
	}
	write(t, root, "hwmon7/name", "w1_slave_temp\n")
	write(t, root, "hwmon7/temp1_input", "-5000\n")
	if _, err := s.Read(t.Context(), buf); err != nil || buf[0] != -5 {
		t.Errorf("back: %v, %v", buf, err)
	}
	write(t, root, "hwmon7/temp1_input", "hot\n")
	if _, err := s.Read(t.Context(), buf); err == nil {
		t.Error("a value that is no number")
	}
	if err := s.Halt(); err != nil {
		t.Error(err)
	}
	if _, err := s.Read(t.Context(), buf); !errors.Is(err, hal.ErrHalted) {
		t.Error(err)
	}
}

func TestBad(t *testing.T) {
	root := tree(t)
	for want, cfg := range map[string]Config{
		"no device":          {Channels: []string{"temp1"}, RateHz: 1},
		"nearest is 100":     {Device: "x", Channels: []string{"temp1"}, RateHz: 1000},
		"0 channels":         {Device: "x", RateHz: 1},
		"twice or is no nam": {Device: "x", Channels: []string{"../name"}, RateHz: 1},
	} {
		if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", cfg, err, want)
		}
	}
	s, err := Open(Config{Root: root, Device: "ina3221", Channels: []string{"temp1"}, RateHz: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), make([]float32, 1)); err == nil || !strings.Contains(err.Error(), "it has: curr1 CURR_IN, in1 VDD_IN") {
		t.Error(err)
	}
}
