package controller

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/broker"
	"github.com/dunlin-edge/dunlin/telemetry"
)

// modes are the processes that the test binary can be, too.
var modes = map[string]func() error{
	"broker": func() error {
		return broker.Run(context.Background(), os.Stdin, os.Stdout, slog.New(slog.DiscardHandler))
	},
	"replica": runReplica,
}

func TestMain(m *testing.M) {
	if len(os.Args) != 2 || modes[os.Args[1]] == nil {
		os.Exit(m.Run())
	}
	if err := modes[os.Args[1]](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// replicaConfig is what a replica's process is told on its standard input.
type replicaConfig struct{ Dir, Store, Broker string }

func (r replicaConfig) config(log *slog.Logger) Config {
	return Config{Dir: r.Dir, Hosts: []string{"127.0.0.1"}, Store: r.Store, External: r.Broker, Lease: 2 * time.Second, Resend: time.Second, Tick: 200 * time.Millisecond, Log: log}
}

// runReplica is the process of one of several controllers.
func runReplica() error {
	var r replicaConfig
	if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
		return err
	}
	c, err := Open(context.Background(), r.config(slog.New(slog.NewTextHandler(os.Stderr, nil))))
	if err != nil {
		return err
	}
	return c.Run(context.Background())
}

// rig is a running controller with its real broker process and HTTPS.
type rig struct {
	*Controller
	t    *testing.T
	url  string
	stop func()
}

func newRig(t *testing.T, dir string) *rig {
	t.Helper()
	return rigOf(t, Config{Dir: dir, Resend: 50 * time.Millisecond})
}

func rigOf(t *testing.T, cfg Config) *rig {
	t.Helper()
	cfg.Hosts, cfg.Broker, cfg.Child = []string{"127.0.0.1"}, "127.0.0.1:0", []string{os.Args[0], "broker"}
	c, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	s := httptest.NewUnstartedServer(c.DeviceHandler())
	if s.TLS, err = c.ServerTLS(); err != nil {
		t.Fatal(err)
	}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	r := &rig{c, t, s.URL, sync.OnceFunc(func() {
		cancel()
		done.Wait()
		s.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})}
	t.Cleanup(r.stop)
	r.eventually("link", func() bool { s, err := r.Totals(t.Context()); return err == nil && s.Broker })
	return r
}

func (r *rig) eventually(what string, f func() bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); {
		if time.Now().After(end) {
			r.t.Fatalf("%s: not within 20 s", what)
		}
		runtime.Gosched()
		time.Sleep(5 * time.Millisecond)
	}
}

func (r *rig) token(o TokenOptions) fleet.Token {
	r.t.Helper()
	text, err := r.NewToken(r.t.Context(), "test", o)
	if err != nil {
		r.t.Fatal(err)
	}
	tok, err := fleet.ParseToken(text)
	if err != nil {
		r.t.Fatal(err)
	}
	return tok
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := fleet.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// device is one real session with a recorder as handler.
type device struct {
	*fleet.Session
	id       fleet.Identity
	key      *ecdsa.PrivateKey
	boot     string
	mu       sync.Mutex
	acks     []fleet.Ack
	cmds     []fleet.Command
	report   fleet.Reported
	unsigned bool
	cancel   context.CancelFunc
	done     sync.WaitGroup
}

func (d *device) Hello() (uint32, uint64, uint64, fleet.Seq) { return 7, 0, 0, fleet.Seq{} }
func (d *device) Reported() fleet.Reported                   { return d.report }
func (d *device) Desired(fleet.Desired)                      {}

func (d *device) Ack(a fleet.Ack) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acks = append(d.acks, a)
}

func (d *device) Command(c fleet.Command) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cmds = append(d.cmds, c)
}

func (r *rig) enroll(id string, t fleet.Token) *device {
	r.t.Helper()
	d := &device{key: newKey(r.t), boot: strings.Repeat("ab", 16)}
	var err error
	if d.id, err = fleet.Enroll(r.t.Context(), r.url, t, id, d.key); err != nil {
		r.t.Fatal(err)
	}
	return d
}

func (r *rig) connect(d *device) *device {
	r.t.Helper()
	config, err := d.id.TLS(d.key)
	if err != nil {
		r.t.Fatal(err)
	}
	d.Session, err = fleet.NewSession(fleet.SessionConfig{Broker: d.id.Broker, Device: d.id.Device, TLS: config, Director: d.id.Director, Boot: d.boot, Unsigned: d.unsigned, Handler: d, MinDelay: 20 * time.Millisecond, MaxDelay: 100 * time.Millisecond})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.done.Go(func() { _ = d.Run(ctx) })
	r.t.Cleanup(d.stop)
	r.eventually("session of "+d.id.Device, func() bool { return d.Status().Connected })
	return d
}

