//go:build external

package controller

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// where counts the rows of a table by the partition that they lie in.
func (s *stage) where(table string) map[string]int {
	s.t.Helper()
	rows, err := s.store.db.Query(`SELECT CAST(CAST(tableoid AS regclass) AS text), count(*) FROM ` + table + ` GROUP BY 1`)
	s.must(err)
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var name string
		var n int
		s.must(rows.Scan(&name, &n))
		all[name] = n
	}
	s.must(rows.Err())
	return all
}

// newDays is a stage on a database of the version before, with some rows in it.
func newDays(t *testing.T, rows ...string) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir(), now: time.Now()}
	if s.schema(); s.url == "" {
		t.Fatal("DUNLIN_POSTGRES names no database: run .ci/long replicas")
	}
	db, err := sql.Open("pgx", s.url)
	s.must(err)
	defer db.Close()
	old := &store{db: db, postgres: true}
	sub, err := fs.Sub(migrations, "migrations")
	s.must(err)
	p, err := old.provider(sub)
	s.must(err)
	_, err = p.UpTo(t.Context(), daysVersion-1)
	s.must(err)
	for _, text := range rows {
		_, err := db.Exec(text)
		s.must(err)
	}
	s.open()
	t.Cleanup(func() { s.must(s.Close()) })
	return s
}

func addChunk(epoch, first int, received time.Time) string {
	return fmt.Sprintf(`INSERT INTO chunks (device, epoch, first, count, kind, received, data) VALUES ('d-1', %d, %d, 10, 0, %d, 'x')`, epoch, first, ms(received))
}

// TestDays: a database of the version before is cut into days where it is full,
// what comes falls into its day, and old days go as a whole, with the same
// account of them as row by row.
func TestDays(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now()
	today := now.Unix() / 86400
	hour := func(at time.Time) string {
		return fmt.Sprintf(`INSERT INTO results_hourly (device, pipeline, model, class, hour, n, score, latency) VALUES ('d-1', 'p', 'm', 0, %d, 1, 1, 1)
			ON CONFLICT (device, pipeline, model, class, hour) DO UPDATE SET n = results_hourly.n + excluded.n`, at.Unix()/3600)
	}
	histogram := func(at time.Time) string {
		return fmt.Sprintf(`INSERT INTO histograms (device, model, pipeline, day, board, profile) VALUES ('d-1', 'm', 'p', %d, 'b', 'x')
			ON CONFLICT (device, model, pipeline, day) DO UPDATE SET profile = excluded.profile`, at.Unix()/86400)
	}
	s := newDays(t, `INSERT INTO devices (id, created, key_hash, serial, not_after, labels) VALUES ('d-1', 0, '', '', 0, '{}')`,
		`INSERT INTO ranges (device, epoch, hi, rest) VALUES ('d-1', 1, 1000, '[]')`,
		addChunk(1, 0, now.Add(-100*day)), addChunk(1, 10, now.Add(-50*day)), addChunk(1, 20, now), addChunk(1, 30, now.Add(400*day)),
		hour(now.Add(-100*day)), hour(now), hour(now.Add(4000*day)), histogram(now.Add(-100*day)), histogram(now))
	ctx := t.Context()
	before := fmt.Sprint("_before_", today+1)
	for table, want := range map[string]map[string]int{
		"chunks":         {"chunks" + before: 3, "chunks_rest": 1},
		"results_hourly": {"results_hourly" + before: 2, "results_hourly_rest": 1},
		"histograms":     {"histograms" + before: 2},
	} {
		if got := s.where(table); !maps.Equal(got, want) {
			t.Errorf("%s is cut into %v, want %v", table, got, want)
		}
	}
	s.must(s.readyDays(ctx))
	s.must(s.readyDays(ctx))                  // again, and nothing is to do
	tomorrow := time.Unix((today+1)*86400, 0) // its first moment
	for _, text := range []string{addChunk(2, 0, now), addChunk(2, 10, tomorrow), addChunk(2, 20, tomorrow.Add(day)), hour(now), hour(tomorrow), hour(tomorrow), histogram(tomorrow),
		`INSERT INTO ranges (device, epoch, hi, rest) VALUES ('d-1', 2, 30, '[]')`} {
		_, err := s.store.db.Exec(text)
		s.must(err)
	}
	if got, want := s.where("chunks"), (map[string]int{"chunks" + before: 4, "chunks_rest": 1, fmt.Sprint("chunks_day_", today+1): 1, fmt.Sprint("chunks_day_", today+2): 1}); !maps.Equal(got, want) {
		t.Errorf("what comes falls into %v, want %v", got, want)
	}
	if got := s.where("results_hourly")[fmt.Sprint("results_hourly_day_", today+1)]; got != 1 {
		t.Errorf("%d rows of an hour that came twice", got)
	}
	if _, err := s.store.db.Exec(addChunk(2, 10, tomorrow)); err == nil {
		t.Error("a chunk twice")
	}
	ledger := func(epoch int) Ledger {
		t.Helper()
		all, err := s.Ledgers(ctx, "d-1")
		s.must(err)
		return all[epoch-1]
	}
	expire := func(want int64) {
		t.Helper()
		if n, err := s.expireOnce(ctx); err != nil || n != want {
			t.Errorf("%d chunks went, want %d: %v", n, want, err)
		}
	}
	expire(1) // of the old table, row by row: its last day is today
	if l := ledger(1); l.Delivered != 40 || l.Expired != 10 {
		t.Errorf("%+v", l)
	}
	s.now = now.Add(91 * day) // the old table has ended, and tomorrow has not
	expire(3)
	if got, want := s.where("chunks"), (map[string]int{"chunks_rest": 1, fmt.Sprint("chunks_day_", today+1): 1, fmt.Sprint("chunks_day_", today+2): 1}); !maps.Equal(got, want) {
		t.Errorf("%v are left, want %v", got, want)
	}
	s.now = now.Add(92 * day)
	expire(1)
	if a, b := ledger(1), ledger(2); a.Delivered != 40 || a.Expired != 30 || b.Delivered != 30 || b.Expired != 20 {
		t.Errorf("%+v %+v", a, b)
	}
	if n := len(s.where("histograms")); n != 0 {
		t.Errorf("%d partitions with histograms are left", n)
	}
	s.now = now.Add(500 * day) // the clock that was wrong
	expire(2)
	s.must(s.readyDays(ctx))
	if got := s.where("chunks"); len(got) != 0 {
		t.Errorf("%v", got)
	}
	for _, d := range dayTables {
		if all, err := d.parts(ctx, s.store.db); err != nil || len(all) != daysAhead+1 && d.name == "chunks" {
			t.Errorf("%s has %v: %v", d.name, all, err)
		}
	}
}

