//go:build external

package controller

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/uplink"
	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/ship"
)

// yard is two controllers on one Postgres, each a process, a broker that nobody
// here wrote, and devices with their real session, store and journal of
// commands (simulation level L1).
type yard struct {
	t        *testing.T
	cfg      replicaConfig
	desk     *Controller // a third one, which leads never: what people use
	broker   *brokerProcess
	programs []string // replicas run them in turn
	replicas []*exec.Cmd
	led      map[string]bool // programs
	log      *os.File
	devices  []*yardDevice
	newSHA   string
}

// brokerProcess is an external broker with a fixed address.
type brokerProcess struct {
	t     *testing.T
	start func() *exec.Cmd
	cmd   *exec.Cmd
}

func (b *brokerProcess) restart() {
	b.kill()
	b.cmd = b.start()
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
}

// kill ends the process, and those that it started.
func (b *brokerProcess) kill() {
	if b.cmd == nil {
		return
	}
	if a := b.cmd.SysProcAttr; a != nil && a.Setpgid {
		_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	}
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(nil)
	defer s.Close()
	return strings.TrimPrefix(s.URL, "http://")
}

// newYard builds everything but the replicas. The first of programs founds the
// database; none is this version.
func newYard(t *testing.T, newBroker func(y *yard, address string) *brokerProcess, programs ...string) *yard {
	at := os.Getenv("DUNLIN_POSTGRES")
	if at == "" {
		t.Fatal("DUNLIN_POSTGRES names no database: run .ci/long replicas")
	}
	y := &yard{t: t, programs: programs, led: map[string]bool{}}
	if len(programs) == 0 {
		y.programs = []string{os.Args[0]}
	}
	db, err := sql.Open("pgx", at)
	y.must(err)
	defer db.Close()
	schema := "y_" + newID(6)
	_, err = db.Exec(`CREATE SCHEMA ` + schema)
	y.must(err)
	address := freeAddress(t)
	y.cfg = replicaConfig{t.TempDir(), at + "&search_path=" + schema, "tls://" + address}
	y.log, err = os.Create(filepath.Join(t.TempDir(), "replicas.log"))
	y.must(err)
	keys := y.release()
	if len(programs) > 0 {
		y.found(db, schema)
	}
	y.desk, err = Open(t.Context(), y.cfg.config(nil))
	y.must(err)
	t.Cleanup(func() { y.must(y.desk.Close()) })
	y.newSHA = keys
	y.broker = newBroker(y, address)
	y.broker.restart()
	t.Cleanup(y.broker.kill)
	return y
}

// found lets a replica make the database, and ends it.
func (y *yard) found(db *sql.DB, schema string) {
	cmd := y.replica()
	y.eventually("the database", time.Minute, func() bool {
		var n int
		return db.QueryRow(`SELECT count(*) FROM `+schema+`.lease WHERE until > 0`).Scan(&n) == nil && n == 1
	})
	y.must(cmd.Process.Kill())
	_ = cmd.Wait()
	y.replicas = nil
}

// release publishes the demo's two bundles, and returns the digest of the new one.
func (y *yard) release() string {
	y.t.Helper()
	keyDir := y.t.TempDir()
	y.must(release.Ceremony(keyDir, true))
	keys, err := release.ReadKeys(keyDir)
	y.must(err)
	repo, err := release.Create(filepath.Join(y.cfg.Dir, "repository"), keys, time.Now)
	y.must(err)
	for _, v := range []string{"1.0.0", "1.1.0"} {
		y.must(repo.Publish(release.RingOf(keys), release.Artifact{Path: "models/machine/" + v + ".dunlin", File: demoBundles + "machine-" + v + ".dunlin",
			Custom: trust.Custom{Kind: "bundle", Name: "machine", Version: v}}))
	}
	return repo.Released()[1].SHA256
}

