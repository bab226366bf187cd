package trust_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

const v1, v2 = "models/kws/1.0.0.dunlin", "models/kws/2.0.0.dunlin"

func TestTargetIsWhatWasPublished(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 3)
	d := w.device()
	got, err := d.find(v1)
	w.must(err)
	if got.Length != 3 || got.Custom.SecurityEpoch != 3 || !strings.HasPrefix(got.Hex(), "7692c3ad") {
		t.Errorf("got %+v", got)
	}
	if _, err := d.find(v2); !errors.Is(err, trust.ErrNotAllowed) {
		t.Errorf("unpublished: %v", err)
	}
}

// damages are what flash does to a file.
var damages = map[string]func([]byte) []byte{
	"empty":      func([]byte) []byte { return nil },
	"half":       func(b []byte) []byte { return b[:len(b)/2] },
	"zeroed":     func(b []byte) []byte { return make([]byte, len(b)) },
	"other JSON": func([]byte) []byte { return []byte(`{"signed":{"_type":"root"},"signatures":[]}`) },
	"bit flip":   func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/3] ^= 4; return b },
}

// TestDamagedCacheHeals: every damage of every cached file is mended by the
// next refresh, and the floors hold before and after it.
func TestDamagedCacheHeals(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	old := w.copy()
	w.publish(v2, "two", 0)
	d := w.device()
	d.has(v2)
	for _, role := range []string{"root", "timestamp", "snapshot", "targets", "models"} {
		file := filepath.Join(d.state, "metadata", role+".json")
		good, err := os.ReadFile(file)
		w.must(err)
		for name, damage := range damages {
			w.must(os.WriteFile(file, damage(good), 0o600))
			d.from = old
			d.refused(v1, role+" "+name+", old repository")
			w.must(os.WriteFile(file, damage(good), 0o600))
			d.from = w.dir
			d.has(v2)
			if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, good) {
				t.Errorf("%s %s: not mended (%v)", role, name, err)
			}
		}
	}
}

// TestDamagedFloorsHold: no damage to one of the two files lowers a floor.
func TestDamagedFloorsHold(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	old := w.copy()
	w.publish(v2, "two", 0)
	d := w.device()
	d.has(v2)
	d.from = old
	for _, name := range []string{"floors.a", "floors.b"} {
		file := filepath.Join(d.state, name)
		good, err := os.ReadFile(file)
		w.must(err)
		for kind, damage := range damages {
			w.must(os.RemoveAll(filepath.Join(d.state, "metadata")))
			w.must(os.WriteFile(file, damage(good), 0o600))
			d.refused(v1, name+" "+kind)
		}
		w.must(os.WriteFile(file, good, 0o600))
	}
}

// TestOldRepositoryAfterWipe: everything but one file of floors is gone.
func TestOldRepositoryAfterWipe(t *testing.T) {
	for _, kept := range []string{"floors.a", "floors.b"} {
		w := newWorld(t)
		w.publish(v1, "one", 0)
		old := w.copy()
		w.publish(v2, "two", 0)
		d := w.device()
		d.has(v2)
		data, err := os.ReadFile(filepath.Join(d.state, kept))
		w.must(err)
		d.state = t.TempDir()
		w.must(os.WriteFile(filepath.Join(d.state, kept), data, 0o600))
		d.from = old
		d.refused(v1, "only "+kept+" left")
		d.from = w.dir
		d.has(v2)
	}
}

// TestLostFloorsAreTold: a device that forgot everything says so.
func TestLostFloorsAreTold(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	d := w.device()
	d.has(v1)
	if d.boot().Status().Lost {
		t.Error("lost, with floors in place")
	}
	w.must(os.Remove(filepath.Join(d.state, "floors.a")))
	w.must(os.Remove(filepath.Join(d.state, "floors.b")))
	if !d.boot().Status().Lost {
		t.Error("not told")
	}
	d.has(v1)
}

func TestRollbackAfterRestart(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	old := w.copy()
	w.publish(v2, "two", 0)
	d := w.device()
	d.has(v2)
	d.from = old
	d.refused(v1, "older repository")
}

