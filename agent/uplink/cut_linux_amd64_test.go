package uplink

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/powercut"
)

// forgets tells which promise a device that lost power has broken.
func forgets(dir string, marks int) error {
	dir = filepath.Join(dir, "fleet")
	if marks >= 1 {
		if _, err := loadKey(filepath.Join(dir, keyFile)); err != nil {
			return fmt.Errorf("the controller knows a key that is gone: %w", err)
		}
	}
	var id fleet.Identity
	if data, err := os.ReadFile(filepath.Join(dir, identityFile)); marks >= 2 && (err != nil || json.Unmarshal(data, &id) != nil || id.Device != "pi-1") {
		return fmt.Errorf("enrolled, and the identity is gone: %q, %v", data, err)
	}
	if marks < 3 {
		return nil
	}
	j, err := openJournal(dir, noon)
	if err != nil {
		return err
	}
	defer j.close()
	known, err := j.begin(cmd("a"), noon)
	if err != nil || known == nil {
		return fmt.Errorf("a command that ran would run again: %v", err)
	}
	if want := map[int]fleet.State{3: fleet.StateInterrupted, 4: fleet.StateDone}[marks]; known.State != want && known.State != fleet.StateDone {
		return fmt.Errorf("the command is %s, want %s", known.State, want)
	}
	return nil
}

// TestPowerCut: whatever a loss of power takes, a device keeps the key that the
// controller knows and the identity it was promised, and runs no command twice.
func TestPowerCut(t *testing.T) {
	dir := t.TempDir()
	ops, _ := powercut.Trace(t, dir, 0, "enrolled", filepath.Join(dir, "fleet"))
	if n := powercut.Marks(ops); n != 4 {
		t.Fatalf("%d marks", n)
	}
	for name, skip := range map[string]func(powercut.Op) bool{
		"":                             func(powercut.Op) bool { return false },
		"key":                          func(o powercut.Op) bool { return filepath.Base(o.Path) == keyFile+".new" },
		"identity":                     func(o powercut.Op) bool { return filepath.Base(o.Path) == identityFile+".new" },
		"commands":                     func(o powercut.Op) bool { return filepath.Base(o.Path) == journalFile },
		"folder":                       func(o powercut.Op) bool { return o.File == 0 && filepath.Base(o.Path) == "fleet" },
		"folder that the folder is in": func(o powercut.Op) bool { return o.File == 0 && o.Path == dir },
	} {
		tried, err := powercut.Cuts(t, dir, ops, skip, forgets)
		if name == "" && err != nil || name != "" && err == nil {
			t.Errorf("without the sync of the %s: %v", name, err)
		}
		t.Logf("%d states, without the sync of the %s: %v", tried, name, err)
	}
}
