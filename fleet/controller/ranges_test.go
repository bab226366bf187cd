package controller

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/dunlin-edge/dunlin/fleet"
)

// TestRanges commits the chunks of an epoch in random order, some twice, and
// compares with a plain set of numbers after every step.
func TestRanges(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var chunks []fleet.Range
		for next := uint64(0); len(chunks) < 60; {
			n := 1 + rng.Uint64N(9)
			chunks = append(chunks, fleet.Range{First: next, Count: n})
			next += n
		}
		order := append(rng.Perm(len(chunks)), rng.Perm(len(chunks))...)
		var c committed
		have := map[uint64]bool{}
		for _, i := range order {
			r := chunks[i]
			known, err := c.add(r)
			if err != nil || known != have[r.First] {
				t.Fatalf("seed %d, %+v: known %v, %v", seed, r, known, err)
			}
			for n := range r.Count {
				have[r.First+n] = true
			}
			same(t, &c, have, chunks[len(chunks)-1].First+20)
		}
		if len(c.Rest) != 0 {
			t.Fatalf("seed %d: %+v is left", seed, c.Rest)
		}
	}
}

func same(t *testing.T, c *committed, have map[uint64]bool, end uint64) {
	t.Helper()
	got := map[uint64]bool{}
	for n := range c.Hi {
		got[n] = true
	}
	at := c.Hi
	for _, r := range c.Rest {
		if r.First <= at || r.Count == 0 {
			t.Fatalf("ranges touch, overlap or fall: hi %d, %+v", c.Hi, c.Rest)
		}
		at = r.First + r.Count
		for n := range r.Count {
			got[r.First+n] = true
		}
	}
	for n := range end {
		if got[n] != have[n] {
			t.Fatalf("number %d: committed %v, want %v; hi %d, %+v", n, got[n], have[n], c.Hi, c.Rest)
		}
	}
}

// TestOverlap: a chunk that is partly committed comes from a copied identity.
func TestOverlap(t *testing.T) {
	c := committed{Hi: 10, Rest: []fleet.Range{{First: 20, Count: 10}, {First: 40, Count: 10}}}
	for _, r := range []fleet.Range{{First: 5, Count: 10}, {First: 15, Count: 10}, {First: 25, Count: 10}, {First: 15, Count: 30}, {First: 20, Count: 30}} {
		if _, err := c.add(r); !errors.Is(err, errOverlap) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	for _, r := range []fleet.Range{{First: 11, Count: 0}, {First: 1 << 63, Count: 1 << 63}, {First: 1<<64 - 1, Count: 2}} {
		if _, err := c.add(r); err == nil {
			t.Errorf("%+v: accepted", r)
		}
	}
	for _, r := range []fleet.Range{{First: 0, Count: 10}, {First: 22, Count: 3}, {First: 40, Count: 10}} {
		if known, err := c.add(r); !known || err != nil {
			t.Errorf("%+v: known %v, %v", r, known, err)
		}
	}
}

// TestDeliveredIsKept: the transaction that keeps chunks counts their records,
// once. What a controller of the version before left uncounted is counted again.
func TestDeliveredIsKept(t *testing.T) {
	s, _, _ := newStage(t)
	s.addDevice("d-1")
	chunks := chunksOf(t)
	for range 2 { // the second time all of them are known
		for _, c := range chunks {
			_, err := s.commit(t.Context(), []message{{device: "d-1", name: fleet.TopicUp, payload: c.Data}, {device: "d-1", name: fleet.TopicUp, payload: c.Data}})
			s.must(err)
		}
	}
	sums := func() (kept, counted uint64) {
		t.Helper()
		s.must(s.store.db.QueryRow(`SELECT sum(delivered), (SELECT sum(count) FROM chunks) FROM ranges`).Scan(&kept, &counted))
		return kept, counted
	}
	kept, counted := sums()
	if kept == 0 || kept != counted {
		t.Fatalf("%d records are kept count of, there are %d", kept, counted)
	}
	_, err := s.store.db.Exec(`UPDATE ranges SET delivered = delivered - 1`)
	s.must(err)
	all, err := s.Ledgers(t.Context(), "d-1")
	s.must(err)
	n := uint64(0)
	for _, l := range all {
		n += l.Delivered
	}
	if kept, _ = sums(); n != counted || kept != counted {
		t.Errorf("counted again it is %d, and %d are kept, want %d", n, kept, counted)
	}
}
