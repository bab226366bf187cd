package uplink

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/disk"
)

// journal remembers commands, so that none runs twice: a command is written
// and synced before it runs. A command that began and did not end before the
// process died is interrupted. It is a file of JSON lines, rewritten when half
// of it is old. Where it cannot be written, no command runs.
type journal struct {
	path   string
	unread error // what it held is not known

	mu      sync.Mutex
	file    *os.File // nil until it could be written
	entries map[string]*entry
	lines   int
}

// entry is the last word on one command.
type entry struct {
	ID       string          `json:"id"`
	State    fleet.State     `json:"state"`
	Output   json.RawMessage `json:"output,omitempty"` // a short one
	Error    string          `json:"error,omitempty"`
	NotAfter time.Time       `json:"not_after"`
	At       time.Time       `json:"at"`
}

const (
	journalFile = "commands.jsonl"
	// An id is remembered so long after its not_after: by then the controller
	// has given it up, and the not_after alone refuses it.
	remember   = 24 * time.Hour
	maxEntries = 4096
	// A longer output is not worth the flash; its loss on the way is rare.
	maxOutput = 2 << 10
)

// errFull keeps a flood of commands from pushing ids out of the window.
var errFull = errors.New("too many commands within a day")

// openJournal returns a journal in any case: an agent on a full or read-only
// disk does without commands, not without its pipelines. The error says why.
func openJournal(dir string, now time.Time) (*journal, error) {
	j := &journal{path: filepath.Join(dir, journalFile), entries: map[string]*entry{}}
	data, err := os.ReadFile(j.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		j.unread = err
		return j, fmt.Errorf("command journal: %w", err)
	}
	s := bufio.NewScanner(bytes.NewReader(data))
	for s.Scan() {
		var e entry
		if json.Unmarshal(s.Bytes(), &e) != nil || e.ID == "" {
			continue // a line that a power cut left half written was never acted upon
		}
		j.entries[e.ID] = &e
	}
	for _, e := range j.entries {
		if !e.State.Final() {
			e.State, e.Error, e.At = fleet.StateInterrupted, "the agent restarted while it ran", now
		}
	}
	if err := j.rewrite(now); err != nil {
		return j, fmt.Errorf("command journal: %w", err)
	}
	return j, nil
}

// rewrite writes what is worth remembering to a new file.
func (j *journal) rewrite(now time.Time) error {
	var b bytes.Buffer
	for id, e := range j.entries {
		if e.State.Final() && now.After(e.NotAfter.Add(remember)) {
			delete(j.entries, id)
			continue
		}
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		b.Write(append(line, '\n'))
	}
	if err := disk.Write(j.path, b.Bytes()); err != nil {
		return err
	}
	j.drop() // it is another file's now
	f, err := os.OpenFile(j.path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	j.file, j.lines = f, len(j.entries)
	return nil
}

// drop gives the file up; the next entry writes it anew.
func (j *journal) drop() {
	if j.file != nil {
		j.file.Close()
		j.file = nil
	}
}

// begin notes that a command is about to run. known is its state where it ran
// or runs already.
func (j *journal) begin(c fleet.Command, now time.Time) (known *entry, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.unread != nil {
		return nil, j.unread
	}
	if e := j.entries[c.ID]; e != nil {
		copied := *e
		return &copied, nil
	}
	if j.lines > 2*len(j.entries)+64 || len(j.entries) >= maxEntries {
		if err := j.rewrite(now); err != nil {
			return nil, err
		}
		if len(j.entries) >= maxEntries {
			return nil, errFull
		}
	}
	return nil, j.write(entry{ID: c.ID, State: fleet.StateAccepted, NotAfter: c.NotAfter, At: now})
}

// end notes how a command ended.
func (j *journal) end(r fleet.Result, now time.Time) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	e := j.entries[r.ID]
	if e == nil {
		return fmt.Errorf("command %s never began", r.ID)
	}
	last := entry{ID: r.ID, State: r.State, Error: r.Error, NotAfter: e.NotAfter, At: now}
	if len(r.Output) <= maxOutput {
		last.Output = r.Output
	}
	return j.write(last)
}

func (j *journal) write(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if j.file == nil {
		if err := j.rewrite(e.At); err != nil {
			return err
		}
	}
	// After half a line, as a full disk leaves it, the next would not be read.
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		j.drop()
		return err
	}
	if err := j.file.Sync(); err != nil {
		j.drop()
		return err
	}
	j.entries[e.ID] = &e
	j.lines++
	return nil
}

// recent returns the final words since a time: a controller that missed one
// learns it at the next connection.
func (j *journal) recent(since time.Time) []entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []entry
	for _, e := range j.entries {
		if e.State.Final() && e.At.After(since) {
			all = append(all, *e)
		}
	}
	return all
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.drop()
}
