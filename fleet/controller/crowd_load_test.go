//go:build load

package controller

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"database/sql"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/broker"
	"github.com/dunlin-edge/dunlin/telemetry"
)

// How large the crowd is: DUNLIN_CROWD holds connections, chunks a second, and
// seconds.
func crowdSize(t *testing.T) (devices, rate, seconds int) {
	devices, rate, seconds = 10_000, 5_000, 300
	if text := os.Getenv("DUNLIN_CROWD"); text != "" {
		if _, err := fmt.Sscan(text, &devices, &rate, &seconds); err != nil {
			t.Fatal(err)
		}
	}
	return devices, rate, seconds
}

const perChunk = 120 // records

// member is a device of the crowd: the agent's real session with a certificate
// of its own (simulation level L1). Its records are those of one real store,
// which all members send as theirs.
type crowdMember struct {
	*fleet.Session
	id     string
	chunks []telemetry.Sealed
	mu     sync.Mutex
	sent   int               // chunks
	acked  uint64            // all numbers below
	waits  map[int]time.Time // chunks that were sent and not acked, by number
	resent int
}

func (m *crowdMember) Hello() (uint32, uint64, uint64, fleet.Seq) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := m.chunks[len(m.chunks)-1]
	return last.Epoch, m.acked, last.First + last.Count, fleet.Seq{}
}
func (m *crowdMember) Reported() fleet.Reported {
	return fleet.Reported{Version: "v0", Simulated: true}
}
func (m *crowdMember) Desired(fleet.Desired) {}
func (m *crowdMember) Command(fleet.Command) {}

func (m *crowdMember) Ack(a fleet.Ack) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acked = max(m.acked, a.Hi)
	for k := range m.waits {
		n := m.chunks[k].First
		if n < m.acked || slices.ContainsFunc(a.Ranges, func(r fleet.Range) bool { return n >= r.First && n < r.First+r.Count }) {
			delete(m.waits, k)
		}
	}
}

// send publishes the next chunk, or one that was not acked for long.
func (m *crowdMember) send(ctx context.Context) {
	m.mu.Lock()
	k := -1
	for n, at := range m.waits {
		if time.Since(at) > 15*time.Second {
			k = n
			m.resent++
			break
		}
	}
	if k < 0 && m.sent < len(m.chunks) {
		k = m.sent
		m.sent++
	}
	if k >= 0 {
		m.waits[k] = time.Now()
	}
	m.mu.Unlock()
	if k < 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	_ = m.Publish(ctx, fleet.TopicUp, m.chunks[k].Data) // what is not acked is sent again
}

func (m *crowdMember) open() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waits)
}

// chunksOfOne is what a real store seals, n chunks of perChunk results.
func chunksOfOne(t *testing.T, n int) []telemetry.Sealed {
	t.Helper()
	l, err := telemetry.New(telemetry.Config{Path: t.TempDir() + "/t.db", Identity: "crowd", Clock: wall{}, Check: telemetry.Check, MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range n {
		for i := range perChunk {
			l.Result(telemetry.Result{Source: telemetry.Source{Pipeline: "p"}, Class: uint16(i % 3), Score: 0.9, Latency: time.Millisecond})
		}
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	all, err := l.Pending(10*n, telemetry.KindGap, nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b telemetry.Sealed) int { return cmp.Compare(a.First, b.First) })
	return all // with the few events of the store's own
}

// join gives a member its certificate, past the enrolment, and connects it.
func (r *rig) join(ctx context.Context, all *sync.WaitGroup, i int, chunks []telemetry.Sealed) *crowdMember {
	m := &crowdMember{id: fmt.Sprintf("c-%05d", i), chunks: chunks, waits: map[int]time.Time{}}
	key, err := fleet.NewKey()
	if err != nil {
		r.t.Fatal(err)
	}
	cert, err := r.ca.leaf(m.id, broker.RoleDevice, nil, deviceLife, key.Public())
	if err != nil {
		r.t.Fatal(err)
	}
	id := fleet.Identity{Device: m.id, Certificate: string(certToPEM(cert.Raw)), CA: string(r.ca.pem()), Broker: r.brokerURL(), Director: r.director.Public().(ed25519.PublicKey)}
	var config *tls.Config
	if config, err = id.TLS(key); err == nil {
		m.Session, err = fleet.NewSession(fleet.SessionConfig{Broker: id.Broker, Device: m.id, TLS: config, Director: id.Director, Boot: strings.Repeat("ab", 16), Handler: m})
	}
	if err != nil {
		r.t.Fatal(err)
	}
	all.Go(func() { _ = m.Run(ctx) })
	return m
}

// rss is the memory of a process, in bytes.
func rss(pid int) int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(text)[0])
			return n << 10
		}
	}
	return 0
}