func (d *device) stop() {
	d.cancel()
	d.done.Wait()
}

func (r *rig) state(id string) string {
	d, err := r.Device(r.t.Context(), id)
	if err != nil {
		return err.Error()
	}
	return d.State
}

// TestOneDevice walks a device through its life: enrol, connect, report,
// deliver, be told, go.
func TestOneDevice(t *testing.T) {
	r := newRig(t, t.TempDir())
	d := r.enroll("pi-1", r.token(TokenOptions{Labels: map[string]string{"site": "north"}}))
	if s := r.state("pi-1"); s != "never-seen" {
		t.Errorf("after enrolment: %s", s)
	}
	d.report = fleet.Reported{Version: "1.2.3", Board: fleet.Board{Model: "Pi", Arch: "arm64"}}
	r.connect(d)
	r.eventually("online", func() bool { return r.state("pi-1") == "online" })
	r.eventually("report", func() bool {
		got, err := r.Device(t.Context(), "pi-1")
		return err == nil && got.Reported != nil && got.Reported.Version == "1.2.3" && got.Labels["site"] == "north"
	})

	for _, c := range chunksOf(t) {
		if err := d.Publish(t.Context(), fleet.TopicUp, c.Data); err != nil {
			t.Fatal(err)
		}
		if err := d.Publish(t.Context(), fleet.TopicUp, c.Data); err != nil { // repeated: counts once
			t.Fatal(err)
		}
	}
	r.eventually("acks", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.acks) > 0 && d.acks[len(d.acks)-1].Hi == 602 && len(d.acks[len(d.acks)-1].Ranges) == 0
	})
	ledgers, err := r.Ledgers(t.Context(), "pi-1")
	if err != nil || len(ledgers) != 1 {
		t.Fatal(ledgers, err)
	}
	var n, sum int
	if err := r.store.db.QueryRow(`SELECT sum(count), (SELECT sum(n) FROM results_hourly) FROM chunks`).Scan(&n, &sum); err != nil || n != 602 || sum != 600 {
		t.Errorf("%d records in chunks, %d results in the hours, want 602 and 600: %v", n, sum, err)
	}

	s, err := r.Command(t.Context(), "test", "pi-1", CommandOptions{Name: "ping", Life: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	r.eventually("command", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.cmds) > 1 }) // sent again until accepted
	answer, _ := fleet.Encode(fleet.Result{ID: s.ID, State: fleet.StateDone, Output: []byte(`{"pong":true}`)})
	if err := d.Publish(t.Context(), fleet.TopicRes, answer); err != nil {
		t.Fatal(err)
	}
	r.eventually("result", func() bool {
		got, err := r.CommandStatus(t.Context(), s.ID)
		return err == nil && got.State == "done" && string(got.Output) == `{"pong":true}`
	})

	d.stop()
	r.eventually("offline", func() bool { return r.state("pi-1") == "offline" })
	if n, err := r.VerifyAudit(t.Context()); err != nil || n < 3 {
		t.Errorf("audit: %d lines, %v", n, err)
	}
}

// chunksOf returns what a device's real store has to send: 600 results, a window
// of histograms and the event that tells of its clock.
func chunksOf(t *testing.T) []telemetry.Sealed {
	t.Helper()
	l, err := telemetry.New(telemetry.Config{Path: t.TempDir() + "/t.db", Identity: "pi-1", Clock: wall{}, Check: telemetry.Check})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range 600 {
		l.Result(telemetry.Result{Source: telemetry.Source{Pipeline: "p"}, Class: uint16(i % 3), Score: 0.9, Latency: time.Millisecond})
	}
	l.Event(telemetry.Event{Code: telemetry.EventProfile, Text: strings.Repeat("\x00\xff", 500)})
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	all, err := l.Pending(100, telemetry.KindGap, nil)
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	return all
}

type wall struct{}

var begun = time.Now()

func (wall) Mono() time.Duration     { return time.Since(begun) }
func (wall) Wall() (time.Time, bool) { return time.Now(), true }

