package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/ota/powercut"
)

// TestMain lets the test binary be the device that loses power.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "floors" {
		if err := raiseFloors(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// raiseFloors raises the floors time and again, and prints a mark when each is
// promised.
func raiseFloors(dir string) error {
	var f floors
	for i := range 5 {
		f.Seq = uint64(i + 1)
		if err := f.write(dir); err != nil {
			return err
		}
		fmt.Print(i + 1)
	}
	return nil
}

// TestFloorsPowerCut: no floor that was promised is lost with power, and
// without any one of the syncs one is.
func TestFloorsPowerCut(t *testing.T) {
	dir := t.TempDir()
	ops, _ := powercut.Trace(t, dir, 0, "floors", dir)
	lost := func(left string, marks int) error {
		if f, _ := readFloors(left); f.Seq < uint64(marks) {
			return fmt.Errorf("floor %d was promised, %d is left", marks, f.Seq)
		}
		return nil
	}
	for name, skip := range map[string]func(powercut.Op) bool{
		"":       func(powercut.Op) bool { return false },
		"files":  func(o powercut.Op) bool { return strings.HasPrefix(filepath.Base(o.Path), "floors.") },
		"folder": func(o powercut.Op) bool { return o.File == 0 },
	} {
		tried, err := powercut.Cuts(t, dir, ops, skip, lost)
		if name == "" && err != nil || name != "" && err == nil {
			t.Errorf("without the sync of the %s: %v", name, err)
		}
		t.Logf("%d states, without the sync of the %s: %v", tried, name, err)
	}
}

// TestNewerFloorsAreRead: keys that this version does not know are a newer
// one's.
func TestNewerFloorsAreRead(t *testing.T) {
	dir := t.TempDir()
	f := floors{Seq: 7, Roles: map[string]int64{"targets": 3}}
	if err := f.write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range floorFiles {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := strings.Index(string(data), magic)
		head := at + len(magic) + sha256.Size
		body := bytes.TrimRight(data[head+4:], "\x00")
		body = bytes.Replace(body, []byte("{"), []byte(`{"next_year":[null],`), 1)
		sum := sha256.Sum256(body)
		next := append([]byte(magic), sum[:]...)
		next = append(binary.LittleEndian.AppendUint32(next, uint32(len(body))), body...)
		if err := os.WriteFile(path, append(data[:at:at], next...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, ok := readFloors(dir); !ok || got.Seq != 7 || got.Roles["targets"] != 3 {
		t.Errorf("%v, %+v", ok, got)
	}
}
