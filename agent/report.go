package agent

import (
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota"
)

// say keeps what goes on with a slot, for reports.
func (u *updater) say(slot, note string) {
	u.mu.Lock()
	s := u.slot(slot)
	changed := s.note != note
	s.note = note
	u.mu.Unlock()
	if changed {
		u.report()
	}
}

// slot returns a slot's state; u.mu is held.
func (u *updater) slot(name string) *slotState {
	if u.slots[name] == nil {
		u.slots[name] = &slotState{}
	}
	return u.slots[name]
}

// progress hears of every step of an install.
func (u *updater) progress(p ota.Progress) {
	u.mu.Lock()
	s := u.slot(p.Slot)
	bytes := p.State == ota.Fetching && s.size == p.Size && p.Reason == ""
	s.have, s.size = p.Have, p.Size
	if p.Reason != "" {
		s.note = p.Reason
	}
	soon := !bytes || time.Since(u.told) > progressEvery
	if soon {
		u.told = time.Now()
	}
	u.mu.Unlock()
	if soon {
		u.report()
	}
}

// status tells the assignment and how far each slot is.
func (u *updater) status() (fleet.Seq, []fleet.SlotReported) {
	if u == nil {
		return fleet.Seq{}, nil
	}
	slots := u.client.Slots()
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []fleet.SlotReported
	known := map[string]bool{}
	for _, s := range slots {
		known[s.Slot] = true
		r := fleet.SlotReported{Slot: s.Slot, State: string(s.State), Attempts: s.Attempts, Reason: clip(s.Reason)}
		if s.Active != nil {
			r.Active = s.Active.SHA256
		}
		if s.Slot == ota.ProgramSlot && u.program != nil {
			r.Loaded = u.program.running.SHA256
		}
		if s.Candidate != nil {
			r.Candidate, r.Version = s.Candidate.SHA256, s.Candidate.Version
		}
		if x := u.slots[s.Slot]; x != nil {
			r.Have, r.Size = x.have, x.size
			if x.note != "" {
				r.Reason = clip(x.note)
			}
		}
		for _, p := range s.Pins {
			if p.SHA256 == u.wanted(s.Slot) {
				r.Refused, r.Reason = p.SHA256, clip(p.Reason)
			}
		}
		out = append(out, r)
	}
	for _, name := range u.assigned() {
		if !known[name] {
			known[name] = true
			out = append(out, fleet.SlotReported{Slot: name, State: string(ota.Idle)})
		}
	}
	for _, item := range u.want.Items {
		if x := u.slots[item.Slot]; !known[item.Slot] && x != nil {
			out = append(out, fleet.SlotReported{Slot: item.Slot, State: string(ota.Idle), Refused: item.SHA256, Reason: clip(x.note)})
		}
	}
	if t, has := u.tuningStatus(); has {
		out = append(out, t)
	}
	return u.want.Seq, out
}

// wanted is the digest that the assignment has for a slot; u.mu is held.
func (u *updater) wanted(slot string) string {
	for _, i := range u.want.Items {
		if i.Slot == slot {
			return i.SHA256
		}
	}
	return ""
}
