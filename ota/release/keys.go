package release

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/dunlin-edge/dunlin/ota/disk"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// Roles of a repository. Models and Agent are delegated by Targets; Canary may
// be, to the key of a build machine.
const (
	Root      = metadata.ROOT
	Targets   = metadata.TARGETS
	Snapshot  = metadata.SNAPSHOT
	Timestamp = metadata.TIMESTAMP
	Models    = "models"
	Agent     = "agent"
	Canary    = trust.CanaryRole
)

// offline are the roles that two of three holders sign.
var offline = []string{Root, Targets, Models, Agent}

// A Ring is what signs: keys from files or tokens, in any order. Each signs
// for the roles that list its public half.
type Ring []crypto.Signer

// Holders is how many people share the offline keys; Threshold of them sign.
const (
	Holders   = 3
	Threshold = 2
)

// Ceremony makes all keys of a repository below dir: a folder for each
// holder with one key for each offline role, release/snapshot.key, and
// online/timestamp.key, the only one that a controller gets. The folders then
// go to different people and places. In development mode one person keeps
// them all: the roles and thresholds are the same, the files say so in their
// headers, and so does the root metadata.
func Ceremony(dir string, development bool) error {
	for _, role := range slices.Concat(offline, []string{Snapshot, Timestamp}) {
		if err := RoleKeys(dir, role, development); err != nil {
			return err
		}
	}
	return nil
}

// RoleKeys makes new keys for one role below dir, in the folders of a
// ceremony.
func RoleKeys(dir, role string, development bool) error {
	switch {
	case slices.Contains(offline, role):
		for i := range Holders {
			if err := newKey(filepath.Join(dir, fmt.Sprintf("holder-%d", i+1), role+".key"), role, development); err != nil {
				return err
			}
		}
		return nil
	case role == Snapshot:
		return newKey(filepath.Join(dir, "release", Snapshot+".key"), Snapshot, development)
	case role == Timestamp:
		return newKey(filepath.Join(dir, "online", Timestamp+".key"), Timestamp, development)
	case role == Canary:
		return newKey(filepath.Join(dir, "ci", Canary+".key"), Canary, development)
	}
	return fmt.Errorf("make key: no role %.40q; there are %v, %s, %s and %s", role, offline, Snapshot, Timestamp, Canary)
}

const developmentHeader = "Development"

func newKey(path, role string, development bool) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("make key: %s exists; keys are never overwritten", path)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	block := &pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"Role": role}, Bytes: der}
	if development {
		block.Headers[developmentHeader] = "one person holds all keys of this repository"
	}
	if err := disk.MakeDir(filepath.Dir(path)); err != nil {
		return err
	}
	return disk.Write(path, pem.EncodeToMemory(block))
}

// A Key is a private key of a file.
type Key struct {
	crypto.Signer
	Role        string
	Development bool
}

// ReadKey reads a key that Ceremony made.
func ReadKey(path string) (*Key, error) {
	data, err := disk.Read(path, 64<<10)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("read key %s: not PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	signer, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read key %s: a %T, want ed25519", path, key)
	}
	return &Key{signer, block.Headers["Role"], block.Headers[developmentHeader] != ""}, nil
}

// ReadKeys reads all keys below the folders.
func ReadKeys(dirs ...string) ([]*Key, error) {
	var keys []*Key
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".key" {
				return err
			}
			k, err := ReadKey(path)
			keys = append(keys, k)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("read keys: none found")
	}
	return keys, nil
}

// RingOf makes a ring of keys.
func RingOf(keys []*Key) Ring {
	ring := make(Ring, len(keys))
	for i, k := range keys {
		ring[i] = k
	}
	return ring
}