func (y *yard) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) eventually(what string, within time.Duration, f func() bool) {
	y.t.Helper()
	for end := time.Now().Add(within); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			text, _ := os.ReadFile(y.log.Name())
			y.t.Fatalf("%s: not within %s\n%s", what, within, text[max(0, len(text)-6000):])
		}
	}
}

// replica starts the process of a controller.
func (y *yard) replica() *exec.Cmd {
	y.t.Helper()
	cmd := exec.Command(y.programs[len(y.replicas)%len(y.programs)], "replica")
	cmd.Stderr = y.log
	in, err := cmd.StdinPipe()
	y.must(err)
	y.must(cmd.Start())
	y.must(json.NewEncoder(in).Encode(y.cfg))
	y.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	y.replicas = append(y.replicas, cmd)
	return cmd
}

// term is that of the lease, and whether somebody holds it.
func (y *yard) term() (term int64, held bool) {
	var left int64
	err := y.desk.store.db.QueryRow(`SELECT term, until - `+databaseNow+` FROM lease`).Scan(&term, &left)
	return term, err == nil && left > 0
}

const yardDevices = 12

// yardDevice is a device: its uplink is the agent's, what it runs is played.
type yardDevice struct {
	id      string
	up      *uplink.Uplink
	records *telemetry.Log
	ship    *ship.Shipper
	ran     sync.Map // ids of commands -> *atomic.Int32
	newSHA  string

	mu     sync.Mutex
	seq    fleet.Seq
	active string
	made   uint64
}

func (d *yardDevice) Seq() fleet.Seq { d.mu.Lock(); defer d.mu.Unlock(); return d.seq }

// Desire takes a while, as a trial does.
func (d *yardDevice) Desire(want fleet.Desired) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !want.Seq.Newer(d.seq) {
		return
	}
	d.seq = want.Seq
	if len(want.Items) == 0 {
		return
	}
	time.AfterFunc(300*time.Millisecond, func() {
		d.mu.Lock()
		if d.seq == want.Seq {
			d.active = want.Items[0].SHA256
		}
		d.mu.Unlock()
		d.up.Report()
	})
}

func (d *yardDevice) describe() fleet.Reported {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fleet.Reported{Version: "v1", Simulated: true, Seq: d.seq, Slots: []fleet.SlotReported{{Slot: "machine", State: "good", Active: d.active, Loaded: d.active}}}
}

// Publish implements ship.Transport.
func (d *yardDevice) Publish(ctx context.Context, chunk []byte) error {
	return d.up.Publish(ctx, chunk)
}

// join enrols devices and lets them work until the test ends.
func (y *yard) join(n int) {
	s := httptest.NewUnstartedServer(y.desk.DeviceHandler())
	var err error
	s.TLS, err = y.desk.ServerTLS()
	y.must(err)
	s.StartTLS()
	y.t.Cleanup(s.Close)
	text, err := y.desk.NewToken(y.t.Context(), "test", TokenOptions{Uses: n})
	y.must(err)
	token, err := fleet.ParseToken(text)
	y.must(err)
	for i := range n {
		y.devices = append(y.devices, y.device(fmt.Sprintf("d-%02d", i), s.URL, token))
	}
}

func (y *yard) device(id, url string, token fleet.Token) *yardDevice {
	dir := y.t.TempDir()
	d := &yardDevice{id: id, newSHA: y.newSHA, active: strings.Repeat("0", 64)}
	_, err := uplink.Enroll(y.t.Context(), dir, url, token, id)
	y.must(err)
	d.records, err = telemetry.New(telemetry.Config{Path: dir + "/t.db", Identity: id, Clock: wall{}, Check: telemetry.Check, MaxAge: time.Second})
	y.must(err)
	meter, err := ship.NewMeter(dir+"/meter.json", wall{}, ship.Budget{}, ship.Budget{})
	y.must(err)
	d.ship, err = ship.New(ship.Config{Store: d.records, Transport: d, Meter: meter, Clock: wall{}})
	y.must(err)
	d.up, err = uplink.New(uplink.Config{Dir: dir, Describe: d.describe, Records: d.ship, Updates: d, MinDelay: 50 * time.Millisecond, MaxDelay: time.Second,
		Commands: map[string]uplink.Command{"mark": {Do: d.mark}}})
	y.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { _ = d.up.Run(ctx) })
	all.Go(func() { _ = d.records.Run(ctx) })
	all.Go(func() { _ = d.ship.Run(ctx) })
	y.t.Cleanup(func() { cancel(); all.Wait(); y.must(d.records.Close()) })
	return d
}

