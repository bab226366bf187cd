package agent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/uplink"
	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/broker"
	"github.com/dunlin-edge/dunlin/fleet/controller"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/sim"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

const soakSpeed = 100 // of the agent's clock

// fastClock runs soakSpeed times as fast.
type fastClock struct{ began time.Time }

func (c fastClock) since() time.Duration { return soakSpeed * time.Since(c.began) }

func (c fastClock) Now() time.Time { return c.began.Add(c.since()) }

func (c fastClock) After(d time.Duration) <-chan time.Time { return time.After(d / soakSpeed) }

// Mono and Wall are for the telemetry store.
func (c fastClock) Mono() time.Duration { return c.since() }

func (c fastClock) Wall() (time.Time, bool) { return c.Now(), true }

// soakSensor is unplugged for a moment every few hundred reads.
type soakSensor struct {
	hal.Sensor
	reads *atomic.Int64
}

func (s soakSensor) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	if s.reads.Add(1)%9000 == 0 {
		return hal.Block{}, fmt.Errorf("%w: its plug is loose", hal.ErrAbsent)
	}
	return s.Sensor.Read(ctx, buf)
}

// soakDriver makes such sensors.
func soakDriver(clock hal.Clock, reads *atomic.Int64) config.Driver {
	return config.Driver{Name: "soak", Parse: func(f *config.Fields) any {
		seed := uint64(f.Int("seed", 1, 1, 99))
		return opener(func() (*input, error) {
			m, err := sim.NewMachine(sim.Config{Seed: seed, Gain: 1, Fault: "normal", Severity: 1, Realtime: true, Clock: clock})
			if err != nil {
				return nil, err
			}
			return &input{live: true, sensor: soakSensor{m, reads}}, nil
		})
	}}
}

// soakLength is DUNLIN_SOAK, such as 60m, or a few seconds.
func soakLength() (time.Duration, error) {
	if text := os.Getenv("DUNLIN_SOAK"); text != "" {
		return time.ParseDuration(text)
	}
	return 8 * time.Second, nil
}

// serveSoakFleet is the child process with the controller. It tells its address
// and a token on stdout, sends the device a command every two seconds, kills its
// broker eight times, and ends with stdin.
func serveSoakFleet(dir string) error {
	length, err := soakLength()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var pid atomic.Int64
	log := slog.New(slog.NewJSONHandler(writerFunc(func(line []byte) {
		var r struct{ PID int64 }
		if json.Unmarshal(line, &r) == nil && r.PID > 0 {
			pid.Store(r.PID)
		}
	}), nil))
	c, err := controller.Open(ctx, controller.Config{Dir: dir, Hosts: []string{"127.0.0.1"}, Broker: "127.0.0.1:0", Child: []string{os.Args[0], "soak-broker"}, Log: log})
	if err != nil {
		return err
	}
	defer c.Close()
	s := httptest.NewUnstartedServer(c.DeviceHandler())
	if s.TLS, err = c.ServerTLS(); err != nil {
		return err
	}
	s.StartTLS()
	defer s.Close()
	go func() { io.Copy(io.Discard, os.Stdin); stop() }()
	go func() {
		for until(ctx, func() bool { t, err := c.Totals(ctx); return err == nil && t.Broker }) {
			token, err := c.NewToken(ctx, "soak", controller.TokenOptions{})
			if err != nil {
				continue
			}
			fmt.Println(s.URL, token)
			break
		}
		for last := time.Now(); pause(ctx, time.After(2*time.Second)); {
			_, _ = c.Command(ctx, "soak", "bench", controller.CommandOptions{Name: "status", Life: time.Minute})
			if p, err := os.FindProcess(int(pid.Load())); err == nil && p.Pid > 0 && time.Since(last) > length/8 {
				_ = p.Kill()
				last = time.Now()
			}
		}
	}()
	if err := c.Run(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) { f(b); return len(b), nil }

// until polls; it is false when ctx ends first.
func until(ctx context.Context, ok func() bool) bool {
	for !ok() {
		if !pause(ctx, time.After(50*time.Millisecond)) {
			return false
		}
	}
	return true
}

// soakChild runs what a child of TestSoak is, and tells whether this process is
// one.
func soakChild() (bool, error) {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "soak-broker":
		return true, broker.Run(context.Background(), os.Stdin, os.Stdout, slog.New(slog.DiscardHandler))
	case len(os.Args) == 3 && os.Args[1] == "soak-fleet":
		return true, serveSoakFleet(os.Args[2])
	}
	return false, nil
}

