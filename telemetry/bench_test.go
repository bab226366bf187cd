package telemetry

import (
	"fmt"
	"os"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// BenchmarkChunkSize measures what a chunk's size costs: bytes of file a
// record, bytes written a commit and a record, commits a second with fsync.
func BenchmarkChunkSize(b *testing.B) {
	for _, size := range []int{300, 930, 1320, 2000, 2700, 3400, chunkBytes} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			cfg := testConfig(b)
			cfg.MaxBytes = 1 << 30
			s, err := openStore(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer s.close()
			chunk := newBuilder(KindResult, size)
			for from := sample(KindResult, 1, 1); len(mustSeal(b, chunk)) < size-8; {
				from = sample(KindResult, from.n+1, 1)
				chunk = from
			}
			empty, before := allocated(s), used(b, s)
			for b.Loop() {
				if err := s.write(batch{chunks: []*builder{chunk}}); err != nil {
					b.Fatal(err)
				}
			}
			records := float64(b.N * chunk.n)
			written := float64(allocated(s)-empty) + float64(b.N*pageSize) // and the meta page
			b.ReportMetric(float64(used(b, s)-before)/records, "file-B/record")
			b.ReportMetric(written/float64(b.N), "written-B/commit")
			b.ReportMetric(written/records, "written-B/record")
		})
	}
}

// allocated returns the bytes of pages that transactions have written.
func allocated(s *store) int64 {
	st := s.db.Stats()
	return st.TxStats.GetPageAlloc()
}

// used returns the bytes of the file up to the last page ever used.
func used(t testing.TB, s *store) (n int64) {
	if err := s.db.View(func(tx *bolt.Tx) error { n = tx.Size(); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func fileSize(t testing.TB, path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
