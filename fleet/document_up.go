package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Hello is a device's first word on every connect. The controller answers with
// an [Ack], a newer [Desired] and unfinished commands.
type Hello struct {
	Boot  string `json:"boot"`  // id of this start of the agent, 32 hex digits
	Conn  uint64 `json:"conn"`  // counts its connects
	Epoch uint32 `json:"epoch"` // of the telemetry store, 0 without one
	Lo    uint64 `json:"lo"`    // oldest number that waits
	Next  uint64 `json:"next"`  // number that the next record gets
	Seq   Seq    `json:"desired_seq"`
}

func (Hello) name() Name { return TopicHello }

func (h Hello) check() error {
	if h.Lo > h.Next {
		return fmt.Errorf("lo %d is beyond next %d", h.Lo, h.Next)
	}
	return checkBoot(h.Boot)
}

// Status says whether a device is connected; the broker sends the offline one
// as its will. A status of an earlier connection than the last hello's is late
// news and ignored.
type Status struct {
	Online bool   `json:"online"`
	Boot   string `json:"boot"`
	Conn   uint64 `json:"conn"`
}

func (Status) name() Name     { return TopicStatus }
func (s Status) check() error { return checkBoot(s.Boot) }

// Reported is what a device really runs.
type Reported struct {
	Version   string             `json:"version"` // of the agent
	Board     Board              `json:"board"`
	Labels    map[string]string  `json:"labels,omitempty"` // as its own configuration says
	Simulated bool               `json:"simulated,omitempty"`
	Canary    bool               `json:"canary,omitempty"` // takes what a build machine proposes
	Seq       Seq                `json:"desired_seq"`      // of the assignment it works towards
	Pipelines []PipelineReported `json:"pipelines,omitempty"`
	Slots     []SlotReported     `json:"slots,omitempty"`
	Tunable   *Tunable           `json:"tunable,omitempty"` // nil where its agent is of before
	Problems  []string           `json:"problems,omitempty"`
}

// SlotReported is how far an assigned pipeline is with what it should run.
type SlotReported struct {
	Slot      string `json:"slot"`
	State     string `json:"state"`                // idle, fetching, staged, trial, good, reverted
	Active    string `json:"active,omitempty"`     // SHA-256 of what it runs, or runs after a restart
	Loaded    string `json:"loaded,omitempty"`     // SHA-256 of the agent's running program; of a bundle, its pipeline tells
	Candidate string `json:"candidate,omitempty"`  // SHA-256 of what it is about to run
	Version   string `json:"version,omitempty"`    // of the candidate
	Refused   string `json:"refused,omitempty"`    // SHA-256 of what was assigned and is not good here
	Have      int64  `json:"have_bytes,omitempty"` // of the candidate
	Size      int64  `json:"size_bytes,omitempty"`
	Attempts  int    `json:"attempts,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// Board is what the agent runs on.
type Board struct {
	Model  string `json:"model"` // "Raspberry Pi 5 Model B Rev 1.0", from the device tree or DMI
	Arch   string `json:"arch"`  // GOARCH of the agent, with the GOARM level after a slash
	CPUs   int    `json:"cpus"`
	Memory int64  `json:"memory_bytes"`
	Tier   string `json:"tier"` // of the kernels
}

// PipelineReported is one pipeline and the bundle that is loaded in it.
type PipelineReported struct {
	Name    string  `json:"name"`
	Bundle  string  `json:"bundle"` // its name
	Version string  `json:"version"`
	Digest  string  `json:"sha256"` // of what is loaded, not of what was asked for
	State   string  `json:"state"`  // running, waiting, failed
	Reason  string  `json:"reason,omitempty"`
	Rate    float64 `json:"rate_hz"`     // windows a second
	P95     int64   `json:"p95_us"`      // latency
	Label   string  `json:"label"`       // last decision
	Windows uint64  `json:"windows"`     // since start
	Lost    uint64  `json:"lost"`        // windows
	Labels  int     `json:"label_count"` // how many classes it knows
}

func (Reported) name() Name { return TopicReported }

func (r Reported) check() error {
	if len(r.Slots) > 64 {
		return errors.New("more than 64 slots")
	}
	for _, s := range r.Slots {
		if err := texts(s.Slot, s.State, s.Active, s.Loaded, s.Candidate, s.Refused, s.Version, s.Reason); err != nil {
			return fmt.Errorf("slot: %w", err)
		}
	}
	if len(r.Pipelines) > 64 || len(r.Labels) > 64 || len(r.Problems) > 64 {
		return errors.New("more than 64 pipelines, labels or problems")
	}
	for _, p := range r.Pipelines {
		if err := checkDigest(p.Digest); err != nil {
			return fmt.Errorf("pipeline %.64q: %w", p.Name, err)
		}
		if err := texts(p.Name, p.Bundle, p.Version, p.State, p.Reason, p.Label); err != nil {
			return fmt.Errorf("pipeline: %w", err)
		}
	}
	if err := r.Tunable.check(); err != nil {
		return err
	}
	for k, v := range r.Labels {
		if err := texts(k, v); err != nil {
			return fmt.Errorf("label: %w", err)
		}
	}
	return texts(append(r.Problems, r.Version, r.Board.Model, r.Board.Arch, r.Board.Tier)...)
}

// State is how far a command has come.
type State string

// The states of a command. Done, Failed and Interrupted are final; Interrupted
// says that the device restarted while it ran and does not know how far it got.
const (
	StateAccepted    State = "accepted"
	StateProgress    State = "progress"
	StateDone        State = "done"
	StateFailed      State = "failed"
	StateInterrupted State = "interrupted"
)

// Final says whether nothing more will come.
func (s State) Final() bool { return s == StateDone || s == StateFailed || s == StateInterrupted }

// Result is an answer to a command; a command has several.
type Result struct {
	ID     string          `json:"id"`
	State  State           `json:"state"`
	Output json.RawMessage `json:"output,omitempty"`
	Error  string          `json:"error,omitempty"`
}

func (Result) name() Name { return TopicRes }

func (r Result) check() error {
	switch r.State {
	case StateAccepted, StateProgress, StateDone, StateFailed, StateInterrupted:
	default:
		return fmt.Errorf("state %.20q is unknown", r.State)
	}
	if err := texts(r.Error); err != nil {
		return err
	}
	return checkCommandID(r.ID)
}

// maxText bounds each string that a device sets, in bytes.
const maxText = 512

func texts(all ...string) error {
	for _, s := range all {
		if len(s) > maxText {
			return fmt.Errorf("text of %d bytes, at most %d", len(s), maxText)
		}
		if !utf8.ValidString(s) {
			return errors.New("text is not UTF-8")
		}
	}
	return nil
}

func checkBoot(boot string) error {
	if len(boot) != 32 || !isHex(boot) {
		return errors.New("boot: want 32 hex digits")
	}
	return nil
}

func checkDigest(digest string) error {
	if len(digest) != 64 || !isHex(digest) {
		return errors.New("sha256: want 64 hex digits")
	}
	return nil
}

func isHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
