package agent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota"
	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/ota/release"
)

// newUpdates is the updates of a device of fleet "north" with an empty
// repository.
func newUpdates(t *testing.T) *updater {
	t.Helper()
	keyDir, repoDir := t.TempDir(), filepath.Join(t.TempDir(), "repo")
	err := release.Ceremony(keyDir, true)
	var keys []*release.Key
	if err == nil {
		keys, err = release.ReadKeys(keyDir)
	}
	var repo *release.Repo
	if err == nil {
		repo, err = release.Create(repoDir, keys, time.Now)
	}
	if err != nil {
		t.Fatal(err)
	}
	root, err := repo.RootJSON()
	if err != nil {
		t.Fatal(err)
	}
	src, err := fetch.OpenDir(repoDir)
	if err != nil {
		t.Fatal(err)
	}
	u := &updater{fleet: "north", log: slog.New(slog.DiscardHandler), wake: make(chan struct{}, 1), report: func() {}, slots: map[string]*slotState{}, now: func() (time.Time, bool) { return time.Now(), true }}
	u.client, err = ota.Open(ota.Config{Dir: t.TempDir(), Root: root, Source: src, Clock: u.now,
		Trial: func(context.Context, ota.Candidate) (ota.Verdict, error) { return ota.Verdict{Good: true}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.client.Close(); src.Close() })
	return u
}

func assigned(n uint32) fleet.Desired {
	return fleet.Desired{Device: "pi-1", Fleet: "north", Seq: fleet.Seq{Term: 1, N: n}, NotAfter: time.Now().Add(time.Hour).UTC().Truncate(time.Second),
		Items: []fleet.Item{{Slot: "machine", Target: "models/machine/1.0.0.dunlin", Length: 1, SHA256: strings.Repeat("0", 64)}}}
}

// TestAcceptedAssignmentIsTold: the fleet hears of it before anything is
// fetched, so that a device whose line gives nothing can be timed.
func TestAcceptedAssignmentIsTold(t *testing.T) {
	u, told := newUpdates(t), 0
	u.report = func() { told++ }
	if err := u.accept(assigned(1)); err != nil || told != 1 {
		t.Errorf("%v, told %d times", err, told)
	}
	if err := u.accept(assigned(1)); err != nil || told != 1 {
		t.Errorf("a repetition: %v, told %d times", err, told)
	}
}

// TestAssignmentOfAnotherFleet is refused and raises no floor, and so is one
// that was replayed.
func TestAssignmentOfAnotherFleet(t *testing.T) {
	u := newUpdates(t)
	foreign := assigned(9)
	foreign.Fleet = "south"
	if err := u.accept(foreign); err == nil {
		t.Error("another fleet's")
	}
	if err := u.accept(assigned(2)); err != nil {
		t.Fatal(err)
	}
	if err := u.accept(assigned(1)); !errors.Is(err, ota.ErrReplay) {
		t.Errorf("an older one: %v", err)
	}
	if got := u.Seq(); got.N != 2 {
		t.Errorf("it works towards %s", got)
	}
}

// TestExpiredAssignment: nothing of it begins, and the controller is asked for
// a newer one.
func TestExpiredAssignment(t *testing.T) {
	u := newUpdates(t)
	d := assigned(1)
	if err := u.accept(d); err != nil {
		t.Fatal(err)
	}
	u.now = func() (time.Time, bool) { return d.NotAfter.Add(time.Second), true }
	if _, err := u.order(d, d.Items[0]); !errors.Is(err, errNotHere) {
		t.Errorf("%v", err)
	}
	if got := u.Seq(); got != (fleet.Seq{}) {
		t.Errorf("the controller hears of %s", got)
	}
	u.now = func() (time.Time, bool) { return time.Unix(0, 0), false } // a clock that was never set decides nothing
	if _, err := u.order(d, d.Items[0]); err != nil {
		t.Error(err)
	}
}

// TestAssignmentsRace: of assignments that come at once, in any order, the
// newest is worked towards, and stands on the disk.
func TestAssignmentsRace(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	u := newUpdates(t)
	const each = 8
	for round := range rounds {
		var all sync.WaitGroup
		for _, i := range rand.Perm(each) {
			all.Go(func() { u.Desire(assigned(uint32(round*each + i + 1))) })
		}
		all.Wait()
		want := uint32((round + 1) * each)
		if got := u.Seq().N; got != want {
			t.Fatalf("round %d: it works towards %d, want %d", round, got, want)
		}
		data, err := u.client.Assignment()
		var kept fleet.Desired
		if err == nil {
			err = json.Unmarshal(data, &kept)
		}
		if err != nil || kept.Seq.N != want {
			t.Fatalf("round %d: %s stands on the disk, %v", round, kept.Seq, err)
		}
	}
}
