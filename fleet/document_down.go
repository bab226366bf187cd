package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Desired is what the controller wants on a device. It replaces the one before.
type Desired struct {
	Device   string    `json:"device"`
	Fleet    string    `json:"fleet"`
	Seq      Seq       `json:"seq"`
	NotAfter time.Time `json:"not_after"` // no install begins later
	Items    []Item    `json:"items,omitempty"`
	Tuning   *Tuning   `json:"tuning,omitempty"` // nil: the device's own configuration counts
}

// Item is one artifact for one slot.
type Item struct {
	Slot   string `json:"slot"`   // name of a pipeline
	Target string `json:"target"` // in the TUF repository
	Length int64  `json:"length"` // bytes
	SHA256 string `json:"sha256"`
}

func (Desired) payloadType() string { return "application/vnd.dunlin.desired.v1+json" }

func (d Desired) check() error {
	if len(d.Items) > 64 {
		return fmt.Errorf("%d items, at most 64", len(d.Items))
	}
	seen := map[string]bool{}
	for _, i := range d.Items {
		if err := errors.Join(checkSlot(i.Slot), checkTarget(i.Target), checkDigest(i.SHA256)); err != nil {
			return err
		}
		if i.Length <= 0 || i.Length > 4<<30 {
			return fmt.Errorf("item %s: length %d", i.Slot, i.Length)
		}
		if seen[i.Slot] {
			return fmt.Errorf("item %s appears twice", i.Slot)
		}
		seen[i.Slot] = true
	}
	if d.Tuning != nil {
		if err := d.Tuning.check(); err != nil {
			return err
		}
	}
	return errors.Join(CheckID(d.Device), checkSlot(d.Fleet), checkTime("not_after", d.NotAfter))
}

// Ack says which telemetry the controller has committed: all numbers below Hi,
// and Ranges, rising and apart. Where somebody looks at the device, Watch says
// for how many seconds more: records are wanted sooner.
type Ack struct {
	Device string  `json:"device"`
	Epoch  uint32  `json:"epoch"` // 0: nothing is committed
	Hi     uint64  `json:"hi"`
	Ranges []Range `json:"ranges,omitempty"`
	Watch  int     `json:"watch,omitempty"` // at most 300
}

// Range is the numbers First to First+Count-1.
type Range struct {
	First uint64 `json:"first"`
	Count uint64 `json:"count"`
}

func (Ack) payloadType() string { return "application/vnd.dunlin.ack.v1+json" }

func (a Ack) check() error {
	if len(a.Ranges) > 1024 {
		return fmt.Errorf("%d ranges, at most 1024", len(a.Ranges))
	}
	if a.Watch < 0 || a.Watch > 300 {
		return fmt.Errorf("watch of %d s, at most 300", a.Watch)
	}
	at := a.Hi
	for _, r := range a.Ranges {
		if r.Count == 0 || r.First < at || r.First+r.Count < r.First {
			return fmt.Errorf("ranges overlap or fall at %d", r.First)
		}
		at = r.First + r.Count
	}
	return CheckID(a.Device)
}

// Command asks a device to do something once. A device runs an id at most once
// and nothing after NotAfter.
type Command struct {
	Device   string          `json:"device"`
	ID       string          `json:"id"` // 1 to 64 of a-z, 0-9 and -
	NotAfter time.Time       `json:"not_after"`
	Name     string          `json:"name"`
	Args     json.RawMessage `json:"args,omitempty"`
}

func (Command) payloadType() string { return "application/vnd.dunlin.command.v1+json" }

func (c Command) check() error {
	return errors.Join(CheckID(c.Device), checkCommandID(c.ID), checkTime("not_after", c.NotAfter), c.checkName())
}

func (c Command) checkName() error {
	if checkSlot(c.Name) != nil {
		return fmt.Errorf("command name %.64q: want 1 to 64 of a-z, 0-9, - and _", c.Name)
	}
	if len(c.Args) > 32<<10 {
		return fmt.Errorf("args of %d bytes, at most 32768", len(c.Args))
	}
	return nil
}

func checkCommandID(id string) error {
	if CheckID(id) != nil {
		return errors.New("command id: want 1 to 64 of a-z, 0-9 and -")
	}
	return nil
}

// checkTime wants whole seconds of UTC, so that a time has one form.
func checkTime(what string, t time.Time) error {
	if t.IsZero() || t.Nanosecond() != 0 || t.Location() != time.UTC {
		return fmt.Errorf("%s: want whole seconds of UTC", what)
	}
	return nil
}

func checkSlot(s string) error {
	if s == "" || len(s) > 64 {
		return fmt.Errorf("name %.64q: 1 to 64 characters", s)
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("name %.64q: only a-z, 0-9, - and _", s)
		}
	}
	return nil
}

func checkTarget(s string) error {
	if s == "" || len(s) > 256 || s[0] == '/' {
		return fmt.Errorf("target %.64q: a relative path of 1 to 256 characters", s)
	}
	for i, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '\\' || c == '.' && i+1 < len(s) && s[i+1] == '.' {
			return fmt.Errorf("target %.64q: printable ASCII without \\ or two dots", s)
		}
	}
	return nil
}
