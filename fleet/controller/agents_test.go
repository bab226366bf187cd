package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dunlin-edge/dunlin/ota/bundle"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// An ensemble plays a scenario with real agents: processes of the shipped
// program, against a controller with its broker's process, TLS and HTTPS. All
// times are the scenario's, divided by pace.
type ensemble struct {
	*rig
	sc     scenario
	pace   float64
	dunlin string
	dir    string
	all    []*fellow
	oldSHA string
	newSHA string
	start  time.Time
	id     string // of the assignment
}

// A fellow is one agent. What it does with the new bundle comes from what its
// machine does: on one with a bad bearing both bundles agree, on a healthy one they
// do not; who takes long has a slow line to the artifacts, and who hangs one
// that never gives anything.
type fellow struct {
	id, file    string
	takes       time.Duration // 0: as long as it takes
	hangs       bool
	from, until time.Duration // offline
	line        *valve
	since       time.Duration // when it heard of the assignment; 0: not yet
	agent       *exec.Cmd
}

const fellowConfig = `device: {name: %s}
sources:
  vibration: {driver: sim.machine, seed: %d, fault: %s}
pipelines:
  machine: {source: vibration, bundle: %q, assigned: true}
telemetry: {dir: telemetry, max_bytes: 1MiB, max_age: 10s}
fleet: {dir: fleet}
api: {listen: "off"}
`

// probationOf packs a machine bundle of the demo with another probation.
func (e *ensemble) probationOf(version string, windows int) string {
	e.t.Helper()
	b, err := bundle.Open(demoBundles + "machine-" + version + ".dunlin")
	if err != nil {
		e.t.Fatal(err)
	}
	defer b.Close()
	m, files := *b.Manifest(), fstest.MapFS{}
	for _, f := range m.Files {
		data, err := b.File(f.Name)
		if err != nil {
			e.t.Fatal(err)
		}
		files[f.Name] = &fstest.MapFile{Data: data}
	}
	m.Files, m.Probation = nil, &bundle.Probation{Windows: windows, MinAgreement: 0.8}
	path := filepath.Join(e.dir, "machine-"+version+".dunlin")
	if _, err := bundle.PackFile(path, &m, files); err != nil {
		e.t.Fatal(err)
	}
	return path
}

