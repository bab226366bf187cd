package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dunlin-edge/dunlin/ota/disk"
)

// floors are what the device has seen: nothing older is ever accepted again,
// whatever happens to the cached metadata.
type floors struct {
	Gen uint64 `json:"gen"` // rises with every write

	Root       int64  `json:"root"`        // version
	RootSHA256 string `json:"root_sha256"` // of root.json, so that damage cannot pass for a root
	// Keys is the digest of the timestamp and snapshot keys that Timestamp,
	// Snapshot and Roles were seen under. New keys start them anew, which is
	// how TUF recovers from a stolen key that raised versions (spec 5.3.11).
	Keys      string           `json:"keys"`
	Timestamp int64            `json:"timestamp"`
	Snapshot  int64            `json:"snapshot"`
	Roles     map[string]int64 `json:"roles,omitempty"` // versions of targets and delegated roles

	// Canary is the version of the canary role's document, which no snapshot
	// lists, under the keys of CanaryKeys; new keys start it anew.
	Canary     int64  `json:"canary,omitempty"`
	CanaryKeys string `json:"canary_keys,omitempty"`

	Epochs  map[string]int64 `json:"epochs,omitempty"` // security epoch by name
	Seq     uint64           `json:"seq"`              // of the last accepted assignment
	Time    time.Time        `json:"time"`             // it was at least this late
	Changed time.Time        `json:"changed"`          // when the timestamp was last a new one
}

// The floors stand in two files of two slots each. A write changes one slot
// of the first file, then one of the second, so at any moment three of four
// are whole. The slot with the highest generation counts.
const (
	slotBytes = 16 << 10
	maxNames  = 64 // roles, epochs
	magic     = "dunlin floors 1\n"
)

var floorFiles = [2]string{"floors.a", "floors.b"}

// readFloors returns the newest floors in dir, and whether any were found.
func readFloors(dir string) (floors, bool) {
	var best floors
	found := false
	for _, name := range floorFiles {
		data, err := disk.Read(filepath.Join(dir, name), 2*slotBytes)
		if err != nil {
			continue
		}
		for len(data) > 0 {
			n := min(slotBytes, len(data))
			if f, err := parseFloors(data[:n]); err == nil && (!found || f.Gen > best.Gen) {
				best, found = f, true
			}
			data = data[n:]
		}
	}
	return best, found
}

// parseFloors reads one slot: magic, SHA-256 of the rest, length, JSON.
func parseFloors(slot []byte) (floors, error) {
	var f floors
	const head = len(magic) + sha256.Size
	if len(slot) < head+4 || string(slot[:len(magic)]) != magic {
		return f, errors.New("floors: not written")
	}
	n := binary.LittleEndian.Uint32(slot[head:])
	if int64(n) > int64(len(slot)-head-4) {
		return f, errors.New("floors: cut short")
	}
	body := slot[head+4:][:n]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], slot[len(magic):head]) {
		return f, errors.New("floors: damaged")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&f); err != nil {
		return floors{}, fmt.Errorf("floors: %w", err)
	}
	return f, nil
}

func (f *floors) bytes() ([]byte, error) {
	if len(f.Roles) > maxNames || len(f.Epochs) > maxNames {
		return nil, fmt.Errorf("floors: %d roles and %d names, limit %d", len(f.Roles), len(f.Epochs), maxNames)
	}
	body, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	slot := append([]byte(magic), sum[:]...)
	slot = binary.LittleEndian.AppendUint32(slot, uint32(len(body)))
	slot = append(slot, body...)
	if len(slot) > slotBytes {
		return nil, fmt.Errorf("floors: %d bytes, limit %d", len(slot), slotBytes)
	}
	return slot, nil
}

// write makes f durable in both files. f.Gen becomes the next generation.
func (f *floors) write(dir string) error {
	f.Gen++
	slot, err := f.bytes()
	if err != nil {
		return err
	}
	for _, name := range floorFiles {
		if err := writeSlot(filepath.Join(dir, name), slot, int64(f.Gen%2)*slotBytes); err != nil {
			return fmt.Errorf("floors: %w", err)
		}
	}
	return nil
}

func writeSlot(path string, slot []byte, at int64) error {
	_, absent := os.Stat(path)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = file.WriteAt(slot, at); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if absent != nil {
		return disk.SyncDir(filepath.Dir(path))
	}
	return nil
}

// clone returns a copy that shares no map.
func (f floors) clone() floors {
	roles, epochs := make(map[string]int64, len(f.Roles)), make(map[string]int64, len(f.Epochs))
	for k, v := range f.Roles {
		roles[k] = v
	}
	for k, v := range f.Epochs {
		epochs[k] = v
	}
	f.Roles, f.Epochs = roles, epochs
	return f
}
