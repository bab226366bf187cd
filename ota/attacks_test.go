package ota

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAttacksHaveTests: every row of ATTACKS.md names a test, each of which is
// there, or says why there is none.
func TestAttacksHaveTests(t *testing.T) {
	data, err := os.ReadFile("ATTACKS.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("`([a-z/-]+) ((?:Test|Fuzz)[A-Za-z0-9]+)`")
	number := 0
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || strings.Contains(line, "---") || strings.TrimSpace(cells[1]) == "#" {
			continue
		}
		number++
		named := name.FindAllStringSubmatch(cells[4], -1)
		if len(named) == 0 && !strings.Contains(cells[3], "left out: ") {
			t.Errorf("row %d names no test and no reason: %s", number, line)
		}
		for _, n := range named {
			if !hasTest(t, n[1], n[2]) {
				t.Errorf("row %d: there is no %s in %s", number, n[2], n[1])
			}
		}
	}
	if number < 70 {
		t.Errorf("%d rows", number)
	}
}

func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

// TestUnitsHaveNoStartLimit: systemd's own limit would leave an agent dead
// before the guard has counted to three.
func TestUnitsHaveNoStartLimit(t *testing.T) {
	for _, unit := range []string{"dunlin.service", "dunlin-fleet.service"} {
		data, err := os.ReadFile(filepath.Join("..", "scripts", "systemd", unit))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"\nStartLimitIntervalSec=0\n", "\nRestart=always\n"} {
			if !strings.Contains(string(data), want) {
				t.Errorf("%s lacks %s", unit, strings.TrimSpace(want))
			}
		}
	}
}
