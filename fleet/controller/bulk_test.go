package controller

import (
	"fmt"
	"testing"

	"github.com/dunlin-edge/dunlin/fleet"
)

// TestBatchSizes: batches of fewer rows than a statement takes, of just as many,
// of some more and of several times as many write each row once, twice the same
// batch too, and answer nobody but those who are enrolled.
func TestBatchSizes(t *testing.T) {
	chunks := chunksOf(t)
	records := 0
	for _, c := range chunks {
		records += int(c.Count)
	}
	for _, n := range []int{1, bulkRows - 1, bulkRows, bulkRows + 1, 3*bulkRows + 5} {
		s, _, _ := newStage(t)
		var all []message
		for i := range n {
			id := fmt.Sprintf("d-%03d", i)
			s.addDevice(id)
			for _, c := range chunks {
				all = append(all, message{device: id, name: fleet.TopicUp, payload: c.Data})
			}
		}
		stranger := message{device: "stranger", name: fleet.TopicUp, payload: chunks[0].Data}
		for range 2 {
			r, err := s.commit(t.Context(), append(all, stranger))
			s.must(err)
			if len(r.acks) != n {
				t.Errorf("%d devices: %d acks", n, len(r.acks))
			}
			for k, ranges := range r.acks {
				if ranges.Hi != uint64(records) {
					t.Errorf("%d devices: %s is acked to %d, want %d", n, k.device, ranges.Hi, records)
				}
			}
		}
		var rows, held, results, marks int
		s.must(s.store.db.QueryRow(`SELECT count(*), sum(count), (SELECT sum(n) FROM results_hourly), (SELECT count(*) FROM ranges WHERE rest = '[]') FROM chunks`).Scan(&rows, &held, &results, &marks))
		if rows != n*len(chunks) || held != n*records || results != n*600 || marks != n {
			t.Errorf("%d devices: %d chunks, %d records, %d results, %d watermarks; want %d, %d, %d, %d", n, rows, held, results, marks, n*len(chunks), n*records, n*600, n)
		}
	}
}