// mark counts that a command ran.
func (d *yardDevice) mark(_ context.Context, args json.RawMessage, _ func(any)) (any, error) {
	n, _ := d.ran.LoadOrStore(string(args), new(atomic.Int32))
	return n.(*atomic.Int32).Add(1), nil
}

// produce writes records on every device until ctx ends.
func (y *yard) produce(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		for _, d := range y.devices {
			for range 5 {
				d.records.Result(telemetry.Result{Source: telemetry.Source{Pipeline: "p"}, Class: uint16(n % 3), Score: 0.5})
			}
			d.mu.Lock()
			d.made += 5
			d.mu.Unlock()
		}
		pauseFor(ctx, 100*time.Millisecond)
	}
}

// run brings a bundle to all devices in waves, with commands and records all
// the while and trouble in between, and holds the yard to what it promises.
func (y *yard) run(all ...trouble) {
	t, ctx := y.t, y.t.Context()
	y.replica()
	y.replica()
	y.join(yardDevices)
	producing, enough := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { y.produce(producing) })
	defer work.Wait()
	defer enough()
	y.eventually("devices", 5*time.Minute, func() bool {
		total, err := y.desk.Totals(ctx)
		return err == nil && total.Devices["online"] == len(y.devices)
	})
	a, err := y.desk.Assign(ctx, "test", AssignmentOptions{Target: "models/machine/1.1.0.dunlin", Waves: []Wave{{Count: 1}, {Count: 4}, {Percent: 60}, {Percent: 100}}, Soak: 4 * time.Second})
	y.must(err)
	sent := 0
	mark := func() {
		sent++
		_, err := y.desk.CommandAll(ctx, "test", "", CommandOptions{Name: "mark", Args: json.RawMessage(fmt.Sprintf(`{"n":%d}`, sent)), Life: 10 * time.Minute})
		y.must(err)
	}
	for _, f := range all {
		mark()
		f(y)
		y.eventually("the database", 60*time.Second, func() bool { return y.desk.store.db.PingContext(ctx) == nil })
		mark()
	}
	y.eventually("the end of the assignment", 5*time.Minute, func() bool {
		a, err = y.desk.Assignment(ctx, a.ID)
		return err == nil && a.State != "running"
	})
	if a.State != "done" || a.Devices["done"] != len(y.devices) {
		t.Errorf("%s (%s) %v", a.State, a.Reason, a.Devices)
	}
	enough()
	work.Wait()
	y.eventually("commands", 2*time.Minute, func() bool {
		var open int
		return y.desk.store.db.QueryRow(`SELECT count(*) FROM commands WHERE state != 'done'`).Scan(&open) == nil && open == 0
	})
	for _, d := range y.devices {
		n := 0
		d.ran.Range(func(what, count any) bool {
			n++
			if c := count.(*atomic.Int32).Load(); c != 1 {
				t.Errorf("%s ran %s %d times", d.id, what, c)
			}
			return true
		})
		if n != sent || d.active != y.newSHA {
			t.Errorf("%s: %d of %d commands ran, it runs %.12s", d.id, n, sent, d.active)
		}
	}
	y.account()
	term, _ := y.term()
	t.Logf("%d devices, %d commands to each, done in term %d", len(y.devices), sent, term)
}

