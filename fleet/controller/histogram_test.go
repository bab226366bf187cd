package controller

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/drift"
)

// windowsOf are chunks of a real store with windows of histograms, in which
// scores lie around a place.
func windowsOf(t *testing.T, id string, model [32]byte, around float32, windows int) (all []telemetry.Sealed) {
	t.Helper()
	l, err := telemetry.New(telemetry.Config{Path: t.TempDir() + "/t.db", Identity: id, Clock: wall{}, Check: telemetry.Check})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	rng := rand.New(rand.NewPCG(uint64(len(id)), uint64(id[len(id)-1])))
	for range windows {
		p := emptyProfile()
		for range 600 {
			p.Add(&drift.Sample{Score: around + 0.2*(rng.Float32()-0.5), Class: rng.IntN(2), Latency: time.Millisecond})
		}
		w := drift.Window{Pipeline: "machine", Model: model, Profile: p}
		l.Event(telemetry.Event{Code: telemetry.EventProfile, Text: string(w.Encode())})
	}
	l.Event(telemetry.Event{Code: telemetry.EventProfile, Text: "no window"})
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if all, err = l.Pending(100, telemetry.KindGap, nil); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDriftByCohort: windows are added up once, by bundle and board, compared
// with the bundle's reference, and the device that differs is named.
func TestDriftByCohort(t *testing.T) {
	s, oldSHA, _ := newStage(t)
	ctx := t.Context()
	s.now = time.Now()
	var model [32]byte
	_, err := hex.Decode(model[:], []byte(oldSHA))
	s.must(err)
	for i := range 8 {
		id := fmt.Sprintf("d-%d", i)
		s.addDevice(id)
		board := "Pi 5"
		if i == 7 {
			board = "Pi 4"
		}
		_, err := s.commit(ctx, []message{say(&actor{id: id}, fleet.TopicReported, fleet.Reported{Version: "v1", Board: fleet.Board{Model: board}})})
		s.must(err)
		around := float32(0.9)
		if i == 3 {
			around = 0.3
		}
		for _, c := range windowsOf(t, id, model, around, 3) {
			m := message{device: id, name: fleet.TopicUp, payload: c.Data}
			_, err := s.commit(ctx, []message{m, m}) // repeated: counts once
			s.must(err)
		}
	}
	all, err := s.Drift(ctx, "", 2)
	s.must(err)
	if len(all) != 2 || all[0].Board != "Pi 4" || all[1].Devices != 7 || all[1].Decisions != 7*3*600 || all[1].Bundle != "machine@1.0.0" {
		t.Fatalf("%+v", all)
	}
	if x := all[1].Outliers; len(x) != 1 || x[0].Device != "d-3" || x[0].Feature != "score" {
		t.Errorf("%+v", x)
	}
	scores := all[1].Features[drift.Score]
	if sumOf(scores.Counts) != all[1].Decisions || scores.Level == "unknown" || len(scores.Reference) != len(scores.Counts) {
		t.Errorf("%+v", scores)
	}
	if one, err := s.Drift(ctx, "d-3", 2); err != nil || len(one) != 1 || one[0].Devices != 1 || one[0].Decisions != 3*600 || one[0].Features[drift.Score].PSI <= scores.PSI {
		t.Errorf("the one that differs: %+v, %v", one, err)
	}
	if later, err := s.Drift(ctx, "", 1); err != nil || len(later) == 0 {
		t.Errorf("today: %v, %v", later, err)
	}
	s.now = s.now.Add(100 * 24 * time.Hour)
	_, err = s.expireOnce(ctx)
	s.must(err)
	if gone, err := s.Drift(ctx, "", 366); err != nil || len(gone) != 0 {
		t.Errorf("after its time: %v, %v", gone, err)
	}
}