// muster starts the controller, enrols the agents, and lets those that are
// online run the old bundle as the fleet's.
func muster(t *testing.T, sc scenario, dunlin string, pace float64, windows int) *ensemble {
	t.Helper()
	r := rigOf(t, Config{Dir: t.TempDir(), Tick: time.Duration(float64(scenarioStep) / pace)})
	e := &ensemble{rig: r, sc: sc, pace: pace, dunlin: dunlin, dir: t.TempDir()}
	old := e.release(windows)
	token, err := e.NewToken(t.Context(), "test", TokenOptions{Uses: 100})
	if err != nil {
		t.Fatal(err)
	}
	online := 0
	for _, group := range sc.Devices {
		for range group.N {
			f := &fellow{id: fmt.Sprintf("d-%04d", len(e.all)), hangs: group.Does == "hang", takes: time.Duration(group.Takes),
				from: time.Duration(group.OfflineFrom), until: time.Duration(group.OfflineUntil)}
			e.enrol(f, token, old, map[bool]string{true: "normal", false: "bearing"}[group.Does == "refuse"])
			e.all = append(e.all, f)
			if !f.offline(0) {
				online++
				e.run(f)
			}
		}
	}
	e.within("all decide", func() bool { return len(e.running("")) == online })
	if online > 0 {
		a, err := e.Assign(t.Context(), "test", AssignmentOptions{Target: "models/machine/1.0.0.dunlin", Query: "state = online", Waves: []Wave{{Percent: 100}}, Soak: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		e.within("all run the old bundle", func() bool { return e.assignment(a.ID).State == "done" })
	}
	for _, f := range e.all {
		f.line.shut(f.hangs || f.takes > 0)
	}
	return e
}

// release makes the repository with an old bundle, whose file it returns, and a
// new one, which asks for so many windows of probation.
func (e *ensemble) release(windows int) string {
	e.t.Helper()
	keyDir := e.t.TempDir()
	err := release.Ceremony(keyDir, true)
	var keys []*release.Key
	if err == nil {
		keys, err = release.ReadKeys(keyDir)
	}
	var repo *release.Repo
	if err == nil {
		repo, err = release.Create(e.cfg.Repository, keys, time.Now)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	old, next := e.probationOf("1.0.0", 0), e.probationOf("1.1.0", windows)
	for version, file := range map[string]string{"1.0.0": old, "1.1.0": next} {
		if err := repo.Publish(release.RingOf(keys), release.Artifact{Path: "models/machine/" + version + ".dunlin", File: file,
			Custom: trust.Custom{Kind: "bundle", Name: "machine", Version: version}}); err != nil {
			e.t.Fatal(err)
		}
	}
	all := repo.Released()
	e.oldSHA, e.newSHA = all[0].SHA256, all[1].SHA256
	return old
}

func (e *ensemble) enrol(f *fellow, token, bundle, fault string) {
	e.t.Helper()
	dir := filepath.Join(e.dir, f.id)
	f.file = filepath.Join(dir, "agent.yaml")
	text := fmt.Sprintf(fellowConfig, f.id, len(e.all)+1, fault, bundle)
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(f.file, []byte(text), 0o600)); err != nil {
		e.t.Fatal(err)
	}
	f.line = newValve(e.t, strings.TrimPrefix(e.url, "https://"))
	if out, err := exec.Command(e.dunlin, "enroll", "https://"+f.line.addr(), token, "--config", f.file).CombinedOutput(); err != nil {
		e.t.Fatalf("enrol %s: %v %s", f.id, err, out)
	}
}

// run starts an agent, which ends with the test at the latest.
func (e *ensemble) run(f *fellow) {
	e.t.Helper()
	log, err := os.OpenFile(f.file+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		e.t.Fatal(err)
	}
	defer log.Close()
	f.agent = exec.Command(e.dunlin, "run", "--config", f.file)
	f.agent.Stdout, f.agent.Stderr = log, log
	f.agent.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := f.agent.Start(); err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(f.kill)
}

// kill takes a device's power away.
func (f *fellow) kill() {
	if f.agent != nil {
		_ = f.agent.Process.Kill()
		_ = f.agent.Wait() // killed
		f.agent = nil
	}
}

func (f *fellow) offline(at time.Duration) bool { return at >= f.from && at < f.until }

func (e *ensemble) assignment(id string) *Assignment {
	e.t.Helper()
	a, err := e.Assignment(e.t.Context(), id)
	if err != nil {
		e.t.Fatal(err)
	}
	return a
}

// running names the devices that say they run a bundle; "": any.
func (e *ensemble) running(sha string) (ids []string) {
	for _, f := range e.all {
		d, err := e.Device(e.t.Context(), f.id)
		if err != nil {
			e.t.Fatal(err)
		}
		if at := d.loaded("machine"); at != "" && (sha == "" || at == sha) {
			ids = append(ids, f.id)
		}
	}
	return ids
}

func (e *ensemble) within(what string, ok func() bool) {
	e.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			e.t.Fatalf("%s: not within 2 minutes", what)
		}
	}
}

// now is the scenario's time.
func (e *ensemble) now() time.Duration {
	return time.Duration(float64(time.Since(e.start)) * e.pace)
}

func (e *ensemble) real(d span) time.Duration { return time.Duration(float64(d) / e.pace) }

// play lets devices and people do what the scenario says until it ends, or is
// as it should be for good.
func (e *ensemble) play() {
	e.t.Helper()
	a, err := e.Assign(e.t.Context(), "test", AssignmentOptions{Target: "models/machine/1.1.0.dunlin", Waves: e.sc.Waves, Soak: e.real(e.sc.Soak), Timeout: e.real(e.sc.Timeout)})
	if err != nil {
		e.t.Fatal(err)
	}
	e.id, e.start = a.ID, time.Now()
	end := time.Duration(e.sc.Until)
	if e.sc.Want.State == "done" || e.sc.Want.State == "aborted" {
		end += 3 * scenarioStep // real agents take time to decide, each
	}
	for steer := e.sc.Steer; e.now() < end; time.Sleep(100 * time.Millisecond) {
		if len(steer) > 0 && e.now() >= time.Duration(steer[0].At) {
			if _, err := e.Steer(e.t.Context(), "test", e.id, steer[0].Do); err != nil {
				e.tell()
				e.t.Fatal(err)
			}
			steer = steer[1:]
		}
		e.act()
		if s := e.assignment(e.id).State; (s == "done" || s == "aborted") && e.differs() == "" {
			return
		}
	}
}