// account proves by SQL that every record is there once.
func (y *yard) account() {
	ctx := y.t.Context()
	total := uint64(0)
	for _, d := range y.devices {
		y.must(d.records.Flush())
		y.eventually("delivery of "+d.id, 2*time.Minute, func() bool {
			left, err := d.records.Account()
			return err == nil && left.Epochs[left.Epoch].Waiting == 0
		})
		var results uint64
		y.must(y.desk.store.db.QueryRowContext(ctx, `SELECT sum(n) FROM results_hourly WHERE device = $1`, d.id).Scan(&results))
		ledgers, err := y.desk.Ledgers(ctx, d.id)
		y.must(err)
		if len(ledgers) != 1 || ledgers[0].Holes != 0 || ledgers[0].Delivered != ledgers[0].Hi || len(ledgers[0].Gaps) != 0 || results != d.made {
			y.t.Errorf("%s: %+v, %d results of %d", d.id, ledgers, results, d.made)
		}
		total += results
	}
	y.t.Logf("%d results produced, each committed once", total)
}

// certificates writes what a broker shows and whom it trusts: ca.pem, cert.pem, key.pem.
func (y *yard) certificates(dir string) {
	y.t.Helper()
	pair, err := y.desk.ca.pair("broker", "server", []string{"127.0.0.1"})
	y.must(err)
	key, err := keyToPEM(pair.PrivateKey)
	y.must(err)
	for name, data := range map[string][]byte{"ca.pem": y.desk.ca.pem(), "cert.pem": certToPEM(pair.Certificate[0]), "key.pem": key} {
		y.must(os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
}

// mosquitto runs Debian's broker with our certificates, each device on its own topics.
func mosquitto(y *yard, address string) *brokerProcess {
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		y.t.Fatal("install mosquitto: ", err)
	}
	dir := y.t.TempDir()
	y.certificates(dir)
	_, port, _ := strings.Cut(address, ":")
	for name, text := range map[string]string{
		"acl": "user controller\ntopic readwrite dunlin/v1/#\n\npattern write dunlin/v1/%u/hello\npattern write dunlin/v1/%u/reported\npattern write dunlin/v1/%u/status\n" +
			"pattern write dunlin/v1/%u/up\npattern write dunlin/v1/%u/res\npattern read dunlin/v1/%u/desired\npattern read dunlin/v1/%u/ack\npattern read dunlin/v1/%u/cmd\n",
		"mosquitto.conf": fmt.Sprintf("user root\npersistence false\nmax_queued_messages 10000\nlistener %s 127.0.0.1\ncafile %s/ca.pem\ncertfile %[2]s/cert.pem\nkeyfile %[2]s/key.pem\n"+
			"require_certificate true\nuse_identity_as_username true\nacl_file %[2]s/acl\n", port, dir),
	} {
		y.must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return &brokerProcess{t: y.t, start: func() *exec.Cmd {
		cmd := exec.Command(path, "-c", filepath.Join(dir, "mosquitto.conf"))
		cmd.Stderr = y.log
		return cmd
	}}
}

// TestReplicasMosquitto: two controllers on Postgres with Mosquitto lose
// nothing and do nothing twice, whatever dies.
func TestReplicasMosquitto(t *testing.T) {
	length, restarts := 10*time.Second, 5
	if os.Getenv("DUNLIN_LONG") != "" {
		length, restarts = time.Minute, 20
	}
	y := newYard(t, mosquitto)
	y.run(killLeader, zombie, brokers(restarts), cutPostgres(length), killLeader)
}

// TestReplicasVersions: a controller of the version before founds the fleet, and
// works beside one of this version, which has changed the schema; each leads in
// turn. In the end all are of this version.
func TestReplicasVersions(t *testing.T) {
	previous := os.Getenv("DUNLIN_PREVIOUS")
	if previous == "" {
		t.Fatal("DUNLIN_PREVIOUS names no test binary of the version before: run .ci/long replicas")
	}
	y := newYard(t, mosquitto, previous, os.Args[0])
	y.run(killLeader, killLeader, brokers(2), zombie, killLeader, killLeader, upgrade)
	if !y.led[previous] || !y.led[os.Args[0]] {
		t.Errorf("who led: %v", y.led)
	}
}