// TestCrowd holds connections with certificates of their own and lets them all
// deliver at once: nothing may be lost and nothing counted twice, by SQL over
// the numbers that were sent.
func TestCrowd(t *testing.T) {
	n, rate, seconds := crowdSize(t)
	// The devices share this process; alone, a controller has few stacks to scan.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	chunks := chunksOfOne(t, rate*seconds/n)
	each, perDevice := len(chunks), 0
	for _, s := range chunks {
		perDevice += int(s.Count)
	}
	r := newRig(t, t.TempDir())
	for part := range slices.Chunk(slices.Collect(func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}), 5000) {
		if err := r.store.tx(t.Context(), func(tx *sql.Tx) error {
			for _, i := range part {
				if _, err := tx.Exec(`INSERT INTO devices (id, created, key_hash, serial, not_after, labels) VALUES ($1, 1, '', '', $2, '{}')`, fmt.Sprintf("c-%05d", i), ms(time.Now().Add(deviceLife))); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer cancel()
	empty, begun := rss(r.child.pid()), time.Now()
	members := make([]*crowdMember, n)
	for i := range members {
		members[i] = r.join(ctx, &sessions, i, chunks)
		for i%200 == 199 && !members[i].Status().Connected { // a broker has a backlog, too
			time.Sleep(5 * time.Millisecond)
		}
	}
	connected := func() (k int) {
		for _, m := range members {
			if m.Status().Connected {
				k++
			}
		}
		return k
	}
	for end := time.Now().Add(10 * time.Minute); connected() < n && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	runtime.GC()
	t.Logf("%d of %d connected in %s; the broker has %.1f KB for each", connected(), n, time.Since(begun).Round(time.Second), float64(rss(r.child.pid())-empty)/1024/float64(n))
	begun = time.Now()
	r.pump(ctx, members, rate, seconds)
	sent := time.Since(begun)
	r.drain(ctx, members, rate)
	resent := 0
	for _, m := range members {
		resent += m.resent
	}
	want := n * each
	t.Logf("%d chunks of %d records sent in %s (%.0f/s), all acked after %s; %d sent again, %d overrun; %d connected, the broker has %.1f KB for each", want, perChunk, sent.Round(time.Second), float64(want)/sent.Seconds(),
		time.Since(begun).Round(time.Second), resent, r.stats.overrun.Load(), connected(), float64(rss(r.child.pid())-empty)/1024/float64(n))
	var devices, rows, records, distinct, results, whole int
	err := r.store.db.QueryRow(`SELECT count(DISTINCT device), count(*), sum(count), count(DISTINCT device || ' ' || first), (SELECT sum(n) FROM results_hourly), (SELECT count(*) FROM ranges WHERE hi = $1 AND rest = '[]') FROM chunks`, perDevice).
		Scan(&devices, &rows, &records, &distinct, &results, &whole)
	if err != nil || devices != n || rows != want || distinct != want || records != n*perDevice || results != n*(rate*seconds/n)*perChunk || whole != n {
		t.Errorf("%d devices, %d chunks, %d different, %d records, %d results in the hours, %d complete; want %d, %d, %d: %v", devices, rows, distinct, records, results, whole, n, want, n*perDevice, err)
	}
	if d := connected(); d != n {
		t.Errorf("%d connections were lost", n-d)
	}
}

// pump lets the members send in turn, so many chunks a second in all.
func (r *rig) pump(ctx context.Context, members []*crowdMember, rate, seconds int) {
	const hands = 256
	var next atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	for range hands {
		all.Go(func() {
			for {
				k := next.Add(1) - 1
				if k >= int64(rate)*int64(seconds) {
					return
				}
				time.Sleep(time.Until(begun.Add(time.Duration(k) * time.Second / time.Duration(rate))))
				members[k%int64(len(members))].send(ctx)
			}
		})
	}
	all.Wait()
}

// drain goes on at the same rate until all is acked, for ten minutes at most.
func (r *rig) drain(ctx context.Context, members []*crowdMember, rate int) {
	for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); {
		if !slices.ContainsFunc(members, func(m *crowdMember) bool { return m.sent < len(m.chunks) || m.open() > 0 }) {
			return
		}
		r.pump(ctx, members, rate, (len(members)+rate-1)/rate)
	}
	r.t.Error("not all was acked")
}
