package controller

import (
	"container/heap"
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// herd is a fleet of scripted devices that many releases pass through, one
// after the other (simulation level L2). A tenth of them is offline and comes
// within a day, a twentieth never comes, a tenth takes up to 50 minutes. Where a
// wave is of such as never come, a person promotes it.
type herd struct {
	*stage
	rng            *rand.Rand
	ids            []string
	oldSHA, newSHA string
	share          float64 // of the devices that fail
}

func newHerd(t *testing.T, n int, seed uint64) *herd {
	s, oldSHA, newSHA := newStage(t)
	h := &herd{stage: s, rng: rand.New(rand.NewPCG(seed, uint64(n))), oldSHA: oldSHA, newSHA: newSHA}
	s.store.db.SetMaxOpenConns(1)
	_, err := s.store.db.Exec(`PRAGMA synchronous = OFF`) // nobody pulls the plug here
	s.must(err)
	for i := range n {
		h.ids = append(h.ids, fmt.Sprintf("d-%04d", i))
	}
	return h
}

// reset makes every device run the old bundle again, and leaves some offline.
func (h *herd) reset() (away map[string]time.Duration) {
	away = map[string]time.Duration{}
	h.must(h.store.tx(h.t.Context(), func(tx *sql.Tx) error {
		for _, table := range []string{"devices", "desired", "assigned", "assignments", "slots"} {
			if _, err := tx.Exec(`DELETE FROM ` + table); err != nil {
				return err
			}
		}
		for _, id := range h.ids {
			online := 1
			switch x := h.rng.Float64(); {
			case x < 0.05:
				away[id], online = -1, 0
			case x < 0.15:
				away[id], online = time.Duration(h.rng.Int64N(int64(24*time.Hour))), 0
			}
			if _, err := tx.Exec(`INSERT INTO devices (id, created, key_hash, serial, not_after, labels, online, since, seen) VALUES ($1, $2, '', '', 0, '{}', $3, $2, $4)`,
				id, ms(h.now), online, ms(h.now.Add(1000*time.Hour))); err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO slots (device, slot, loaded, active, refused, state, reason, n, updated) VALUES ($1, 'machine', $2, $2, '', 'good', '', 0, $3)`, id, h.oldSHA, ms(h.now)); err != nil {
				return err
			}
		}
		return nil
	}))
	return away
}

// moment is when a device says something.
type moment struct {
	at     time.Time
	device string
	says   string // hello, updating, decides
}

type moments []moment

func (m moments) Len() int           { return len(m) }
func (m moments) Less(i, j int) bool { return m[i].at.Before(m[j].at) }
func (m moments) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *moments) Push(x any)        { *m = append(*m, x.(moment)) }
func (m *moments) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}

// release brings a bundle that fails on h.share of the devices to all of them,
// and returns how that ended: done, aborted or asked, and the failures by then.
func (h *herd) release() (end string, failures int) {
	ctx := h.t.Context()
	away := h.reset()
	var next moments
	for id, at := range away {
		if at >= 0 {
			heap.Push(&next, moment{h.now.Add(at), id, "hello"})
		}
	}
	a, err := h.Assign(ctx, "test", AssignmentOptions{Target: "models/machine/1.1.0.dunlin", Waves: []Wave{{Percent: 1}, {Percent: 5}, {Percent: 20}, {Percent: 50}, {Percent: 100}}})
	h.must(err)
	heard := map[string]bool{}
	for h.must(h.tick(ctx)); ; h.must(h.tick(ctx)) {
		a, err = h.Assignment(ctx, a.ID)
		h.must(err)
		reached := a.Wave == len(a.Waves)-1 && len(next) == 0 && strings.HasPrefix(a.Reason, "all that could")
		switch {
		case a.State == "paused":
			return "asked", a.Devices["failed"]
		case a.State == "done" || reached:
			return "done", a.Devices["failed"]
		case a.State != "running":
			return a.State, a.Devices["failed"]
		}
		if len(next) == 0 && strings.HasPrefix(a.Reason, "no device of this wave") { // and none will be
			_, err := h.Steer(ctx, "test", a.ID, "promote")
			h.must(err)
			continue
		}
		h.hearOf(a.ID, heard, away, &next)
		h.now = h.now.Add(10 * time.Minute)
		var said []message
		for len(next) > 0 && !next[0].at.After(h.now) {
			m := heap.Pop(&next).(moment)
			said = append(said, h.voice(m, away)...)
		}
		if len(said) > 0 {
			_, err := h.commit(ctx, said)
			h.must(err)
		}
	}
}

// hearOf draws what the devices that were told will do.
func (h *herd) hearOf(id string, heard map[string]bool, away map[string]time.Duration, next *moments) {
	rows, err := h.store.db.Query(`SELECT device FROM assigned WHERE assignment = $1 AND state = 'sent' ORDER BY device`, id)
	h.must(err)
	defer rows.Close()
	for rows.Next() {
		var device string
		h.must(rows.Scan(&device))
		if _, gone := away[device]; gone || heard[device] {
			continue
		}
		heard[device] = true
		takes := time.Minute + time.Duration(h.rng.Int64N(int64(9*time.Minute)))
		if h.rng.Float64() < 0.1 {
			takes = 10*time.Minute + time.Duration(h.rng.Int64N(int64(40*time.Minute)))
		}
		heap.Push(next, moment{h.now, device, "updating"})
		heap.Push(next, moment{h.now.Add(takes), device, "decides"})
	}
	h.must(rows.Err())
}

func (h *herd) voice(m moment, away map[string]time.Duration) []message {
	a := &actor{id: m.device}
	if m.says == "hello" {
		delete(away, m.device)
		return []message{say(a, fleet.TopicHello, fleet.Hello{Boot: actorBoot, Conn: 1})}
	}
	d, err := h.desired(h.t.Context(), m.device)
	h.must(err)
	slot := fleet.SlotReported{Slot: "machine", State: "trial", Active: h.oldSHA}
	switch {
	case m.says == "updating":
	case h.rng.Float64() < h.share:
		slot.Refused, slot.Reason = h.newSHA, "golden sample 0 differs"
	default:
		slot.Active = h.newSHA
	}
	slot.Loaded = slot.Active
	return []message{say(a, fleet.TopicReported, fleet.Reported{Seq: d.Seq, Slots: []fleet.SlotReported{slot}})}
}

// tellsApart holds what was aborted of runs good and as many bad releases
// against the bars: below 1 %, above 94 %. Of fewer than a thousand, chance alone
// takes a gate that meets them over one of the bars; three standard deviations
// are allowed for it, and one good release.
func tellsApart(good, bad, runs int) bool {
	most, least := 0.01*float64(runs), 0.94*float64(runs)
	if runs < 1000 {
		most += 1 + 3*math.Sqrt(0.01*0.99*float64(runs))
		least -= 3 * math.Sqrt(0.94*0.06*float64(runs))
	}
	return float64(good) < most && float64(bad) > least
}

// TestReleases sends good and bad releases through the real executor. With
// DUNLIN_RELEASES, so many of each to every size of fleet.
func TestReleases(t *testing.T) {
	const good, bad = 0.01, 0.05
	for _, n := range []int{10, 40, 2000} {
		runs := map[int]int{10: 20, 40: 20, 2000: 2}[n]
		more, err := strconv.Atoi(os.Getenv("DUNLIN_RELEASES"))
		if err == nil {
			runs = more
		}
		t.Run(fmt.Sprintf("%d devices", n), func(t *testing.T) {
			t.Parallel()
			h := newHerd(t, n, 7)
			ends := map[float64]map[string]int{}
			for _, p := range []float64{good, bad} {
				ends[p] = map[string]int{}
				h.share = p
				for range runs {
					end, failures := h.release()
					ends[p][end]++
					// One failure of the last wave leaves nothing to ask about.
					rule := failures == 0 && end == "done" || failures == 1 && end != "aborted" || failures > 1 && end == "aborted"
					if n < smallFleet && !rule {
						t.Errorf("%d devices, %d failures: %s", n, failures, end)
					}
				}
			}
			t.Logf("%d devices, %d releases each: 1 %% failures: %v; 5 %%: %v", n, runs, ends[good], ends[bad])
			if n >= smallFleet && !tellsApart(ends[good]["aborted"], ends[bad]["aborted"], runs) {
				t.Error("the gate does not tell them apart")
			}
		})
	}
}
