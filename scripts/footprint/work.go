package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	dunlin "github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/ota/bundle"
	"github.com/dunlin-edge/dunlin/telemetry"
)

// Bars of an agent at work: one vibration pipeline at 10 windows a second, a
// member of a fleet, its telemetry store full.
const (
	maxPSS   = 25e6 // bytes
	maxAnon  = 10e6
	maxStart = 150 * time.Millisecond
	maxCPU   = 0.01 // of a core
)

// watched is how long the agent is watched after its start.
const watched = time.Minute

const workConfig = `device: {name: footprint}
sources:
  vibration: {driver: sim.machine, rate: 3200}
pipelines:
  machine: {source: vibration, bundle: machine.dunlin}
telemetry: {dir: telemetry, max_bytes: 64MiB}
fleet: {dir: fleet}
api: {listen: "127.0.0.1:0"}
`

// A bench is a controller and an agent of it, in a folder of their own.
type bench struct {
	dir    string
	agent  string // program
	fleet  string // program
	serve  *exec.Cmd
	config string
}

// measureWork prints what an agent at work takes. An error means that it takes
// more than it may, or could not be measured.
func measureWork(ctx context.Context) error {
	b := &bench{}
	var err error
	if b.dir, err = os.MkdirTemp("", "footprint"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if err := b.build(); err != nil {
		return err
	}
	defer func() { b.stop(b.serve) }() // enroll starts it
	if err := b.enroll(ctx); err != nil {
		return err
	}
	starts, err := b.starts(ctx)
	if err != nil {
		return err
	}
	if err := b.fill(); err != nil {
		return fmt.Errorf("fill the store: %w", err)
	}
	return b.watch(ctx, starts)
}

// build makes the two programs as they are shipped, the bundle and the
// configuration.
func (b *bench) build() error {
	b.agent, b.fleet, b.config = filepath.Join(b.dir, "dunlin"), filepath.Join(b.dir, "dunlin-fleet"), filepath.Join(b.dir, "agent.yaml")
	for path, pkg := range map[string]string{b.agent: agent, b.fleet: "./cmd/dunlin-fleet"} {
		c := exec.Command("go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w", "-o", path, pkg)
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", pkg, err, out)
		}
	}
	if err := tenHertz("cmd/dunlin/demo/bundles/machine-1.0.0.dunlin", filepath.Join(b.dir, "machine.dunlin")); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return os.WriteFile(b.config, []byte(workConfig), 0o600)
}

// tenHertz repacks the demo's bundle with ten windows a second.
func tenHertz(from, to string) error {
	b, err := bundle.Open(from)
	if err != nil {
		return err
	}
	defer b.Close()
	m := *b.Manifest()
	hop := regexp.MustCompile(`"hop": ?512`)
	if !hop.Match(m.Pipeline) {
		return errors.New("the demo's pipeline has another hop")
	}
	m.Pipeline = hop.ReplaceAll(m.Pipeline, []byte(`"hop":320`))
	dir, err := os.MkdirTemp("", "bundle")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, f := range m.Files {
		data, err := b.File(f.Name)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, f.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
			return err
		}
	}
	m.Files = nil
	_, err = bundle.PackFile(to, &m, os.DirFS(dir))
	return err
}

// enroll starts a controller and makes the device a member.
func (b *bench) enroll(ctx context.Context) error {
	state := filepath.Join(b.dir, "state")
	b.serve = exec.Command(b.fleet, "--dir", state, "serve", "--host", "127.0.0.1", "--devices", "127.0.0.1:0", "--broker", "127.0.0.1:0", "--api", "127.0.0.1:0")
	if err := b.serve.Start(); err != nil {
		return err
	}
	var token struct{ URL, Token string }
	err := until(ctx, "the controller answers", func() bool {
		out, err := exec.Command(b.fleet, "--dir", state, "token", "--json").Output()
		return err == nil && json.Unmarshal(out, &token) == nil && token.Token != ""
	})
	if err != nil {
		return err
	}
	if out, err := exec.Command(b.agent, "enroll", token.URL, token.Token, "--config", b.config).CombinedOutput(); err != nil {
		return fmt.Errorf("enroll: %w: %s", err, out)
	}
	return nil
}

// run starts the agent and returns where it answers.
func (b *bench) run(config string) (*exec.Cmd, string, error) {
	log := filepath.Join(b.dir, "agent.log")
	f, err := os.Create(log)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	c := exec.Command(b.agent, "run", "--config", config)
	c.Stderr = f
	if err := c.Start(); err != nil {
		return nil, "", err
	}
	page := regexp.MustCompile(`page=(http://\S+)/`)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if data, err := os.ReadFile(log); err == nil {
			if m := page.FindSubmatch(data); m != nil {
				return c, string(m[1]), nil
			}
		}
	}
	b.stop(c)
	data, _ := os.ReadFile(log)
	return nil, "", fmt.Errorf("the agent does not start:\n%s", data)
}

func (b *bench) stop(c *exec.Cmd) {
	if c != nil && c.Process != nil && c.ProcessState == nil {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	}
}

// starts measures from the start of the process to its first decision, on a
// source that has its samples at once: a window of the real one takes 320 ms.
func (b *bench) starts(ctx context.Context) ([]time.Duration, error) {
	config := filepath.Join(b.dir, "start.yaml")
	out := filepath.Join(b.dir, "first.jsonl")
	text := strings.NewReplacer("rate: 3200}", "rate: 3200, realtime: false}",
		"bundle: machine.dunlin}", `bundle: machine.dunlin, actions: [{json: first.jsonl, on: result}]}`).Replace(workConfig)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	var took []time.Duration
	for range 9 {
		began := time.Now()
		c := exec.Command(b.agent, "run", "--config", config)
		if err := c.Start(); err != nil {
			return nil, err
		}
		err := until(ctx, "the first decision", func() bool {
			s, err := os.Stat(out)
			return err == nil && s.Size() > 0
		})
		took = append(took, time.Since(began))
		b.stop(c)
		if err := errors.Join(err, os.Remove(out)); err != nil {
			return nil, err
		}
	}
	slices.Sort(took)
	return took, nil
}