// joinSoakFleet starts the child and enrols this device.
func joinSoakFleet(t *testing.T, dir string) {
	t.Helper()
	child := exec.Command(os.Args[0], "soak-fleet", t.TempDir())
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := child.Wait(); err != nil {
			t.Errorf("the fleet: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, text, _ := strings.Cut(strings.TrimSpace(line), " ")
	token, err := fleet.ParseToken(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := uplink.Enroll(t.Context(), dir, url, token, "bench"); err != nil {
		t.Fatal(err)
	}
}

// A holding is what a process holds.
type holding struct {
	rss        int // KiB
	goroutines int
	files      int
}

func (l holding) String() string {
	return fmt.Sprintf("%.1f MB, %d goroutines, %d files", float64(l.rss)/1024, l.goroutines, l.files)
}

func holds(t *testing.T) (l holding) {
	t.Helper()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return holding{pages * os.Getpagesize() / 1024, runtime.NumGoroutine(), len(files)}
}

// least is the smallest of several looks: what is held all the time, not what a
// moment needs.
func least(looks []holding) holding {
	l := looks[0]
	for _, o := range looks[1:] {
		l = holding{min(l.rss, o.rss), min(l.goroutines, o.goroutines), min(l.files, o.files)}
	}
	return l
}

// TestSoak: a member of a fleet for DUNLIN_SOAK, with a clock a hundred times as
// fast: its sensor comes and goes, its configuration changes, the broker dies,
// commands come, what it decides is kept and delivered. What it holds in the last
// quarter is what it held in the second.
func TestSoak(t *testing.T) {
	length, err := soakLength()
	if err != nil {
		t.Fatal(err)
	}
	clock, reads := fastClock{time.Now()}, &atomic.Int64{}
	dir, enrolled := t.TempDir(), filepath.Join(t.TempDir(), "fleet")
	joinSoakFleet(t, enrolled)
	path := makeBundle(t, machineBundle, func(m *bundle.Manifest, _ fstest.MapFS) {
		m.Pipeline = bytes.Replace(m.Pipeline, []byte(`"hop": 512`), []byte(`"hop": 1024`), 1)
	})
	text := fmt.Sprintf(`device: {name: bench}
limits: {drain: 10m}
fleet: {dir: %q}
telemetry: {dir: %q, max_bytes: 1MiB, max_age: 60s, health: 5m, captures: {max_bytes: 1MiB}}
sources:
  a: {driver: soak}
  b: {driver: soak, seed: 2}
pipelines:
  a: {source: a, bundle: %q, capture: {every: 50, min_interval: 1s}}
`, enrolled, dir, path)
	more := fmt.Sprintf("  b: {source: b, bundle: %q, actions: [{json: \"-\"}]}\n", path)
	var reloads atomic.Int64
	read := func() (*config.Config, error) {
		now := text
		if reloads.Add(1)%2 == 0 {
			now += more
		}
		return config.Parse(filepath.Join(dir, "agent.yaml"), []byte(now), append(Drivers(), soakDriver(clock, reads)))
	}
	cfg, err := read()
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), cfg, Options{Stdout: io.Discard, Clock: clock, Configuration: read, CheckStore: checkInChild})
	if err != nil {
		t.Fatal(err)
	}
	a.records.clock = clock
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	within(t, "it decides", func() bool { return a.Status().Pipelines[0].Windows > 5 })
	within(t, "it is connected", func() bool { s := a.member.status(); return s != nil && s.Connected })

	const looks = 40
	var seen []holding
	for range looks {
		if !pause(ctx, time.After(length/looks)) {
			t.Fatal("the test ended")
		}
		if _, err := a.Reload(ctx); err != nil {
			t.Errorf("reload: %v", err)
		}
		if reloads.Load()%2 == 1 {
			seen = append(seen, holds(t)) // with one pipeline
		}
	}
	quarter := len(seen) / 4
	before, after := least(seen[quarter:2*quarter]), least(seen[3*quarter:])
	windows, store := a.Status().Pipelines[0].Windows, a.Status().Telemetry
	stop()
	if err := <-ended; err != nil && !errors.Is(err, ErrRestart) {
		t.Error(err)
	}
	t.Logf("%s by the agent's clock: %d windows, %d times unplugged, %d reloads, %+v", (soakSpeed * length).Round(time.Minute), windows, reads.Load()/9000, reloads.Load(), store)
	t.Logf("second quarter: %s; last: %s", before, after)
	if after.goroutines > before.goroutines+2 || after.files > before.files+2 {
		t.Errorf("it holds more: %s, then %s", before, after)
	}
	if length >= time.Minute && after.rss > before.rss+before.rss/10 {
		t.Errorf("memory grows: %s, then %s", before, after)
	}
	if windows < uint64(length/time.Second) {
		t.Errorf("%d windows", windows)
	}
}
