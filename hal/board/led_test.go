package board

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/hal"
)

func TestLED(t *testing.T) {
	root := tree(t, map[string]string{
		"sys/class/leds/ACT/max_brightness": "255\n", "sys/class/leds/ACT/brightness": "1\n", "sys/class/leds/ACT/trigger": "none rfkill-any [mmc0] timer\n",
	})
	dir := filepath.Join(root, "sys/class/leds/ACT")
	l, err := OpenLED(root, "ACT")
	if err != nil || read(t, dir, "trigger") != "none" || read(t, dir, "brightness") != "0" {
		t.Fatalf("%v, trigger %s, brightness %s", err, read(t, dir, "trigger"), read(t, dir, "brightness"))
	}
	for _, c := range []struct {
		value float64
		want  string
	}{{1, "255"}, {0, "0"}, {0.2, "255"}} {
		if err := l.Set(t.Context(), c.value); err != nil || read(t, dir, "brightness") != c.want {
			t.Errorf("%v: brightness %s, want %s, %v", c.value, read(t, dir, "brightness"), c.want, err)
		}
	}
	if err := l.Close(); err != nil || read(t, dir, "brightness") != "0" || read(t, dir, "trigger") != "mmc0" {
		t.Errorf("closed: %v, brightness %s, trigger %s", err, read(t, dir, "brightness"), read(t, dir, "trigger"))
	}
	if _, err := OpenLED(root, "PWR"); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "here: ACT") {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"", "../leds/ACT", ".."} {
		if _, err := OpenLED(root, name); err == nil {
			t.Errorf("%q was opened", name)
		}
	}
}
