package telemetry

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// fakeClock is set by hand.
type fakeClock struct {
	mono   time.Duration
	offset time.Duration
	synced bool
}

func (c *fakeClock) Mono() time.Duration { return c.mono }
func (c *fakeClock) Wall() (time.Time, bool) {
	return time.Unix(0, 0).Add(c.mono + c.offset), c.synced
}

// TestMain is also the child process that checks a store.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "check" {
		err := Check(os.Args[2])
		switch {
		case err == nil:
			os.Exit(0)
		case errors.Is(err, ErrDamaged):
			os.Exit(3)
		}
		os.Exit(1)
	}
	if len(os.Args) == 3 && os.Args[1] == "work" {
		work(os.Args[2])
		os.Exit(0)
	}
	if len(os.Args) == 3 && os.Args[1] == "capture" {
		captureSome(os.Args[2])
		os.Exit(0)
	}
	if len(os.Args) == 3 && os.Args[1] == "endless" {
		endless(os.Args[2])
	}
	os.Exit(m.Run())
}

func testConfig(t testing.TB) Config {
	cfg := Config{Path: filepath.Join(t.TempDir(), "t.db"), Identity: "dev-1", Clock: &fakeClock{}, MaxBytes: minBytes, Check: CheckIn("/proc/self/exe", "check")}
	if err := cfg.validate(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func mustOpen(t testing.TB, cfg Config, start string) *store {
	t.Helper()
	s, err := openStore(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if s.start != start {
		t.Fatalf("start is %q, want %q", s.start, start)
	}
	s.db.NoSync = true // what is durable is the crash test's business
	t.Cleanup(func() { s.close() })
	return s
}

// crash closes the file as a killed process leaves it.
func (s *store) crash(t testing.TB) {
	t.Helper()
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	s.db = nil
}

func TestAckRefuses(t *testing.T) {
	s := mustOpen(t, testConfig(t), "new")
	if err := s.write(batch{chunks: []*builder{sample(KindResult, 10, 1), sample(KindResult, 10, 2)}}); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]Ack{
		"another epoch": {Epoch: s.epoch + 1, Hi: 10},
		"beyond next":   {Epoch: s.epoch, Hi: 21},
		"range beyond":  {Epoch: s.epoch, Ranges: []Range{{15, 6}}},
		"wraps":         {Epoch: s.epoch, Ranges: []Range{{15, 1<<64 - 10}}},
		"overlap":       {Epoch: s.epoch, Hi: 5, Ranges: []Range{{4, 2}}},
		"falling":       {Epoch: s.epoch, Ranges: []Range{{8, 1}, {2, 1}}},
		"empty range":   {Epoch: s.epoch, Ranges: []Range{{8, 0}}},
		"many ranges":   {Epoch: s.epoch, Ranges: make([]Range, maxRanges+1)},
	} {
		if err := s.check(a); !errors.Is(err, errAck) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A chunk goes only when all of it is committed.
	for _, step := range []struct {
		ack  Ack
		left uint64
	}{{Ack{Epoch: s.epoch, Hi: 9}, 20}, {Ack{Epoch: s.epoch, Hi: 9, Ranges: []Range{{9, 3}}}, 10}, {Ack{Epoch: s.epoch, Hi: 20}, 0}} {
		if err := s.write(batch{acks: []Ack{step.ack}}); err != nil {
			t.Fatal(err)
		}
		if a, err := s.account(); err != nil || a.Epochs[s.epoch].Waiting != step.left {
			t.Errorf("after %+v: %+v, %v; want %d waiting", step.ack, a, err, step.left)
		}
	}
}

// filled returns the path of a closed store with some chunks in it.
func filled(t testing.TB) Config {
	cfg := testConfig(t)
	s := mustOpen(t, cfg, "new")
	for i := range uint64(20) {
		if err := s.write(batch{chunks: []*builder{sample(Kind(i%4), 50, i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestDamage: whatever happened to the file, the store opens, and either holds
// what it held or says that it does not.
func TestDamage(t *testing.T) {
	cfg := filled(t)
	good, err := os.ReadFile(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	starts := map[string]int{}
	try := func(name string, data []byte, want string) {
		if err := os.WriteFile(cfg.Path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openStore(cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer s.close()
		s.db.NoSync = true
		if want != "" && s.start != want {
			t.Errorf("%s: start is %q, want %q", name, s.start, want)
		}
		starts[s.start]++
		if _, err := s.pending(1<<20, KindCapture, head{}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.write(batch{chunks: []*builder{sample(KindEvent, 1, 1)}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		a, err := s.account()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, c := range a.Epochs {
			if c.Next != c.Delivered+c.Waiting+c.Dropped[reasonDamaged]+c.Dropped[reasonUnclean] {
				t.Errorf("%s: %+v does not add up", name, c)
			}
		}
	}
	try("zero length", nil, "damaged")
	try("one byte", []byte{1}, "damaged")
	try("text", bytes.Repeat([]byte("hello"), 10000), "damaged")
	for n := 0; n < len(good); n += pageSize {
		zeroed := bytes.Clone(good)
		clear(zeroed[n : n+pageSize])
		try("zeroed page", zeroed, "")
		if n >= 4*pageSize {
			try("truncated", good[:n], "")
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		noisy := bytes.Clone(good)
		noisy[r.IntN(len(noisy))] ^= byte(1 + r.IntN(255))
		try("changed byte", noisy, "")
	}
	t.Logf("starts: %v", starts)
	if starts["damaged"] < 10 {
		t.Error("hardly any damage was found")
	}
}

func TestForeign(t *testing.T) {
	cfg := filled(t)
	cfg.Identity = "dev-2"
	s := mustOpen(t, cfg, "foreign")
	if found, err := s.pending(9, KindCapture, head{}, nil); err != nil || len(found) != 0 {
		t.Errorf("%d chunks of another device, %v", len(found), err)
	}
	if _, err := os.Stat(cfg.Path + ".foreign"); err != nil {
		t.Error(err)
	}
}

// TestDamagedChunk: a chunk whose bytes changed is declared with its numbers.
func TestDamagedChunk(t *testing.T) {
	s := mustOpen(t, testConfig(t), "new")
	if err := s.write(batch{chunks: []*builder{sample(KindResult, 10, 1), sample(KindResult, 7, 2)}}); err != nil {
		t.Fatal(err)
	}
	err := s.db.Update(func(tx *bolt.Tx) error {
		q := tx.Bucket(bucketQueue(KindResult))
		k, v := q.Cursor().First()
		v = bytes.Clone(v)
		v[40] ^= 4
		return q.Put(bytes.Clone(k), v)
	})
	if err != nil {
		t.Fatal(err)
	}
	if waiting, _ := scan(t, s); len(waiting) != 7 {
		t.Errorf("%d wait, want 7", len(waiting))
	}
	if _, gaps := scan(t, s); len(gaps) != 10 || gaps[number{s.epoch, 0}] != reasonDamaged {
		t.Errorf("gaps %v, want 10 damaged", gaps)
	}
}