// TestWithdrawnStaysAway: once seen, a withdrawal cannot be hidden, not even
// by who holds the timestamp key and every file ever published.
func TestWithdrawnStaysAway(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	thief := w.copy()
	d := w.device()
	d.has(v1)
	w.must(w.repo.Withdraw(w.ring(), v1))
	d.refused(v1, "withdrawn")
	repo, err := release.Open(thief, func() time.Time { return w.now })
	w.must(err)
	for range 5 {
		w.must(repo.SignTimestamp(w.ring("online")))
	}
	d.from = thief
	d.refused(v1, "stolen timestamp key brings the old snapshot back")
}

// TestStolenTimestampKeyFreezesAtMost: until the snapshot expires.
func TestStolenTimestampKeyFreezesAtMost(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	thief, err := release.Open(w.copy(), func() time.Time { return w.now })
	w.must(err)
	err = thief.Publish(w.ring("online"), w.artifact(v2, "evil", 0))
	if e := (*release.MissingKeysError)(nil); !errors.As(err, &e) {
		t.Errorf("published with the timestamp key: %v", err)
	}
	d := w.device()
	w.now = day0.Add(release.SnapshotValidity + day)
	w.must(w.repo.SignTimestamp(w.ring("online")))
	d.refused(v1, "frozen beyond the snapshot")
}

func TestFreezeIsTold(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	s := w.device().boot()
	w.must(s.Refresh(context.Background()))
	w.now = w.now.Add(release.TimestampValidity/2 - time.Hour)
	w.must(s.Refresh(context.Background()))
	if s.Status().Frozen {
		t.Error("frozen before half of the validity")
	}
	w.now = w.now.Add(2 * time.Hour)
	w.must(s.Refresh(context.Background()))
	if !s.Status().Frozen {
		t.Error("not told after half of the validity")
	}
	w.must(w.repo.SignTimestamp(w.ring("online")))
	w.must(s.Refresh(context.Background()))
	if s.Status().Frozen {
		t.Error("frozen after a new timestamp")
	}
}

// TestExpiredMetadataBlocksInstalls: also what was refreshed in time.
func TestExpiredMetadataBlocksInstalls(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	d := w.device()
	s := d.boot()
	w.must(s.Refresh(context.Background()))
	w.now = w.now.Add(release.TimestampValidity)
	if _, err := s.Target(context.Background(), v1); err == nil {
		t.Error("allowed at the moment of expiry")
	}
	d.refused(v1, "expired")
	w.must(w.repo.SignTimestamp(w.ring("online")))
	d.has(v1)
}

// TestClock1970: a clock that was never set cannot make old metadata fresh.
func TestClock1970(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	d := w.device()
	w.must(d.boot().AdvanceTime(day0.Add(30 * day)))
	d.clock = func() (time.Time, bool) { return time.Unix(0, 0), true }
	d.refused(v1, "expired by the floor")
	d.clock = func() (time.Time, bool) { return day0, false }
	d.refused(v1, "expired by the floor, clock unsynced")
}

// TestClockAhead: a clock 10 years ahead blocks installs while it lasts, and
// leaves no trace.
func TestClockAhead(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	d := w.device()
	good := d.clock
	d.clock = func() (time.Time, bool) { return day0.AddDate(10, 0, 0), true }
	d.refused(v1, "10 years ahead")
	d.clock = good
	d.has(v1)
}

// TestOneStolenKey: one of three holders, with the keys of release and
// controller on top, publishes nothing for any role.
func TestOneStolenKey(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	ring := w.ring("holder-2", "release", "online")
	var missing *release.MissingKeysError
	if err := w.repo.Publish(ring, w.artifact(v2, "evil", 0)); !errors.As(err, &missing) {
		t.Errorf("publish: %v", err)
	}
	d := w.device()
	d.has(v1)
	for _, role := range []string{"models", "targets", "root"} {
		forged := w.copy()
		forge(t, forged, role, ring)
		d := w.device()
		d.from = forged
		d.refused(v2, "forged "+role)
	}
}

