package board

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// boardTree is a tree with a device tree's compatible.
func boardTree(t *testing.T, compatible ...string) devfs.Root {
	t.Helper()
	root := t.TempDir()
	path := filepath.Join(root, "sys/firmware/devicetree/base/compatible")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Join(compatible, "\x00")+"\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	return devfs.Root(root)
}

// TestHeaders: the table is whole, no pin, GPIO or line stands twice.
func TestHeaders(t *testing.T) {
	all, err := headers()
	if err != nil || len(all) != 8 {
		t.Fatalf("%d boards, %v", len(all), err)
	}
	for _, h := range all {
		seen := map[string]bool{}
		once := func(what string) {
			if seen[what] {
				t.Errorf("%s: %s twice", h.compatible[0], what)
			}
			seen[what] = true
		}
		for _, p := range h.pins {
			once("pin " + strconv.Itoa(p.pin))
			once("gpio " + strconv.Itoa(p.gpio))
			if p.number >= 0 {
				once("number " + strconv.Itoa(p.number))
			}
			for _, n := range p.names {
				once("name " + n)
			}
			if p.pin < 1 || p.pin > 40 || p.gpio < 0 || p.gpio > 27 || len(p.names) == 0 && p.number < 0 || p.number >= 0 && len(h.chips) == 0 {
				t.Errorf("%s: %+v", h.compatible[0], p)
			}
		}
		if n := len(h.pins); n != 17 && n != 22 && n != 28 {
			t.Errorf("%s: %d pins", h.compatible[0], n)
		}
	}
}

func TestPins(t *testing.T) {
	for _, c := range []struct {
		compatible []string
		name       string
		line       string // first name, or number on the chip
		chip       string // one of the labels
	}{
		{[]string{"raspberrypi,4-model-b", "brcm,bcm2711"}, "header/11", "GPIO17", "pinctrl-bcm2711"},
		{[]string{"raspberrypi,5-model-b", "brcm,bcm2712"}, "header/40", "GPIO21", "pinctrl-rp1"},
		{[]string{"raspberrypi,model-zero-w", "brcm,bcm2835"}, "GPIO26", "GPIO26", "pinctrl-bcm2835"},
		{[]string{"raspberrypi,model-b-plus", "brcm,bcm2835"}, "header/29", "GPIO5", "pinctrl-bcm2835"},
		{[]string{"raspberrypi,model-b", "brcm,bcm2835"}, "header/3", "GPIO0", "pinctrl-bcm2835"},
		{[]string{"raspberrypi,model-b-rev2", "brcm,bcm2835"}, "header/3", "GPIO2", "pinctrl-bcm2835"},
		{[]string{"nvidia,p3450-0000", "nvidia,tegra210"}, "header/7", "@216", "tegra-gpio"},
		{[]string{"nvidia,p3768-0000+p3767-0005", "nvidia,tegra234"}, "header/7", "PAC.06", ""},
		{[]string{"nvidia,p3737-0000+p3701-0004", "nvidia,tegra234"}, "GPIO23", "PBB.01", ""},
		{[]string{"nvidia,p3509-0000+p3668-0001", "nvidia,tegra194"}, "header/12", "PT.05", ""},
		{[]string{"nvidia,p2972-0000", "nvidia,tegra194"}, "header/29", "PAA.03", ""},
	} {
		h, p, err := pinOf(boardTree(t, c.compatible...), c.name)
		if err != nil || p == nil {
			t.Errorf("%v %s: %v", c.compatible, c.name, err)
			continue
		}
		got := "@" + strconv.Itoa(p.number)
		if len(p.names) > 0 {
			got = p.names[0]
		}
		if got != c.line || c.chip != "" && !slices.Contains(h.chips, c.chip) {
			t.Errorf("%v %s: %s on %v, want %s on %s", c.compatible, c.name, got, h.chips, c.line, c.chip)
		}
	}
	pi := boardTree(t, "raspberrypi,4-model-b")
	if _, _, err := pinOf(pi, "header/1"); err == nil || !strings.Contains(err.Error(), "pins with one: 3 5 7") {
		t.Errorf("a pin without a line: %v", err)
	}
	if _, p, err := pinOf(pi, "GPIO99"); err != nil || p != nil {
		t.Errorf("%v %v", p, err)
	}
	if _, err := OpenLine(LineConfig{Root: t.TempDir(), Line: "header/11"}); err == nil || !strings.Contains(err.Error(), "header is not known") {
		t.Errorf("an unknown board: %v", err)
	}
}
