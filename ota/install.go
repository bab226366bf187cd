package ota

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// An Order is what the controller wants in a slot. The bytes are those that
// the repository allows under Target, or nothing is installed.
type Order struct {
	Slot   string
	Target string
	Length int64
	SHA256 [32]byte
}

// A RefusedError tells that an artifact is not good for this device. It is
// pinned: ordering the same bytes again gives the same answer without a try.
type RefusedError struct {
	Slot, SHA256, Reason string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("slot %s: %.12s refused: %s", e.Slot, e.SHA256, e.Reason)
}

// Hint says what to do next.
func (e *RefusedError) Hint() string {
	return "publish a new version; or, where the device was at fault, unpin the digest"
}

// Install brings an order to its end: active, or a *RefusedError, or an error
// that leaves it to be continued by the same order. The active artifact serves
// meanwhile. Installs run one at a time.
func (c *Client) Install(ctx context.Context, o Order) error {
	if !slotName.MatchString(o.Slot) {
		return fmt.Errorf("slot %.80q: want [a-z0-9-], at most 64", o.Slot)
	}
	c.install.Lock()
	defer c.install.Unlock()
	digest := hex.EncodeToString(o.SHA256[:])
	c.mu.Lock()
	j, ok := c.slots[o.Slot]
	c.mu.Unlock()
	if !ok {
		j = journal{State: Idle}
	}
	if reason, pinned := j.pinned(digest); pinned {
		return &RefusedError{o.Slot, digest, reason}
	}
	t, err := c.allowed(ctx, o)
	if err != nil {
		return fmt.Errorf("slot %s: %w", o.Slot, err)
	}
	if j.Active != nil && j.Active.SHA256 == digest && c.blobs.Check(want(t, "")) {
		return c.settle(o.Slot, j, t)
	}
	return c.bring(ctx, o.Slot, j, t)
}

// settle forgets a candidate that is not wanted any more. The active bytes may
// have been released under another path since.
func (c *Client) settle(slot string, j journal, t trust.Target) error {
	now := installed(t)
	now.Model = j.Active.Model
	if j.State == Good && *j.Active == now {
		return nil
	}
	j.State, j.Active, j.Candidate, j.Attempts, j.Reason = Good, &now, nil, 0, ""
	if err := c.set(slot, j); err != nil {
		return err
	}
	return c.raise(j)
}

// installed is what a slot keeps of a target. What only canaries may try raises
// no epoch: its signer could keep every release away.
func installed(t trust.Target) Installed {
	i := Installed{Target: t.Path, SHA256: t.Hex(), Length: t.Length, Name: t.Custom.Name, Version: t.Custom.Version, Epoch: t.Custom.SecurityEpoch}
	if trust.IsCanary(t.Path) {
		i.Epoch = 0
	}
	return i
}

// allowed is where order and repository agree.
func (c *Client) allowed(ctx context.Context, o Order) (trust.Target, error) {
	t, err := c.trust.Target(ctx, o.Target)
	if err != nil {
		return t, err
	}
	if t.SHA256 != o.SHA256 || t.Length != o.Length {
		return t, fmt.Errorf("target %.200q: the order wants %d bytes %x, the repository allows %d bytes %s", o.Target, o.Length, o.SHA256[:6], t.Length, t.Hex()[:12])
	}
	kind := "bundle"
	if o.Slot == ProgramSlot {
		kind = "agent"
	}
	switch {
	case o.Slot == ProgramSlot && trust.IsCanary(t.Path):
		return t, fmt.Errorf("target %.200q: canaries try bundles, not programs", o.Target)
	case t.Custom.Kind != kind:
		return t, fmt.Errorf("target %.200q: a %.20q, want %q", o.Target, t.Custom.Kind, kind)
	case o.Slot != ProgramSlot:
	case t.Custom.Arch != c.cfg.Arch:
		return t, fmt.Errorf("target %.200q: a program for %.20q, this one is for %q", o.Target, t.Custom.Arch, c.cfg.Arch)
	case t.Length > MaxProgram:
		return t, fmt.Errorf("target %.200q: %d bytes, limit %d", o.Target, t.Length, MaxProgram)
	}
	return t, nil
}

func want(t trust.Target, name string) fetch.Want {
	return fetch.Want{Name: "targets/" + name, Length: t.Length, SHA256: t.SHA256}
}

