package uplink

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/broker"
	"github.com/dunlin-edge/dunlin/fleet/controller"
)

// TestMain lets the test binary be the broker's process, too.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "broker" {
		if err := broker.Run(context.Background(), os.Stdin, os.Stdout, slog.New(slog.DiscardHandler)); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 3 && os.Args[1] == "enrolled" {
		if err := joinAndObey(os.Args[2]); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// joinAndObey is a device that enrols, without a controller, and runs a
// command. It prints a mark when it has its key (which the controller then
// knows), when it is enrolled, when the command begins and when it has ended.
func joinAndObey(dir string) error {
	e, err := ownKey(dir)
	if err != nil {
		return err
	}
	fmt.Print(1)
	e.Identity = fleet.Identity{Device: "pi-1"}
	if err := e.save(dir); err != nil {
		return err
	}
	fmt.Print(2)
	j, err := openJournal(dir, noon)
	if err != nil {
		return err
	}
	if known, err := j.begin(cmd("a"), noon); known != nil || err != nil {
		return fmt.Errorf("%v, %w", known, err)
	}
	fmt.Print(3)
	if err := j.end(fleet.Result{ID: "a", State: fleet.StateDone}, noon); err != nil {
		return err
	}
	fmt.Print(4)
	return nil
}

// fleetOf starts a real controller and enrols one device into dir.
func fleetOf(t *testing.T, dir string) *controller.Controller {
	t.Helper()
	c, err := controller.Open(t.Context(), controller.Config{Dir: t.TempDir(), Hosts: []string{"127.0.0.1"}, Broker: "127.0.0.1:0", Child: []string{os.Args[0], "broker"}, Resend: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	start(t, c.Run)
	t.Cleanup(func() { c.Close() })
	s := httptest.NewUnstartedServer(c.DeviceHandler())
	if s.TLS, err = c.ServerTLS(); err != nil {
		t.Fatal(err)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	eventually(t, "broker", func() bool { s, err := c.Totals(t.Context()); return err == nil && s.Broker })
	text, err := c.NewToken(t.Context(), "test", controller.TokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := fleet.ParseToken(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Enroll(t.Context(), dir, s.URL, token, "pi-1"); err != nil {
		t.Fatal(err)
	}
	return c
}

// start runs f until the test ends, or stop is called.
func start(t *testing.T, f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = f(ctx) })
	stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func newUplink(t *testing.T, dir string, commands map[string]Command) *Uplink {
	t.Helper()
	u, err := New(Config{Dir: dir, Describe: func() fleet.Reported { return fleet.Reported{Version: "1"} }, Commands: commands, MinDelay: 20 * time.Millisecond, MaxDelay: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func ended(t *testing.T, c *controller.Controller, id string) (s controller.CommandStatus) {
	t.Helper()
	eventually(t, "end of the command", func() bool {
		var err error
		s, err = c.CommandStatus(t.Context(), id)
		return err == nil && s.Final()
	})
	return s
}

func send(t *testing.T, c *controller.Controller, name string) string {
	t.Helper()
	s, err := c.Command(t.Context(), "test", "pi-1", controller.CommandOptions{Name: name, Life: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return s.ID
}

func TestCommands(t *testing.T) {
	dir := t.TempDir()
	c := fleetOf(t, dir)
	var ran atomic.Int32
	u := newUplink(t, dir, map[string]Command{
		"count": {Do: func(context.Context, json.RawMessage, func(any)) (any, error) { return ran.Add(1), nil }},
		"panic": {Do: func(context.Context, json.RawMessage, func(any)) (any, error) { panic("no") }},
		"large": {Do: func(context.Context, json.RawMessage, func(any)) (any, error) { return make([]byte, 1<<20), nil }},
	})
	start(t, u.Run)
	for name, want := range map[string]string{"count": "done", "panic": "failed", "large": "failed", "reboot": "failed"} {
		if s := ended(t, c, send(t, c, name)); s.State != want {
			t.Errorf("%s: %s %s, want %s", name, s.State, s.Error, want)
		}
	}
	if n := ran.Load(); n != 1 { // though it was sent again every 50 ms
		t.Errorf("count ran %d times", n)
	}
}

// TestWatched: word that somebody looks arrives, and not by an ack of before.
func TestWatched(t *testing.T) {
	dir := t.TempDir()
	c := fleetOf(t, dir)
	looks := make(chan time.Duration, 10)
	u, err := New(Config{Dir: dir, Describe: func() fleet.Reported { return fleet.Reported{Version: "1"} }, Watched: func(d time.Duration) { looks <- d }, MinDelay: 20 * time.Millisecond, MaxDelay: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	stop := start(t, u.Run)
	eventually(t, "connection", func() bool { return u.Status().Connected })
	if err := c.Watch(t.Context(), "pi-1"); err != nil {
		t.Fatal(err)
	}
	select {
	case d := <-looks:
		if d != 45*time.Second {
			t.Errorf("for %v", d)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no word within 20 s")
	}
	stop()
	h := handler{u}
	for _, a := range []fleet.Ack{{Epoch: 7, Hi: 5}, {Epoch: 7, Hi: 4, Watch: 9}, {Epoch: 6, Hi: 9, Watch: 9}, {Epoch: 7, Hi: 5, Watch: 1}, {Epoch: 8, Watch: 2}} {
		h.Ack(a)
	}
	if got := []time.Duration{<-looks, <-looks}; len(looks) != 0 || got[0] != time.Second || got[1] != 2*time.Second {
		t.Errorf("then %v, and %d more", got, len(looks))
	}
}

// TestRestartInterrupts: a device that stops in the middle of a command tells
// the truth about it when it is back, and does not run it again.
func TestRestartInterrupts(t *testing.T) {
	dir := t.TempDir()
	c := fleetOf(t, dir)
	var ran atomic.Int32
	commands := map[string]Command{"slow": {Do: func(ctx context.Context, _ json.RawMessage, _ func(any)) (any, error) {
		ran.Add(1)
		<-ctx.Done()
		return nil, ctx.Err()
	}}}
	stop := start(t, newUplink(t, dir, commands).Run)
	id := send(t, c, "slow")
	eventually(t, "its start", func() bool { return ran.Load() == 1 })
	stop()
	start(t, newUplink(t, dir, commands).Run)
	if s := ended(t, c, id); s.State != "interrupted" || ran.Load() != 1 {
		t.Errorf("%s, ran %d times", s.State, ran.Load())
	}
}

func TestEnrollTwice(t *testing.T) {
	dir := t.TempDir()
	fleetOf(t, dir)
	if _, err := Enroll(t.Context(), dir, "https://127.0.0.1:1", fleet.Token{}, "pi-1"); err == nil {
		t.Error("an enrolled device enrols again")
	}
	e, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	before := e.Certificate
	if err := e.renew(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	again, err := Load(dir)
	if err != nil || again.Certificate == before || again.Certificate != e.Certificate {
		t.Errorf("the renewed certificate is not the one on disk: %v", err)
	}
}

// TestProgressAndBeside: a long command tells how far it is and keeps no other
// from running; too many of its kind are refused.
func TestProgressAndBeside(t *testing.T) {
	dir := t.TempDir()
	c := fleetOf(t, dir)
	release := make(chan struct{})
	u := newUplink(t, dir, map[string]Command{
		"watch": {Beside: true, Do: func(ctx context.Context, _ json.RawMessage, tell func(any)) (any, error) {
			tell("half")
			select {
			case <-release:
				return "whole", nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}},
		"ping": {Do: func(context.Context, json.RawMessage, func(any)) (any, error) { return 1, nil }},
	})
	start(t, u.Run)
	var watches []string
	for range maxBeside {
		watches = append(watches, send(t, c, "watch"))
	}
	for _, id := range watches {
		eventually(t, "progress", func() bool {
			s, err := c.CommandStatus(t.Context(), id)
			return err == nil && s.State == "progress" && string(s.Output) == `"half"`
		})
	}
	if s := ended(t, c, send(t, c, "watch")); s.State != "failed" {
		t.Errorf("one too many: %s", s.State)
	}
	if s := ended(t, c, send(t, c, "ping")); s.State != "done" {
		t.Errorf("beside the others: %s %s", s.State, s.Error)
	}
	close(release)
	for _, id := range watches {
		if s := ended(t, c, id); s.State != "done" || string(s.Output) != `"whole"` {
			t.Errorf("%s %s", s.State, s.Output)
		}
	}
}
