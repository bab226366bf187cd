package guard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/ota/disk"
)

// Limits of the state.
const (
	maxState  = 64 << 10
	maxPins   = 16
	maxNeeds  = 128
	maxReason = 500
)

// state is what the links do not say.
type state struct {
	Schema int      `json:"schema"`
	Trial  *Version `json:"trial,omitempty"`
	Starts int      `json:"starts,omitempty"` // of the trial
	Needs  []string `json:"needs,omitempty"`  // what worked before it
	Pins   []pin    `json:"pins,omitempty"`   // the newest last
}

type pin struct {
	SHA256 string `json:"sha256"`
	Reason string `json:"reason"`
}

func (s *state) pinned(digest string) (string, bool) {
	for _, p := range s.Pins {
		if p.SHA256 == digest {
			return p.Reason, true
		}
	}
	return "", false
}

func (s *state) pin(digest, reason string) {
	if _, ok := s.pinned(digest); ok {
		return
	}
	reason = strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
	s.Pins = append(s.Pins, pin{digest, reason})
	s.Pins = s.Pins[max(0, len(s.Pins)-maxPins):]
}

func (s *state) endTrial() { s.Trial, s.Starts, s.Needs = nil, 0, nil }

func (d Dir) file() string { return filepath.Join(string(d), "state") }

// read returns the state; a folder without one has nothing on trial.
func (d Dir) read() (state, error) {
	data, err := disk.Read(d.file(), maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	} else if err != nil {
		return state{}, err
	}
	return parseState(data)
}

// parseState reads a line with the SHA-256 of the rest, then JSON. Unknown keys
// are a newer agent's and ignored.
func parseState(data []byte) (state, error) {
	line, body, ok := bytes.Cut(data, []byte("\n"))
	sum := sha256.Sum256(body)
	if !ok || string(line) != hex.EncodeToString(sum[:]) {
		return state{}, errors.New("damaged")
	}
	var s state
	if err := json.Unmarshal(body, &s); err != nil {
		return state{}, err
	}
	if s.Starts < 0 || len(s.Pins) > maxPins || len(s.Needs) > maxNeeds {
		return state{}, fmt.Errorf("%d starts, %d pins, %d needs", s.Starts, len(s.Pins), len(s.Needs))
	}
	if s.Trial != nil {
		return s, s.Trial.check()
	}
	return s, nil
}

func (d Dir) write(s state) error {
	s.Schema = 1
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	return disk.Write(d.file(), slices.Concat([]byte(hex.EncodeToString(sum[:])), []byte("\n"), body))
}

// quarantine keeps a damaged state for people and begins anew.
func (d Dir) quarantine() error {
	return os.Rename(d.file(), d.file()+".damaged") // where power is lost now, it happens again
}
