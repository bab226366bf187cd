//go:build load

package controller

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/telemetry"
)

// TestQuarter keeps what forty devices say in the 90 days that records are kept
// by default, two results a second each: 5.2 million chunks, 4.6 GB. What people
// and devices do then must not take longer for that (simulation level L2: the
// database is real, what is in the chunks is not).
func TestQuarter(t *testing.T) {
	const devices, days, perDay, records = 40, 90, 24 * 60, 120
	s, sha, _ := newStage(t)
	for i := range devices {
		s.addDevice(fmt.Sprintf("pi-%02d", i))
	}
	begun := time.Now()
	run := func(statement string, args ...any) {
		t.Helper()
		_, err := s.store.db.ExecContext(t.Context(), statement, args...)
		s.must(err)
	}
	from := s.now.Add(-days * 24 * time.Hour)
	for day := range days {
		run(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1), d(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM d WHERE j + 1 < $2)
			INSERT INTO chunks (device, epoch, first, count, kind, received, data)
			SELECT printf('pi-%02d', j), 7, ($3 * $1 + i) * $4, $4, $5, $6 + i * 60000 + j, randomblob(833) FROM n, d`,
			perDay, devices, day, records, int64(telemetry.KindResult), ms(from)+int64(day)*86_400_000)
	}
	run(`WITH RECURSIVE d(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM d WHERE j + 1 < $1) INSERT INTO ranges (device, epoch, hi, rest, delivered) SELECT printf('pi-%02d', j), 7, $2, '[]', $2 FROM d`, devices, days*perDay*records)
	run(`WITH RECURSIVE h(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM h WHERE i + 1 < $1), d(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM d WHERE j + 1 < $2), c(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM c WHERE k < 3)
		INSERT INTO results_hourly (device, pipeline, model, class, hour, n, score, latency) SELECT printf('pi-%02d', j), 'machine', $3, k, $4 + i, 1800, 1700, 360000 FROM h, d, c`,
		days*24, devices, sha, from.Unix()/3600)
	t.Logf("%d chunks in %s", devices*days*perDay, time.Since(begun).Round(time.Second))

	const bar = 100 * time.Millisecond
	most := func(what string, times int, bar time.Duration, f func() error) {
		t.Helper()
		var took []time.Duration
		for range times {
			begun := time.Now()
			s.must(f())
			took = append(took, time.Since(begun))
		}
		t.Logf("%s: p50 %s, p95 %s", what, quantile(took, 0.5), quantile(took, 0.95))
		if q := quantile(took, 0.95); q > bar {
			t.Errorf("%s takes %s, want %s at most", what, q, bar)
		}
	}
	some := func() string { return fmt.Sprintf("pi-%02d", rand.N(devices)) }
	most("what a device decided", 40, bar, func() error { _, err := s.Classes(t.Context(), some(), 24); return err })
	most("the account of a device", 40, bar, func() error {
		all, err := s.Ledgers(t.Context(), some())
		if err == nil && (len(all) != 1 || all[0].Delivered != days*perDay*records) { // TestDeliveredIsKept says why that is so
			err = fmt.Errorf("accounts %+v", all)
		}
		return err
	})
	most("the overview", 20, bar, func() error { _, err := s.Totals(t.Context()); return err })
	for _, c := range chunksOf(t) {
		var all []message
		for i := range devices {
			all = append(all, message{device: fmt.Sprintf("pi-%02d", i), name: fleet.TopicUp, payload: c.Data})
		}
		most("a chunk of each device", 1, time.Second, func() error { _, err := s.commit(t.Context(), all); return err })
	}
	s.now = s.now.Add(time.Hour)
	most("erasing an hour's chunks", 1, 5*time.Second, func() error {
		n, err := s.expireOnce(t.Context())
		t.Logf("%d erased", n)
		return err
	})
	s.now = s.now.Add(7 * 24 * time.Hour)
	most("erasing a week's chunks", 1, 5*time.Minute, func() error {
		n, err := s.expireOnce(t.Context())
		t.Logf("%d erased", n)
		return err
	})
}
