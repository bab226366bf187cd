package tuf

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
)

// Root says whose signatures count for each top-level role.
type Root struct {
	Header
	ConsistentSnapshot bool
	Keys               map[string]*Key
	Roles              map[string]Role
}

func readRoot(data []byte) (*Root, error) {
	r, h, err := open(data, RootRole)
	if err != nil {
		return nil, err
	}
	root := &Root{Header: h}
	root.ConsistentSnapshot, _ = optional[bool](r, "consistent_snapshot", "true or false")
	root.Keys = objects(r, "keys", readKey)
	root.Roles = objects(r, "roles", readRole)
	for _, name := range []string{RootRole, TimestampRole, SnapshotRole, TargetsRole} {
		if _, ok := root.Roles[name]; !ok && r.err == nil {
			r.err = fmt.Errorf("no role %s", name)
		}
	}
	return root, r.err
}

// verify tells whether a top-level role's document is signed as this root
// demands.
func (root *Root) verify(role string, h *Header) error {
	return root.Roles[role].verify(root.Keys, h)
}

// File is what is known of a file from another's metadata.
type File struct {
	Length int64 // in bytes; of metadata: 0 where it is not given
	Hashes map[string][]byte
}

// check tells whether data is the file.
func (f File) check(data []byte) error {
	for name, want := range f.Hashes {
		var h hash.Hash
		switch name {
		case "sha256":
			h = sha256.New()
		case "sha512":
			h = sha512.New()
		default:
			return fmt.Errorf("hash %.20q is not known here", name)
		}
		h.Write(data)
		if subtle.ConstantTimeCompare(h.Sum(nil), want) != 1 {
			return fmt.Errorf("not the %s that was signed", name)
		}
	}
	return nil
}

func readHashes(r *reader) map[string][]byte {
	hashes := map[string][]byte{}
	for name := range member[object](r, "hashes", "an object") {
		sub := &reader{object: r.object["hashes"].(object)}
		sum, err := hex.DecodeString(sub.text(name))
		if err != nil || sub.err != nil {
			r.fail("hashes", "of hexadecimal digests")
		}
		hashes[name] = sum
	}
	if len(hashes) == 0 {
		r.fail("hashes", "of one digest at least")
	}
	return hashes
}

// Meta is what timestamp and snapshot say of a metadata file.
type Meta struct {
	File
	Version int64
}

func readMeta(r *reader) Meta {
	m := Meta{Version: r.atLeast("version", 1)}
	if _, ok := r.object["length"]; ok {
		m.Length = r.atLeast("length", 1)
	}
	if _, ok := r.object["hashes"]; ok {
		m.Hashes = readHashes(r)
	}
	return m
}

func (m Meta) check(data []byte) error {
	if m.Length != 0 && int64(len(data)) != m.Length {
		return fmt.Errorf("%d bytes, not the %d that were signed", len(data), m.Length)
	}
	return m.File.check(data)
}

// Timestamp names the newest snapshot.
type Timestamp struct {
	Header
	Snapshot Meta
}

func readTimestamp(data []byte) (*Timestamp, error) {
	r, h, err := open(data, TimestampRole)
	if err != nil {
		return nil, err
	}
	meta, ok := objects(r, "meta", readMeta)[SnapshotRole+".json"]
	if !ok && r.err == nil {
		r.err = errors.New("it names no snapshot")
	}
	return &Timestamp{h, meta}, r.err
}

// Snapshot names the version of every targets document, by file name.
type Snapshot struct {
	Header
	Meta map[string]Meta
}

func readSnapshot(data []byte) (*Snapshot, error) {
	r, h, err := open(data, SnapshotRole)
	if err != nil {
		return nil, err
	}
	return &Snapshot{h, objects(r, "meta", readMeta)}, r.err
}
