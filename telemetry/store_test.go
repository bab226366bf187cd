package telemetry

import (
	"bytes"
	"errors"
	"fmt"
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
			os.Exit(CheckDamaged)
		}
		os.Exit(1)
	}
	if len(os.Args) == 3 && os.Args[1] == "work" {
		work(os.Args[2])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// work writes, acks, closes and opens, and tells on standard output what it
// was promised: epoch, numbers sealed, numbers acked. The crash test traces it.
func work(path string) {
	cfg := Config{Path: path, Identity: "dev-1", MaxBytes: minBytes, Check: Check}
	var next, hi uint64
	for run := range uint64(4) {
		s, err := openStore(cfg)
		if err != nil {
			panic(err)
		}
		for i := range uint64(12) {
			b := batch{}
			for k := range uint64(3) {
				b.chunks = append(b.chunks, sample(Kind(k), 20, run*100+i*10+k))
			}
			if i%3 == 2 {
				hi = next - 60
				b.acks = []Ack{{Epoch: s.epoch, Hi: hi}}
			}
			if err := s.write(b); err != nil {
				panic(err)
			}
			next += 60
			fmt.Fprintf(os.Stdout, "%d %d %d\n", s.epoch, next, hi)
		}
		if err := s.close(); err != nil {
			panic(err)
		}
	}
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

// number is one number of an epoch's sequence.
type number struct {
	epoch uint32
	seq   uint64
}

// model is what the store should hold, number by number.
type model struct {
	waiting map[number]Kind
	gaps    map[number]Reason // dropped and not yet declared
	all     map[uint32]*Counters
}

func newModel() *model {
	return &model{map[number]Kind{}, map[number]Reason{}, map[uint32]*Counters{}}
}

// scan reads the whole store, without its counters.
func scan(t testing.TB, s *store) (map[number]Kind, map[number]Reason) {
	t.Helper()
	waiting, gaps := map[number]Kind{}, map[number]Reason{}
	found, err := s.pending(1<<30, head{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		c, err := Decode(f.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range c.Gaps {
			for n := g.First; n < g.End(); n++ {
				gaps[number{c.Epoch, n}] = g.Reason
			}
		}
		for n := f.First; f.Kind != KindGap && n < f.End(); n++ {
			if _, twice := waiting[number{c.Epoch, n}]; twice {
				t.Fatalf("number %d waits twice", n)
			}
			waiting[number{c.Epoch, n}] = f.Kind
		}
	}
	return waiting, gaps
}

// compare checks the store against the model, after taking over what the
// store chose to drop, if it was right to.
func (m *model) compare(t testing.TB, s *store) {
	t.Helper()
	waiting, gaps := scan(t, s)
	lowest := Kind(0)
	for _, k := range waiting {
		lowest = max(lowest, k)
	}
	for n, k := range m.waiting {
		if _, there := waiting[n]; there {
			continue
		}
		if gaps[n] != ReasonFull {
			t.Fatalf("number %v (%v) vanished without a gap", n, k)
		}
		if k < lowest {
			t.Fatalf("a number of kind %v was dropped while %v waits", k, lowest)
		}
		for o, other := range waiting {
			if other == k && (o.epoch < n.epoch || o.epoch == n.epoch && o.seq < n.seq) {
				t.Fatalf("number %v was dropped while the older %v waits", n, o)
			}
		}
		m.fall(n, ReasonFull)
	}
	if len(waiting) != len(m.waiting) || len(gaps) != len(m.gaps) {
		t.Fatalf("%d wait, %d in gaps; want %d, %d", len(waiting), len(gaps), len(m.waiting), len(m.gaps))
	}
	for n, k := range waiting {
		if m.waiting[n] != k {
			t.Fatalf("number %v is %v, want %v", n, k, m.waiting[n])
		}
	}
	for n, why := range gaps {
		if m.gaps[n] != why {
			t.Fatalf("gap %v is %v, want %v", n, why, m.gaps[n])
		}
	}
	a, err := s.account()
	if err != nil {
		t.Fatal(err)
	}
	for epoch, got := range a.Epochs {
		if want := m.all[epoch]; want == nil || got != *want {
			t.Fatalf("epoch %d: counters %+v, want %+v", epoch, got, want)
		}
		sum := got.Delivered + got.Waiting
		for _, n := range got.Dropped {
			sum += n
		}
		if sum != got.Next {
			t.Fatalf("epoch %d: %d accounted of %d", epoch, sum, got.Next)
		}
	}
}

func (m *model) fall(n number, why Reason) {
	delete(m.waiting, n)
	m.gaps[n] = why
	m.all[n.epoch].Waiting--
	m.all[n.epoch].Dropped[why]++
}

func (m *model) give(epoch uint32, n int, kind Kind) {
	c := m.all[epoch]
	for range n {
		m.waiting[number{epoch, c.Next}] = kind
		c.Next++
		c.Waiting++
	}
}

func (m *model) lose(epoch uint32, n int, why Reason) {
	m.give(epoch, n, KindCapture)
	for i := range n {
		m.fall(number{epoch, m.all[epoch].Next - uint64(n-i)}, why)
	}
}

// ack applies an ack that covers whole chunks or parts of gaps only.
func (m *model) ack(a Ack) {
	in := func(seq uint64) bool {
		ok := seq < a.Hi
		for _, r := range a.Ranges {
			ok = ok || seq >= r.First && seq < r.End()
		}
		return ok
	}
	for n := range m.waiting {
		if n.epoch == a.Epoch && in(n.seq) {
			delete(m.waiting, n)
			m.all[n.epoch].Waiting--
			m.all[n.epoch].Delivered++
		}
	}
	for n := range m.gaps {
		if n.epoch == a.Epoch && in(n.seq) {
			delete(m.gaps, n)
		}
	}
}

// randomAck commits some of what waits, in whole chunks.
func randomAck(t testing.TB, s *store, r *rand.Rand) (Ack, bool) {
	found, err := s.pending(1<<30, head{}, func(Sealed) bool { return r.IntN(3) == 0 })
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		return Ack{}, false
	}
	pick := found[r.IntN(len(found))].Epoch
	have := map[uint64]Range{}
	var top uint64
	for _, f := range found {
		if f.Epoch != pick {
			continue
		}
		c, _ := Decode(f.Data)
		for _, g := range c.Gaps {
			g.Count = 1 + r.Uint64N(g.Count) // a part: the gap grew since it was sent
			have[g.First] = g.Range
		}
		if f.Kind != KindGap {
			have[f.First] = f.Range
		}
		top = max(top, f.End())
	}
	a := Ack{Epoch: pick}
	for n := uint64(0); n < top && len(a.Ranges) < maxRanges; {
		g, ok := have[n]
		if !ok {
			n++
			continue
		}
		if g.First == a.Hi {
			a.Hi = g.End()
		} else {
			a.Ranges = append(a.Ranges, g)
		}
		n = g.End()
	}
	return a, true
}

func copyFile(t testing.TB, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(path, path+".original"), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// TestModel runs random operations against a model that knows every number.
func TestModel(t *testing.T) {
	full := uint64(0)
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 9))
		cfg := testConfig(t)
		cfg.MaxBytes = 512 << 10
		s, m := mustOpen(t, cfg, "new"), newModel()
		m.all[s.epoch] = new(Counters)
		for range 300 {
			switch op := r.IntN(20); {
			case op < 13:
				b := batch{lost: uint64(r.IntN(4) / 3 * r.IntN(100))}
				for range 1 + r.IntN(14) {
					c := sample(Kind(r.IntN(stored)), 1+r.IntN(90), r.Uint64())
					b.chunks = append(b.chunks, c)
				}
				if err := s.write(b); err != nil {
					t.Fatal(err)
				}
				for _, c := range b.chunks {
					m.give(s.epoch, c.n, c.kind)
				}
				m.lose(s.epoch, int(b.lost), ReasonOverrun)
			case op < 16 && r.IntN(3) == 0:
				a, ok := randomAck(t, s, r)
				if !ok {
					break
				}
				if err := errors.Join(s.check(a), s.write(batch{acks: []Ack{a}})); err != nil {
					t.Fatal(err)
				}
				m.ack(a)
			case op == 16:
				if err := s.close(); err != nil {
					t.Fatal(err)
				}
				s = mustOpen(t, cfg, "clean")
			case op == 17:
				s.crash(t)
				s = mustOpen(t, cfg, "unclean")
				m.lose(s.epoch, 1, ReasonUnclean)
			case op == 18 && r.IntN(4) == 0:
				if err := s.close(); err != nil {
					t.Fatal(err)
				}
				copyFile(t, cfg.Path)
				old := s.epoch
				s = mustOpen(t, cfg, "copied")
				if s.epoch <= old {
					t.Fatalf("epoch %d after %d", s.epoch, old)
				}
				m.all[s.epoch] = new(Counters)
			case op == 19:
				a := Ack{Epoch: s.epoch, Hi: m.all[s.epoch].Next + 1}
				if err := s.check(a); !errors.Is(err, ErrAck) {
					t.Fatalf("ack of numbers never given out: %v", err)
				}
				if err := s.write(batch{acks: []Ack{a}}); err != nil {
					t.Fatal(err)
				}
			}
			m.compare(t, s)
		}
		for _, c := range m.all {
			full += c.Dropped[ReasonFull]
		}
		info, err := os.Stat(cfg.Path)
		if err != nil || info.Size() > cfg.MaxBytes {
			t.Fatalf("file of %d bytes, cap %d: %v", info.Size(), cfg.MaxBytes, err)
		}
	}
	if full == 0 {
		t.Error("no run reached the cap")
	}
	t.Logf("%d numbers dropped at the cap", full)
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
		if err := s.check(a); !errors.Is(err, ErrAck) {
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
		if _, err := s.pending(1<<20, head{}, nil); err != nil {
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
			if c.Next != c.Delivered+c.Waiting+c.Dropped[ReasonDamaged]+c.Dropped[ReasonUnclean] {
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
	if found, err := s.pending(9, head{}, nil); err != nil || len(found) != 0 {
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
	if _, gaps := scan(t, s); len(gaps) != 10 || gaps[number{s.epoch, 0}] != ReasonDamaged {
		t.Errorf("gaps %v, want 10 damaged", gaps)
	}
}
