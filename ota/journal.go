package ota

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/ota/disk"
)

// A State is where a slot stands.
type State string

// States of a slot. Each is on disk before the slot acts on it.
const (
	Idle     State = "idle"     // nothing was ever installed
	Fetching State = "fetching" // the candidate is on its way
	Staged   State = "staged"   // it is here and verified
	Trial    State = "trial"    // it is being tried; nothing depends on it yet
	Good     State = "good"     // it became the active one
	Reverted State = "reverted" // it was refused and pinned; the active one stayed
)

// Installed is an artifact of a slot.
type Installed struct {
	Target  string `json:"target"` // path in the repository
	SHA256  string `json:"sha256"`
	Length  int64  `json:"length"`
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	Epoch   int64  `json:"epoch"`
	Model   string `json:"model,omitempty"` // SHA-256 of the bundle's model that was chosen for this board
}

// A Pin keeps a digest from being installed again.
type Pin struct {
	SHA256 string `json:"sha256"`
	Reason string `json:"reason"`
}

// Limits of a journal.
const (
	maxJournal = 64 << 10
	maxPins    = 32
	maxReason  = 500
)

// journal is the durable state of a slot.
type journal struct {
	Schema    int        `json:"schema"`
	State     State      `json:"state"`
	Active    *Installed `json:"active,omitempty"`
	Candidate *Installed `json:"candidate,omitempty"`
	Previous  *Installed `json:"previous,omitempty"`
	Attempts  int        `json:"attempts"` // trials of the candidate that began
	Reason    string     `json:"reason,omitempty"`
	Pins      []Pin      `json:"pins,omitempty"`
}

// readJournal reads a slot's journal; a slot without one is idle.
func readJournal(path string) (journal, error) {
	data, err := disk.Read(path, maxJournal)
	if errors.Is(err, fs.ErrNotExist) {
		return journal{Schema: 1, State: Idle}, nil
	} else if err != nil {
		return journal{}, err
	}
	j, err := parseJournal(data)
	if err != nil {
		return journal{}, fmt.Errorf("journal %s: %w", filepath.Base(path), err)
	}
	return j, nil
}

// parseJournal reads a line with the SHA-256 of the rest, then JSON. Keys it
// does not know are a newer version's and ignored: an agent that was rolled
// back reads what its successor wrote.
func parseJournal(data []byte) (journal, error) {
	line, body, ok := bytes.Cut(data, []byte("\n"))
	sum := sha256.Sum256(body)
	if !ok || string(line) != hex.EncodeToString(sum[:]) {
		return journal{}, errors.New("damaged")
	}
	var j journal
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&j); err != nil {
		return journal{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return journal{}, errors.New("more than one document")
	}
	return j, j.validate()
}

func (j *journal) validate() error {
	if !slices.Contains([]State{Idle, Fetching, Staged, Trial, Good, Reverted}, j.State) {
		return fmt.Errorf("state %.20q", j.State)
	}
	if (j.State == Fetching || j.State == Staged || j.State == Trial) && j.Candidate == nil {
		return fmt.Errorf("%s without a candidate", j.State)
	}
	if j.State == Good && j.Active == nil {
		return errors.New("good without an active artifact")
	}
	for _, i := range []*Installed{j.Active, j.Candidate, j.Previous} {
		if i == nil {
			continue
		}
		if _, err := i.digest(); err != nil {
			return err
		}
	}
	if len(j.Pins) > maxPins || j.Attempts < 0 {
		return fmt.Errorf("%d pins, %d attempts", len(j.Pins), j.Attempts)
	}
	return nil
}

func (i *Installed) digest() (sum [sha256.Size]byte, err error) {
	b, err := hex.DecodeString(i.SHA256)
	if err != nil || len(b) != len(sum) || i.SHA256 != strings.ToLower(i.SHA256) {
		return sum, fmt.Errorf("digest %.80q", i.SHA256)
	}
	return [sha256.Size]byte(b), nil
}

func (j *journal) write(path string) error {
	data, err := j.encode()
	if err != nil {
		return err
	}
	return disk.Write(path, data)
}

// encode is what parseJournal reads. Reasons are other people's text and grow
// in JSON: the oldest pins give way before a journal becomes too long to be
// read again.
func (j *journal) encode() ([]byte, error) {
	for k := *j; ; k.Pins = k.Pins[1:] {
		body, err := json.Marshal(&k)
		if err != nil {
			return nil, err
		}
		if len(body) <= maxJournal-2*sha256.Size-1 || len(k.Pins) == 0 {
			sum := sha256.Sum256(body)
			return append(append([]byte(hex.EncodeToString(sum[:])), '\n'), body...), nil
		}
	}
}

func (j *journal) pinned(digest string) (string, bool) {
	for _, p := range j.Pins {
		if p.SHA256 == digest {
			return p.Reason, true
		}
	}
	return "", false
}

// pin keeps the newest pins.
func (j *journal) pin(digest, reason string) {
	if _, ok := j.pinned(digest); ok {
		return
	}
	j.Pins = append(j.Pins, Pin{digest, cut(reason)})
	j.Pins = j.Pins[max(0, len(j.Pins)-maxPins):]
}

func cut(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxReason)], "")
}