// act starts and kills agents, and opens lines whose time has come.
func (e *ensemble) act() {
	e.t.Helper()
	at := e.now()
	heard := map[string]bool{}
	devices, err := e.AssignedDevices(e.t.Context(), e.id, "", 100)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, d := range devices {
		heard[d.Device] = d.State == "sent" || d.State == "updating"
	}
	for _, f := range e.all {
		switch off := f.offline(at); {
		case off && f.agent != nil:
			f.kill()
			f.since = 0
			f.line.shut(f.hangs || f.takes > 0)
		case !off && f.agent == nil:
			e.run(f)
		case !off && f.since == 0 && heard[f.id]:
			f.since = at
		case !off && f.since > 0 && at-f.since >= f.takes && !f.hangs:
			f.line.shut(false)
		}
	}
}

// differs tells how things are not as the scenario wants them in the end.
func (e *ensemble) differs() string {
	e.t.Helper()
	a, want := e.assignment(e.id), e.sc.Want
	var told int
	if err := e.store.db.QueryRowContext(e.t.Context(), `SELECT count(*) FROM assigned WHERE assignment = $1 AND n > 0`, e.id).Scan(&told); err != nil {
		e.t.Fatal(err)
	}
	runNew := len(e.running(e.newSHA))
	same := true
	if a.State == "aborted" { // not all of a wave decide within the controller's step
		a.Devices["failed"] += a.Devices["sent"] + a.Devices["updating"]
		a.Devices["sent"], a.Devices["updating"] = 0, 0
	}
	for _, state := range []string{"sent", "updating", "failed", "done", "waiting"} {
		same = same && (want.Devices == nil || a.Devices[state] == want.Devices[state])
	}
	if a.State == want.State && runNew == want.New && (want.Told == 0 || told == want.Told) && same {
		return ""
	}
	return fmt.Sprintf("%s (%s), %v, %d run the new bundle, %d were told; want %+v", a.State, a.Reason, a.Devices, runNew, told, want)
}

// shipped builds the agent.
func shipped(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dunlin")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/dunlin").CombinedOutput(); err != nil {
		t.Fatalf("build: %v %s", err, out)
	}
	return path
}

// tell logs what each device says.
func (e *ensemble) tell() {
	devices, err := e.AssignedDevices(context.Background(), e.id, "", 100)
	if err != nil {
		e.t.Error(err)
	}
	for _, f := range e.all {
		if data, err := os.ReadFile(f.file + ".log"); err == nil {
			e.t.Logf("%s: ...%s", f.id, data[max(0, len(data)-2000):])
		}
	}
	for _, d := range devices {
		e.t.Logf("%s in wave %d is %s since %v: %s %s", d.Device, d.Wave, d.State, time.Duration(float64(d.Since.Sub(e.start))*e.pace).Round(time.Minute), d.Slot, d.Reason)
	}
}

// TestRealAgents plays the scenarios, as they are, with real agents: a short
// one, or with DUNLIN_LONG all of them.
func TestRealAgents(t *testing.T) {
	t.Parallel()
	files, pace := []string{"kill", "hang"}, 120.0
	if os.Getenv("DUNLIN_LONG") != "" {
		all, err := filepath.Glob("testdata/scenarios/*.json")
		if err != nil {
			t.Fatal(err)
		}
		files, pace = nil, 60
		for _, f := range all {
			files = append(files, strings.TrimSuffix(filepath.Base(f), ".json"))
		}
	}
	dunlin := shipped(t)
	for _, name := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile("testdata/scenarios/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var sc scenario
			if err := json.Unmarshal(raw, &sc); err != nil {
				t.Fatal(err)
			}
			e := muster(t, sc, dunlin, pace, int(1920/pace))
			e.play()
			if d := e.differs(); d != "" {
				t.Error(d)
				e.tell()
			}
			t.Logf("%d agents, %v after the assignment: %s", len(e.all), time.Since(e.start).Round(time.Second), e.assignment(e.id).Reason)
			if n, err := e.VerifyAudit(context.Background()); err != nil || n < 1 {
				t.Errorf("audit: %d lines, %v", n, err)
			}
		})
	}
}