func TestTokens(t *testing.T) {
	r := newRig(t, t.TempDir())
	once := r.token(TokenOptions{})
	d := r.enroll("pi-1", once)
	if _, err := fleet.Enroll(t.Context(), r.url, once, "pi-1", d.key); err != nil {
		t.Errorf("the same device again, its answer was lost: %v", err)
	}
	for name, tc := range map[string]struct {
		token fleet.Token
		id    string
		want  string
	}{
		"used up":        {once, "pi-2", "unknown, used up or expired"},
		"name taken":     {r.token(TokenOptions{}), "pi-1", "enrolled already"},
		"unknown":        {fleet.Token{Secret: [16]byte{1}, CA: once.CA}, "pi-3", "unknown, used up or expired"},
		"other CA":       {fleet.Token{Secret: once.Secret}, "pi-4", "not the controller that made the token"},
		"not a name":     {once, "Pi_5", "only a-z"},
		"path traversal": {once, "../etc", "only a-z"},
	} {
		if _, err := fleet.Enroll(t.Context(), r.url, tc.token, tc.id, newKey(t)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func TestRevoked(t *testing.T) {
	r := newRig(t, t.TempDir())
	d := r.connect(r.enroll("pi-1", r.token(TokenOptions{})))
	next, err := fleet.Renew(t.Context(), d.id, d.key)
	if err != nil || next.Certificate == d.id.Certificate {
		t.Fatalf("renew: %v", err)
	}
	d.id = next
	d.stop()
	r.connect(d)
	if err := r.Revoke(t.Context(), "test", "pi-1"); err != nil {
		t.Fatal(err)
	}
	r.eventually("cut", func() bool { return !d.Status().Connected })
	tries := d.Status().Conns
	r.eventually("more tries", func() bool { return d.Status().Conns > tries+2 })
	if d.Status().Connected {
		t.Error("a revoked device is connected")
	}
	if _, err := fleet.Renew(t.Context(), d.id, d.key); err == nil || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("a revoked device renews: %v", err)
	}
	if s := r.state("pi-1"); s != "revoked" {
		t.Errorf("state %s", s)
	}
}

// TestBrokerDies: the broker's death costs a reconnect and nothing else.
func TestBrokerDies(t *testing.T) {
	r := newRig(t, t.TempDir())
	d := r.connect(r.enroll("pi-1", r.token(TokenOptions{})))
	r.eventually("online", func() bool { return r.state("pi-1") == "online" })
	for range 3 {
		before := d.Status().Conns
		r.child.mu.Lock()
		r.child.stdin.Close() // its end of input ends it
		r.child.mu.Unlock()
		r.eventually("back", func() bool { s := d.Status(); return s.Connected && s.Conns > before })
	}
	r.eventually("online", func() bool { return r.state("pi-1") == "online" })
}

func TestAPIWantsToken(t *testing.T) {
	r := newRig(t, t.TempDir())
	for _, bearer := range []string{"", "Bearer ", "Bearer x", "Basic " + r.admin} {
		q := httptest.NewRequest(http.MethodGet, "/api/v1/devices", nil)
		q.Header.Set("Authorization", bearer)
		w := httptest.NewRecorder()
		r.API().ServeHTTP(w, q)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d", bearer, w.Code)
		}
	}
}

// TestForeignCertificates: nobody without a certificate of this fleet's CA gets
// past TLS, and none but a device's gets a device's topics.
func TestForeignCertificates(t *testing.T) {
	r := newRig(t, t.TempDir())
	mine := r.enroll("pi-1", r.token(TokenOptions{}))
	other := newRig(t, t.TempDir())
	foreign := other.enroll("pi-1", other.token(TokenOptions{}))
	config, err := mine.id.TLS(mine.key)
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := foreign.id.TLS(foreign.key)
	if err != nil {
		t.Fatal(err)
	}
	bare, wrong := config.Clone(), config.Clone()
	bare.Certificates, wrong.Certificates = nil, stolen.Certificates
	for name, tc := range map[string]struct {
		config *tls.Config
		id     string
	}{"no certificate": {bare, "pi-1"}, "another CA's": {wrong, "pi-1"}, "another id": {config, "pi-2"}} {
		if l, err := fleet.Dial(t.Context(), fleet.LinkConfig{Broker: mine.id.Broker, ClientID: tc.id, TLS: tc.config, Receive: func(fleet.Message) {}}); err == nil {
			l.Close()
			t.Errorf("%s: connected", name)
		}
	}
	l, err := fleet.Dial(t.Context(), fleet.LinkConfig{Broker: mine.id.Broker, ClientID: "pi-1", TLS: config, Receive: func(fleet.Message) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, topic := range []string{"#", "dunlin/v1/#", "dunlin/v1/+/cmd", "dunlin/v1/pi-2/cmd", "dunlin/v1/pi-1/up", "$SYS/#", "$share/g/dunlin/v1/+/up"} {
		if err := l.Subscribe(t.Context(), topic); err == nil {
			t.Errorf("a device may subscribe to %s", topic)
		}
	}
}