// TestDaysAreFenced: who does not lead any more neither makes days nor drops any.
func TestDaysAreFenced(t *testing.T) {
	s := newDays(t)
	ctx := t.Context()
	s.must(s.readyDays(ctx))
	old := s.term.Load()
	p := part{fmt.Sprint("chunks_day_", s.now.Unix()/86400+1), 0, 0}
	s.term.Store(old + 1)
	if _, err := s.dropDay(ctx, dayTables[0], p); !errors.Is(err, errFenced) {
		t.Errorf("dropped without the lease: %v", err)
	}
	s.now = s.now.Add(10 * 24 * time.Hour)
	if err := s.readyDays(ctx); !errors.Is(err, errFenced) {
		t.Errorf("made without the lease: %v", err)
	}
	s.term.Store(old)
	// A day whose rows are in the rest stays there, and the others are made.
	_, err := s.store.db.Exec(addChunk(1, 0, s.now))
	s.must(err)
	if err := s.readyDays(ctx); err == nil || errors.Is(err, errFenced) {
		t.Errorf("a day with rows in the rest: %v", err)
	}
	all, err := dayTables[0].parts(ctx, s.store.db)
	s.must(err)
	last := s.now.Unix()/86400 + daysAhead
	made := 0
	for _, p := range all {
		if p.to > last-daysAhead && p.to <= last+1 && p.name != fmt.Sprint("chunks_day_", last-daysAhead) {
			made++
		}
	}
	if made != daysAhead {
		t.Errorf("%v", all)
	}
	s.addDevice("d-1")
	_, err = s.commit(ctx, []message{{device: "d-1", name: fleet.TopicUp, payload: chunksOf(t)[0].Data}})
	s.must(err)
}