// TestEveryRoleRotates on a running fleet: the device follows, the old keys
// sign nothing any more.
func TestEveryRoleRotates(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	d := w.device()
	d.has(v1)
	for i, role := range []string{"timestamp", "snapshot", "models", "agent", "targets", "root"} {
		next := filepath.Join(w.keys, "next", role)
		w.must(release.Ceremony(next, false))
		all, err := release.ReadKeys(next)
		w.must(err)
		var publics []crypto.PublicKey
		for _, k := range all {
			if k.Role == role {
				publics = append(publics, k.Public())
			}
		}
		before := w.ring("holder-1", "holder-2", "release", "online")
		w.must(w.repo.Rotate(w.ring(), role, publics...))
		d.has(v1)
		if role == "agent" || role == "root" {
			continue
		}
		path := fmt.Sprintf("models/kws/3.0.%d.dunlin", i)
		var missing *release.MissingKeysError
		if err := mustOpen(t, w).Publish(before, w.artifact(path, role, 0)); role != "targets" && !errors.As(err, &missing) {
			t.Errorf("%s: the old keys still publish: %v", role, err)
		}
	}
}

func mustOpen(t *testing.T, w *world) *release.Repo {
	t.Helper()
	r, err := release.Open(w.copy(), func() time.Time { return w.now })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestOffline18Months: four new roots later, the device catches up.
func TestOffline18Months(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	d := w.device()
	d.has(v1)
	for i := range 4 {
		w.now = w.now.Add(135 * day)
		next := filepath.Join(w.keys, fmt.Sprint("root-", i))
		w.must(release.Ceremony(next, false))
		all, err := release.ReadKeys(next)
		w.must(err)
		var publics []crypto.PublicKey
		for _, k := range all {
			if k.Role == "root" {
				publics = append(publics, k.Public())
			}
		}
		w.must(w.repo.Rotate(w.ring(), "root", publics...))
		w.publish(fmt.Sprintf("models/kws/2.%d.0.dunlin", i), "new", 0)
	}
	w.must(w.repo.Rotate(w.ring(), "targets", publicsOf(t, w, "targets")...))
	d.has("models/kws/2.3.0.dunlin")
	if v := d.boot().Status().Root; v != 6 {
		t.Errorf("root version %d", v)
	}
}

func publicsOf(t *testing.T, w *world, role string) (out []crypto.PublicKey) {
	t.Helper()
	keys, err := release.ReadKeys(filepath.Join(w.keys, "holder-1"), filepath.Join(w.keys, "holder-2"), filepath.Join(w.keys, "holder-3"))
	w.must(err)
	for _, k := range keys {
		if k.Role == role {
			out = append(out, k.Public())
		}
	}
	return out
}

// TestEndlessMetadata: no answer is read beyond its limit.
func TestEndlessMetadata(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 0)
	d := w.device()
	honest := d.fetch
	for _, name := range []string{"root", "timestamp", "snapshot", "targets"} {
		d := w.device()
		d.fetch = func(ctx context.Context, n string, limit int64) ([]byte, error) {
			if strings.Contains(n, name) {
				return make([]byte, limit+1), nil
			}
			return honest(ctx, n, limit)
		}
		d.refused(v1, "endless "+name)
	}
}

// TestEpochFloor: a signed but older security epoch is not installed again.
func TestEpochFloor(t *testing.T) {
	w := newWorld(t)
	w.publish(v1, "one", 1)
	w.publish(v2, "two", 2)
	d := w.device()
	w.must(d.boot().AcceptEpoch("kws", 2))
	d.refused(v1, "older epoch")
	d.has(v2)
}

// TestSeqReplay: a sequence number is accepted once, restarts included.
func TestSeqReplay(t *testing.T) {
	w := newWorld(t)
	d := w.device()
	w.must(d.boot().AcceptSeq(7))
	for _, seq := range []uint64{0, 6, 7} {
		if d.boot().AcceptSeq(seq) == nil {
			t.Errorf("%d accepted after 7", seq)
		}
	}
	w.must(d.boot().AcceptSeq(8))
}

// TestDevelopmentModeSaysSo in the metadata and the key files.
func TestDevelopmentModeSaysSo(t *testing.T) {
	keys := t.TempDir()
	if err := release.Ceremony(keys, true); err != nil {
		t.Fatal(err)
	}
	all, err := release.ReadKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "r")
	if _, err := release.Create(dir, all, time.Now); err != nil {
		t.Fatal(err)
	}
	r, err := release.Open(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Development() || newWorld(t).repo.Development() {
		t.Error("development mode is not told")
	}
}
