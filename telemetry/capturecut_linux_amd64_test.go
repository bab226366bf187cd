package telemetry

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/ota/powercut"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

// lostCaptures opens what a power cut left, and tells which promise it breaks.
func lostCaptures(dir string, promised []string) error {
	s := capture.New(capture.Config{Dir: dir})
	if err := s.Sweep(); err != nil {
		return err
	}
	all, err := s.List()
	if err != nil {
		return err
	}
	var have []string
	for _, e := range all {
		if _, err := s.Load(e); err != nil {
			return err
		}
		have = append(have, e.ID)
	}
	for _, id := range promised {
		if !slices.Contains(have, id) {
			return fmt.Errorf("capture %.8s is gone", id)
		}
	}
	return nil
}

// captureCuts cuts the power at every operation. It returns how many states it
// tried and the first that breaks a promise.
func captureCuts(t *testing.T, ops []powercut.Op, skip func(powercut.Op) bool) (tried int, err error) {
	d := &disk{files: map[int][]byte{}, names: map[string]int{}}
	var promised []string
	for i, o := range ops {
		if o.What == "mark" {
			promised = append(promised, strings.TrimSpace(o.Path))
		}
		d.apply(o, skip)
		for links := range len(d.links) + 1 {
			for mask := range 1 << min(len(d.loose), 3) {
				for _, torn := range []int{-1, 512} {
					dir := t.TempDir()
					d.leave(t, dir, func(k int) bool { return mask>>k&1 == 1 }, torn, links)
					tried++
					if err := lostCaptures(dir, promised); err != nil {
						return tried, fmt.Errorf("power cut after operation %d of %d (%s): %w", i, len(ops), o.What, err)
					}
				}
			}
		}
	}
	return tried, nil
}

// TestCapturePowerCut: a capture that was promised is there and whole after a
// power cut at any moment, none ever is there in part, and without either of
// the two syncs some cut breaks that.
func TestCapturePowerCut(t *testing.T) {
	dir := t.TempDir()
	ops, _ := powercut.Trace(t, dir, 0, "capture", dir)
	tried, err := captureCuts(t, ops, func(powercut.Op) bool { return false })
	if err != nil || tried < 50 {
		t.Fatalf("%d states: %v", tried, err)
	}
	t.Logf("%d operations, %d states after a power cut", len(ops), tried)
	for name, skip := range map[string]func(powercut.Op) bool{
		"file":   func(o powercut.Op) bool { return o.File != 0 },
		"folder": func(o powercut.Op) bool { return o.File == 0 },
	} {
		if tried, err := captureCuts(t, ops, skip); err == nil {
			t.Errorf("without the sync of the %s no promise is broken in %d states", name, tried)
		} else {
			t.Logf("without the sync of the %s: %v", name, err)
		}
	}
}
