//go:build load

package controller

import (
	"cmp"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
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

// cpu is the time that a process has had of the cores.
func cpu(pid int) time.Duration {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // of 100 Hz, which Linux shows everywhere
}

// TestCrowd holds connections with certificates of their own and lets them all
// deliver at once: nothing may be lost and nothing counted twice, by SQL over
// the numbers that were sent.
func TestCrowd(t *testing.T) {
	n, rate, seconds := crowdSize(t)
	chunks := chunksOfOne(t, rate*seconds/n)
	each, perDevice := len(chunks), 0
	for _, s := range chunks {
		perDevice += int(s.Count)
	}
	r := newRig(t, t.TempDir())
	c := r.crowd(n, rate, seconds, chunks)
	empty, begun := rss(r.child.pid()), time.Now()
	c.begin()
	news := c.hear()
	t.Logf("%d of %d connected in %s; the broker has %.1f KB for each", news.Connected, n, time.Since(begun).Round(time.Second), float64(rss(r.child.pid())-empty)/1024/float64(n))
	of := []int{r.child.pid(), os.Getpid(), c.Process.Pid}
	before := []time.Duration{cpu(of[0]), cpu(of[1]), cpu(of[2])}
	c.say(true)
	news = c.hear()
	want := n * each
	t.Logf("%d chunks of %d records sent in %s (%.0f/s), all acked after %s; %d sent again, %d overrun; %d connected, the broker has %.1f KB for each", want, perChunk, news.Sent.Round(time.Second), float64(want)/news.Sent.Seconds(),
		news.Done.Round(time.Second), news.Resent, r.stats.overrun.Load(), news.Connected, float64(rss(r.child.pid())-empty)/1024/float64(n))
	t.Logf("CPU a chunk: broker %d us, controller %d us, devices %d us; %d acks verified", (cpu(of[0])-before[0]).Microseconds()/int64(want), (cpu(of[1])-before[1]).Microseconds()/int64(want),
		(cpu(of[2])-before[2]).Microseconds()/int64(want), news.Verified)
	var devices, rows, records, distinct, results, whole int
	err := r.store.db.QueryRow(`SELECT count(DISTINCT device), count(*), sum(count), count(DISTINCT device || ' ' || first), (SELECT sum(n) FROM results_hourly), (SELECT count(*) FROM ranges WHERE hi = $1 AND rest = '[]') FROM chunks`, perDevice).
		Scan(&devices, &rows, &records, &distinct, &results, &whole)
	if err != nil || devices != n || rows != want || distinct != want || records != n*perDevice || results != n*(rate*seconds/n)*perChunk || whole != n {
		t.Errorf("%d devices, %d chunks, %d different, %d records, %d results in the hours, %d complete; want %d, %d, %d: %v", devices, rows, distinct, records, results, whole, n, want, n*perDevice, err)
	}
	if news.Connected != n || news.Open > 0 || news.Verified == 0 || news.Err != "" {
		t.Errorf("%d connections were lost; %d chunks without an ack; %d acks verified; %s", n-news.Connected, news.Open, news.Verified, news.Err)
	}
	c.say(true)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// crowdProcess is the process of all devices.
type crowdProcess struct {
	*exec.Cmd
	t   *testing.T
	cfg crowdConfig
	in  *json.Encoder
	out *json.Decoder
}

// crowd makes a process of n devices with certificates, past the enrolment.
func (r *rig) crowd(n, rate, seconds int, chunks []telemetry.Sealed) *crowdProcess {
	r.t.Helper()
	c := &crowdProcess{t: r.t, Cmd: exec.Command(os.Args[0], "crowd")}
	c.cfg = crowdConfig{Address: r.child.address(), CA: r.ca.pem(), Director: r.director.Public().(ed25519.PublicKey), Rate: rate, Seconds: seconds}
	for _, s := range chunks {
		c.cfg.Chunks = append(c.cfg.Chunks, crowdChunk{s.First, s.Count, s.Epoch, s.Data})
	}
	c.must(r.store.tx(r.t.Context(), func(tx *sql.Tx) error {
		for i := range n {
			m := crowdIdentity{ID: fmt.Sprintf("c-%05d", i)}
			key, err := fleet.NewKey()
			c.must(err)
			cert, err := r.ca.leaf(m.ID, broker.RoleDevice, nil, deviceLife, key.Public())
			c.must(err)
			text, err := keyToPEM(key)
			c.must(err)
			m.Certificate, m.Key = string(certToPEM(cert.Raw)), string(text)
			c.cfg.Members = append(c.cfg.Members, m)
			if _, err := tx.Exec(`INSERT INTO devices (id, created, key_hash, serial, not_after, labels) VALUES ($1, 1, '', '', $2, '{}')`, m.ID, ms(time.Now().Add(deviceLife))); err != nil {
				return err
			}
		}
		return nil
	}))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	c.must(err)
	out, err := c.StdoutPipe()
	c.must(err)
	c.in, c.out = json.NewEncoder(in), json.NewDecoder(out)
	return c
}

func (c *crowdProcess) begin() {
	c.t.Helper()
	c.must(c.Start())
	c.t.Cleanup(func() { _ = c.Process.Kill() })
	c.say(c.cfg)
}

func (c *crowdProcess) say(what any) {
	c.t.Helper()
	c.must(c.in.Encode(what))
}

func (c *crowdProcess) hear() (news crowdNews) {
	c.t.Helper()
	if c.must(c.out.Decode(&news)); news.Err != "" {
		c.t.Error(news.Err)
	}
	return news
}

func (c *crowdProcess) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}
