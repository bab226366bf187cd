//go:build load

package controller

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// crowd is many devices that do at once what they are told (simulation level
// L2: the database is real, broker and devices are not).
type crowd struct {
	*stage
	ids    []string
	newSHA string
	commit time.Duration // spent in ingest
}

func newCrowd(t *testing.T, n int) *crowd {
	s, oldSHA, newSHA := newStage(t)
	c := &crowd{stage: s, newSHA: newSHA}
	for i := range n {
		c.ids = append(c.ids, fmt.Sprintf("d-%06d", i))
	}
	for some := range slices.Chunk(c.ids, 5000) {
		s.must(s.store.tx(t.Context(), func(tx *sql.Tx) error {
			for i, id := range some {
				if _, err := tx.Exec(`INSERT INTO devices (id, created, key_hash, serial, not_after, labels) VALUES ($1, $2, '', '', 0, $3)`, id, ms(s.now), fmt.Sprintf(`{"site":"s%d"}`, i%50)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	var all []message
	for _, id := range c.ids {
		a := &actor{id: id}
		all = append(all, say(a, fleet.TopicHello, fleet.Hello{Boot: actorBoot, Conn: 1}), c.report(id, oldSHA, fleet.Seq{}))
	}
	c.hear(all)
	return c
}

func (c *crowd) report(id, sha string, seq fleet.Seq) message {
	return say(&actor{id: id}, fleet.TopicReported, fleet.Reported{
		Version: "v0.1.0", Simulated: true, Seq: seq, Board: fleet.Board{Model: "Raspberry Pi 5 Model B Rev 1.0", Arch: "arm64", CPUs: 4, Memory: 8 << 30, Tier: "dotprod"},
		Labels:    map[string]string{"room": "12"},
		Slots:     []fleet.SlotReported{{Slot: "machine", State: "good", Active: sha}},
		Pipelines: []fleet.PipelineReported{{Name: "machine", Bundle: "machine", Version: "1.0.0", Digest: sha, State: "running", Rate: 6.2, P95: 240, Label: "normal", Windows: 1000, Labels: 4}},
	})
}

func (c *crowd) hear(all []message) {
	c.t.Helper()
	begun := time.Now()
	for part := range slices.Chunk(all, batch) {
		_, err := c.Controller.commit(context.Background(), part)
		c.must(err)
	}
	c.commit += time.Since(begun)
}

func quantile(times []time.Duration, q float64) time.Duration {
	slices.Sort(times)
	return times[min(len(times)-1, int(q*float64(len(times))))].Round(time.Microsecond)
}

// TestHundredThousand brings a bundle to 100,000 devices in five waves.
func TestHundredThousand(t *testing.T) {
	const n = 100_000
	c := newCrowd(t, n)
	ctx := t.Context()
	begun := time.Now()
	_, err := c.Totals(ctx)
	c.must(err)
	t.Logf("the first look at all of them: %s", time.Since(begun).Round(time.Millisecond))
	t.Logf("%d devices said hello and reported in %s", n, c.commit.Round(time.Millisecond))
	a, err := c.Assign(ctx, "test", AssignmentOptions{Target: "models/machine/1.1.0.dunlin", Waves: []Wave{{Percent: 1}, {Percent: 5}, {Percent: 20}, {Percent: 50}, {Percent: 100}}, Soak: time.Minute})
	c.must(err)
	var ticks, queries, pages, reads []time.Duration
	told := map[string]bool{}
	var work []message
	for range 10_000 {
		c.now = c.now.Add(time.Second)
		begun := time.Now()
		c.must(c.tick(ctx))
		ticks = append(ticks, time.Since(begun))
		if a, err = c.Assignment(ctx, a.ID); err != nil || a.State != "running" {
			break
		}
		if len(work) == 0 {
			rows, err := c.store.db.Query(`SELECT device FROM assigned WHERE state = 'sent'`)
			c.must(err)
			for rows.Next() {
				var id string
				c.must(rows.Scan(&id))
				if !told[id] {
					told[id] = true
					d, err := c.desired(ctx, id)
					c.must(err)
					work = append(work, c.report(id, c.newSHA, d.Seq))
				}
			}
			c.must(rows.Close())
		}
		some := min(len(work), 500) // a second
		c.hear(work[:some])
		work = work[some:]
		begun = time.Now() // as follow does each second
		_, err = c.roster.all(ctx)
		c.must(err)
		reads = append(reads, time.Since(begun))
		if len(ticks)%10 == 0 {
			begun = time.Now()
			_, err := c.Find(ctx, "labels.site = s7 and board.model ~ 'Pi 5'", "", 200)
			c.must(err)
			queries = append(queries, time.Since(begun))
			begun = time.Now()
			_, err = c.Totals(ctx)
			c.must(err)
			pages = append(pages, time.Since(begun))
		}
	}
	c.must(err)
	t.Logf("%s (%s) %v", a.State, a.Reason, a.Devices)
	t.Logf("%d ticks: p50 %s, p99 %s, max %s", len(ticks), quantile(ticks, 0.5), quantile(ticks, 0.99), quantile(ticks, 1))
	t.Logf("device query: p50 %s, p95 %s; totals p50 %s, p95 %s", quantile(queries, 0.5), quantile(queries, 0.95), quantile(pages, 0.5), quantile(pages, 0.95))
	t.Logf("taking the changes up: p50 %s, p95 %s", quantile(reads, 0.5), quantile(reads, 0.95))
	if a.State != "done" || a.Devices["done"] != n {
		t.Error("it did not end")
	}
}