// bootClock is enough of a clock to write a store.
type bootClock struct{ began time.Time }

func (c bootClock) Mono() time.Duration     { return time.Since(c.began) }
func (c bootClock) Wall() (time.Time, bool) { return time.Now(), true }

// fill writes the device's store until it takes no more.
func (b *bench) fill() error {
	path := filepath.Join(b.dir, "telemetry", dunlin.StoreFile)
	l, err := telemetry.New(telemetry.Config{Path: path, Identity: "footprint", Clock: bootClock{time.Now()}, Check: telemetry.Check})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	text := bytes.Repeat([]byte("full "), 40)
	for end := time.Now().Add(5 * time.Minute); ; {
		for i := range 2000 {
			copy(text, strconv.Itoa(i))
			l.Event(telemetry.Event{Code: telemetry.EventAgent, Text: string(text)})
		}
		time.Sleep(20 * time.Millisecond)
		a, err := l.Account()
		if err != nil || time.Now().After(end) {
			stop()
			return errors.Join(err, <-ended, errors.New("it does not fill up"))
		}
		full := uint64(0)
		for _, e := range a.Epochs {
			for why, n := range e.Dropped {
				if telemetry.Reason(why).String() == "full" {
					full += n
				}
			}
		}
		if full > 0 {
			stop()
			return <-ended
		}
	}
}

// watch starts the agent on its full store and reads what it takes, first while
// it works that off, then without.
func (b *bench) watch(ctx context.Context, starts []time.Duration) error {
	var most, last memory
	busy, s, err := b.atWork(ctx, func(pid int) (err error) {
		last, err = memoryOf(pid)
		most = memory{max(most.pss, last.pss), max(most.anon, last.anon)}
		return err
	})
	if err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(b.dir, "telemetry")); err != nil {
		return err
	}
	idle, _, err := b.atWork(ctx, func(int) error { return nil })
	if err != nil {
		return err
	}
	mb := func(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
	median := starts[len(starts)/2]
	fmt.Printf("\nat work: %.1f windows/s, connected, a full store of 64 MiB at the start, %d records delivered since\n", s.Pipelines[0].PerSecond, s.Telemetry.Delivered)
	fmt.Printf("PSS after %v        %9s, at most %s (bar %s)\n", watched, mb(last.pss), mb(most.pss), mb(maxPSS))
	fmt.Printf("anonymous              %9s, at most %s (bar %s)\n", mb(last.anon), mb(most.anon), mb(maxAnon))
	fmt.Printf("start to 1st decision  %6.0f ms, %.0f to %.0f in %d starts (bar %.0f ms)\n", ms(median), ms(starts[0]), ms(starts[len(starts)-1]), len(starts), ms(maxStart))
	fmt.Printf("CPU                    %8.2f %% of a core (bar %.0f %%), %.2f %% while it works off the store\n", 100*idle, 100*maxCPU, 100*busy)
	if most.pss > maxPSS || most.anon > maxAnon || median > maxStart || idle > maxCPU {
		return errors.New("the agent takes more than it may")
	}
	return nil
}

// atWork runs the agent for a minute, looks at it every second, and returns
// which share of a core it took.
func (b *bench) atWork(ctx context.Context, look func(pid int) error) (share float64, s *dunlin.Status, err error) {
	c, url, err := b.run(b.config)
	if err != nil {
		return 0, nil, err
	}
	defer b.stop(c)
	from, err := cpuOf(c.Process.Pid)
	if err != nil {
		return 0, nil, err
	}
	began := time.Now()
	for time.Since(began) < watched {
		if err := errors.Join(pause(ctx, time.Second), look(c.Process.Pid)); err != nil {
			return 0, nil, err
		}
	}
	used, err := cpuOf(c.Process.Pid)
	if err != nil {
		return 0, nil, err
	}
	share = float64(used-from) / float64(time.Since(began))
	s = &dunlin.Status{}
	if err := getStatus(url, s); err != nil {
		return 0, nil, err
	}
	if s.Fleet == nil || !s.Fleet.Connected || s.Telemetry == nil {
		return 0, nil, errors.New("the agent was not connected")
	}
	return share, s, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// memory is what a process has, in bytes (proc(5), smaps_rollup).
type memory struct{ pss, anon int64 }

func memoryOf(pid int) (m memory, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "Pss:":
			m.pss = kib << 10
		case "Anonymous:":
			m.anon = kib << 10
		}
	}
	return m, nil
}

// cpuOf is the time that the threads of a process have had, to the nanosecond
// (Documentation/scheduler/sched-stats.rst). The times in stat are sampled at
// ticks, and what is woken by timers is charged several times over.
func cpuOf(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return 0, err
		}
		ns, err := strconv.ParseInt(strings.Fields(string(data))[0], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	if sum == 0 {
		return 0, errors.New("this kernel keeps no schedstat")
	}
	return sum, nil
}

func getStatus(url string, s *dunlin.Status) error {
	resp, err := http.Get(url + "/api/v1/status")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(s)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// until polls for half a minute.
func until(ctx context.Context, what string, ok func() bool) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if ok() {
			return nil
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("not within 30 s: %s", what)
}
