package telemetry

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"
)

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
	found, err := s.pending(1<<30, KindCapture, head{}, nil)
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
		if gaps[n] != reasonFull {
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
		m.fall(n, reasonFull)
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
	found, err := s.pending(1<<30, KindCapture, head{}, func(Sealed) bool { return r.IntN(3) == 0 })
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
				m.lose(s.epoch, int(b.lost), reasonOverrun)
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
				m.lose(s.epoch, 1, reasonUnclean)
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
				if err := s.check(a); !errors.Is(err, errAck) {
					t.Fatalf("ack of numbers never given out: %v", err)
				}
				if err := s.write(batch{acks: []Ack{a}}); err != nil {
					t.Fatal(err)
				}
			}
			m.compare(t, s)
		}
		for _, c := range m.all {
			full += c.Dropped[reasonFull]
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