// bring goes through the states. Each is durable before its work begins.
func (c *Client) bring(ctx context.Context, slot string, j journal, t trust.Target) error {
	if j.Candidate == nil || j.Candidate.SHA256 != t.Hex() {
		i := installed(t)
		j.Candidate, j.Attempts = &i, 0
	}
	j.Reason = ""
	if j.State = Fetching; !c.blobs.Check(want(t, "")) {
		if err := c.set(slot, j); err != nil {
			return err
		}
	}
	path, err := c.obtain(ctx, slot, j, t)
	if err != nil { // wrong bytes too: the server's fault, not the artifact's, so no pin
		return fmt.Errorf("slot %s: %w", slot, err)
	}
	j.State = Staged
	if err := c.set(slot, j); err != nil {
		return err
	}
	return c.try(ctx, slot, j, path)
}

// try runs the trial. A process that ends in it has used an attempt.
func (c *Client) try(ctx context.Context, slot string, j journal, path string) error {
	if j.Attempts >= MaxAttempts {
		return c.refuse(slot, j, fmt.Sprintf("the agent ended in each of %d trials", j.Attempts))
	}
	j.State = Trial
	j.Attempts++
	if err := c.set(slot, j); err != nil {
		return err
	}
	v, err := c.cfg.Trial(ctx, Candidate{*j.Candidate, slot, path, j.Attempts})
	if err != nil {
		j.State, j.Reason = Staged, err.Error()
		j.Attempts--
		return errors.Join(fmt.Errorf("slot %s: trial: %w", slot, err), c.set(slot, j))
	}
	if !v.Good {
		return c.refuse(slot, j, v.Reason)
	}
	next, chosen := j, *j.Candidate
	chosen.Model = v.Model
	next.State, next.Active, next.Candidate, next.Attempts = Good, &chosen, nil, 0
	if j.Active != nil && j.Active.SHA256 != next.Active.SHA256 {
		next.Previous = j.Active
	}
	if err := c.set(slot, next); err != nil {
		return err
	}
	if err := c.raise(next); err != nil {
		return err
	}
	return c.collect()
}

// refuse pins the candidate. The active artifact stays.
func (c *Client) refuse(slot string, j journal, reason string) error {
	digest := j.Candidate.SHA256
	j.pin(digest, reason)
	j.State, j.Candidate, j.Attempts, j.Reason = Reverted, nil, 0, reason
	if err := c.set(slot, j); err != nil {
		return err
	}
	return errors.Join(&RefusedError{slot, digest, cut(reason)}, c.collect())
}

// Rollback makes the previous artifact active again and pins the active one.
// It needs no metadata: expired or unreachable, a device can always go back,
// but only once, so that two bad releases cannot take turns.
func (c *Client) Rollback(slot, reason string) error {
	c.install.Lock()
	defer c.install.Unlock()
	c.mu.Lock()
	j := c.slots[slot]
	c.mu.Unlock()
	if slot == ProgramSlot && j.Active != nil {
		return c.backToGuard(j, reason)
	}
	if j.Active == nil || j.Previous == nil {
		return fmt.Errorf("slot %s: nothing to go back to", slot)
	}
	sum, err := j.Previous.digest()
	if err != nil {
		return err
	}
	if !c.blobs.Has(fetch.Want{Length: j.Previous.Length, SHA256: sum}) {
		return fmt.Errorf("slot %s: the previous artifact is gone", slot)
	}
	j.pin(j.Active.SHA256, reason)
	j.State, j.Active, j.Previous, j.Candidate, j.Attempts, j.Reason = Good, j.Previous, nil, nil, 0, reason
	return c.set(slot, j)
}

// Unpin lets a digest be installed again.
func (c *Client) Unpin(slot, digest string) error {
	c.install.Lock()
	defer c.install.Unlock()
	c.mu.Lock()
	j, ok := c.slots[slot]
	c.mu.Unlock()
	if _, pinned := j.pinned(digest); !ok || !pinned {
		return fmt.Errorf("slot %s: %.12s is not pinned", slot, digest)
	}
	var rest []Pin
	for _, p := range j.Pins {
		if p.SHA256 != digest {
			rest = append(rest, p)
		}
	}
	j.Pins = rest
	return c.set(slot, j)
}
