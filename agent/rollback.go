package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/uplink"
	"github.com/dunlin-edge/dunlin/ota"
	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/ota/guard"
)

// Rollback lets a pipeline, or the agent's own program, go back to what it ran
// before, and pins what it runs now. It needs no network and no valid metadata;
// the agent is not at work. It returns what runs from the next start on, "" for
// what the guard or the configuration chooses.
func Rollback(cfg *config.Config, slot, guardDir string) (string, error) {
	const reason = "taken back on the device"
	id, err := uplink.Load(cfg.Fleet.Dir)
	if err != nil {
		return "", err
	}
	c, err := ota.Open(ota.Config{Dir: filepath.Join(cfg.Fleet.Dir, "updates"), Root: id.Root, Source: nowhere{}, Clock: machineTime,
		Trial: func(context.Context, ota.Candidate) (ota.Verdict, error) { return ota.Verdict{}, errNotHere }})
	if err != nil {
		return "", err
	}
	defer c.Close()
	if slot == ota.ProgramSlot {
		return "", rollbackHeld(c, guard.Dir(guardDir), reason)
	}
	if err := c.Rollback(slot, reason); err != nil {
		return "", err
	}
	now, _ := c.Active(slot)
	return now.Name + "@" + now.Version, nil
}

// rollbackHeld takes back the program that the guard starts.
func rollbackHeld(c *ota.Client, d guard.Dir, reason string) error {
	all, err := d.List()
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.Standing != guard.Held {
			continue
		}
		err := d.Refuse(e.Version, reason)
		if a, ok := c.Active(ota.ProgramSlot); ok && a.SHA256 == e.Version.SHA256 {
			err = errors.Join(err, c.Rollback(ota.ProgramSlot, reason))
		}
		return err
	}
	return errors.New("the packaged program runs: there is nothing to go back to")
}

// nowhere is a repository that has nothing.
type nowhere struct{}

func (nowhere) Open(_ context.Context, name string, _ int64, _ string) (*fetch.Part, error) {
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}
