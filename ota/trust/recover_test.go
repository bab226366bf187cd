package trust_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/ota/release"
)

// TestFastForwardRecovery: who stole the timestamp key raises its version so
// far that no honest one would be accepted again; a new key that the holders
// give the role starts it anew.
func TestFastForwardRecovery(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	d := w.device()
	d.has(v1)
	stolen := w.copy()
	thief, err := release.Open(stolen, func() time.Time { return w.now })
	w.must(err)
	w.must(thief.SignTimestampAbove(w.ring("online"), 1<<31))
	d.from = stolen
	d.has(v1)
	d.from = w.dir
	d.refused(v1, "the honest timestamp after 2^31")
	next := filepath.Join(w.keys, "next")
	w.must(release.RoleKeys(next, release.Timestamp, false))
	fresh, err := release.ReadKey(filepath.Join(next, "online", "timestamp.key"))
	w.must(err)
	w.must(w.repo.Rotate(w.ring(), release.Timestamp, fresh.Public()))
	d.has(v1)
	w.publish2(v2, "two", fresh)
	d.has(v2)
	d.from = stolen
	d.refused(v1, "the thief's, under the old key")
}

// publish2 releases a model with a timestamp key of its own.
func (w *world) publish2(path, contents string, stamp *release.Key) {
	w.t.Helper()
	w.must(w.repo.Publish(append(w.ring("holder-1", "holder-3", "release"), stamp), w.artifact(path, contents, 0)))
}

// TestClockStepsBack while the device runs: what was valid stays so, and
// nothing that was refused passes.
func TestClockStepsBack(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	d := w.device()
	s := d.boot()
	w.must(s.Refresh(context.Background()))
	w.must(s.AdvanceTime(w.now))
	w.must(s.AcceptSeq(7))
	d.clock = func() (time.Time, bool) { return day0.Add(-time.Hour), true }
	if _, err := s.Target(context.Background(), v1); err != nil {
		t.Errorf("an hour back: %v", err)
	}
	if s.AcceptSeq(7) == nil {
		t.Error("an assignment came twice")
	}
	w.must(s.AcceptSeq(8))
	w.now = day0.Add(release.TimestampValidity)
	w.must(s.AdvanceTime(w.now))
	if _, err := s.Target(context.Background(), v1); err == nil {
		t.Error("expired by what verified sources told, and allowed by a clock that went back")
	}
}

// TestRoleNamesStayInside: whatever a delegated role is called, its cache is a
// file of the device's own folder.
func TestRoleNamesStayInside(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	names := []string{"../../evil", "..", "a/../../b", "%2e%2e%2fevil", "nul\x00name", "/etc/passwd", `..\evil`}
	for i, name := range names {
		d := w.device()
		d.from = w.copy()
		delegateTo(t, d.from, w.ring(), name)
		d.state = filepath.Join(t.TempDir(), "deep", "down")
		outside := filepath.Dir(filepath.Dir(d.state))
		_, _ = d.find("extra/file") // found or not
		err := filepath.WalkDir(outside, func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() && !strings.HasPrefix(path, d.state+string(filepath.Separator)) {
				t.Errorf("name %d %q wrote %s", i, name, path)
			}
			return err
		})
		w.must(err)
	}
}
