package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota"
	"github.com/dunlin-edge/dunlin/ota/guard"
)

// ErrRestart ends Run where another program of the agent is to start.
var ErrRestart = errors.New("the agent starts again with another program")

// selfTestTime is how long a program may take to say which build it is.
const selfTestTime = 10 * time.Second

// defaultTrial is how long a program may take to bring back what worked before
// it. A fifth of that it has to work without a pause.
const defaultTrial = 5 * time.Minute

// A program is the agent's own program, where a guard started it. It is what
// the updater needs to replace it. A nil one cannot be replaced.
type program struct {
	dir     guard.Dir
	running guard.Version   // zero: the packaged one
	proved  chan struct{}   // closed when the trial of the running one has ended
	restart func()          // ends Run with ErrRestart
	works   func() []string // what works now
	after   time.Duration
	within  time.Duration
}

// newProgram finds the guard that started this process.
func newProgram(dir string, trial time.Duration) (*program, error) {
	if trial <= 0 {
		trial = defaultTrial
	}
	if dir == "" {
		return nil, nil
	}
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &program{dir: guard.Dir(dir), proved: make(chan struct{}), after: trial / 5, within: trial}
	p.running, _ = p.dir.Running(path)
	return p, nil
}

// programArch is what this program was built for, as releases write it:
// GOARCH, with the GOARM level after a slash. A 32-bit program on a 64-bit
// kernel stays one.
func programArch() string {
	info, ok := debug.ReadBuildInfo()
	if ok && runtime.GOARCH == "arm" {
		for _, s := range info.Settings {
			if s.Key == "GOARM" {
				return runtime.GOARCH + "/" + strings.Split(s.Value, ",")[0]
			}
		}
	}
	return runtime.GOARCH
}

// works names what works now: the link, and each pipeline that decides.
func (a *Agent) works() []string {
	s := a.Status()
	names := []string{}
	if s.Fleet != nil && s.Fleet.Connected {
		names = append(names, "the link to the fleet")
	}
	for _, p := range s.Pipelines {
		if p.State == Running && p.Windows > 0 {
			names = append(names, "pipeline "+p.Name)
		}
	}
	return names
}

// bringProgram works towards the program that the fleet wants.
func (u *updater) bringProgram(ctx context.Context, d fleet.Desired, item fleet.Item) error {
	if u.program == nil {
		return fmt.Errorf("%w: dunlin-guard did not start this agent, so nothing could bring it back", errNotHere)
	}
	if a, ok := u.client.Active(item.Slot); ok && a.SHA256 == item.SHA256 && u.program.running.SHA256 == item.SHA256 {
		return nil
	}
	order, err := u.order(d, item)
	if err != nil {
		return err
	}
	if err := u.client.Refresh(ctx); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	if err := u.client.Install(ctx, order); err != nil {
		return err
	}
	return u.useProgram()
}

// updateProgram puts a released program on trial, as somebody beside the device
// wants. It is ErrRestart where the program starts next.
func (u *updater) updateProgram(ctx context.Context, target string) error {
	if u.program == nil {
		return &RequestError{Invalid, "no guard's folder is known: dunlin-guard starts the agent where its program can be replaced"}
	}
	if err := u.client.Refresh(ctx); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	t, err := u.client.Trust().Target(ctx, target)
	if err != nil {
		return err
	}
	if err := u.client.Install(ctx, ota.Order{Slot: ota.ProgramSlot, Target: target, Length: t.Length, SHA256: t.SHA256}); err != nil {
		return err
	}
	return u.useProgram()
}

// useProgram starts the active program where another one runs: flash lost it,
// or a newer package is on the device.
func (u *updater) useProgram() error {
	a, ok := u.client.Active(ota.ProgramSlot)
	if !ok || a.SHA256 == u.program.running.SHA256 {
		return nil
	}
	v := guard.Version{Version: a.Version, SHA256: a.SHA256}
	standing, reason, err := u.program.dir.Standing(v)
	switch {
	case err != nil:
		return err
	case standing == guard.Refused:
		return errors.Join(errNotHere, errors.New(reason))
	case standing == guard.Held:
		return fmt.Errorf("%w: the packaged program is as new as %s", errNotHere, v.Version)
	}
	return u.program.begin(v, a.Path)
}

// trialProgram judges a candidate for the agent's own program. It takes two
// processes: one stages it and ends, the candidate itself shows that it holds.
func (u *updater) trialProgram(ctx context.Context, c ota.Candidate) (ota.Verdict, error) {
	p, v := u.program, guard.Version{Version: c.Version, SHA256: c.SHA256}
	if p == nil {
		return ota.Verdict{}, errNotHere
	}
	standing, reason, err := p.dir.Standing(v)
	switch {
	case err != nil:
		return ota.Verdict{}, err
	case standing == guard.Refused:
		return ota.Verdict{Reason: reason}, nil
	case standing == guard.Held:
		return ota.Verdict{Good: true}, nil
	case standing == guard.OnTrial && p.running == v:
		select {
		case <-p.proved:
			return ota.Verdict{}, errors.New("its trial has just ended")
		case <-ctx.Done():
			return ota.Verdict{}, ctx.Err()
		}
	}
	if err := ota.StageProgram(p.dir, v, c.Path); err != nil {
		return ota.Verdict{}, err
	}
	if err := selfTestProgram(ctx, p.dir.Path(v), v.Version); err != nil {
		if ctx.Err() != nil {
			return ota.Verdict{}, ctx.Err()
		}
		return ota.Verdict{Reason: err.Error()}, nil
	}
	u.log.Info("a new program of the agent is on trial", "version", v.Version, "digest", v.SHA256[:12])
	return ota.Verdict{}, p.begin(v, c.Path)
}

// begin puts a program on trial and ends this process in its favour.
func (p *program) begin(v guard.Version, blob string) error {
	if err := p.dir.Try(v, p.works()); err != nil {
		if err := ota.StageProgram(p.dir, v, blob); err != nil {
			return err
		}
		if err := p.dir.Try(v, p.works()); err != nil {
			return err
		}
	}
	p.restart()
	return ErrRestart
}

// selfTestProgram runs a program only far enough to say which build it is:
// another architecture, a missing interpreter, other contents than it was
// signed as.
func selfTestProgram(ctx context.Context, path, version string) error {
	ctx, cancel := context.WithTimeout(ctx, selfTestTime)
	defer cancel()
	var said bytes.Buffer
	var err error
	for range 5 {
		said.Reset()
		cmd := exec.CommandContext(ctx, path, "version", "--json")
		cmd.Stdout, cmd.Env, cmd.WaitDelay = &said, []string{}, time.Second
		// A fork elsewhere in this process may hold the fresh file open for a
		// moment (golang.org/issue/22315).
		if err = cmd.Run(); !errors.Is(err, unix.ETXTBSY) || !pause(ctx, time.After(100*time.Millisecond)) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("it does not start here: %w", errors.Join(unpath(err), ctx.Err()))
	}
	var got struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(said.Bytes(), &got); err != nil {
		return errors.New("it does not say which version it is")
	}
	if strings.TrimPrefix(got.Version, "v") != version {
		return fmt.Errorf("it says it is %.60q, it was signed as %s", got.Version, version)
	}
	return nil
}

// unpath takes the path out of an error.
func unpath(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// prove shows that the running program holds, where it is on trial: what
// worked with the one before works with it.
func (u *updater) prove(ctx context.Context) {
	p := u.program
	if p == nil {
		return
	}
	defer close(p.proved)
	v, needs, ok := p.dir.Needs()
	if !ok || v != p.running {
		return
	}
	u.log.Info("this program is on trial", "version", v.Version, "needs", strings.Join(needs, ", "))
	missing, held := p.watch(ctx, needs)
	if ctx.Err() != nil {
		return
	}
	if held {
		if err := p.dir.Commit(v); err != nil {
			u.log.Error("program holds, and is not committed", "err", err) // the next start tries again
			return
		}
		u.log.Info("this program holds", "version", v.Version)
		u.poke()
		return
	}
	reason := fmt.Sprintf("within %s it did not bring back %s", p.within, strings.Join(missing, ", "))
	u.log.Error("going back to the program of before", "reason", reason)
	if err := p.dir.Refuse(v, reason); err != nil {
		u.log.Error("refuse program", "err", err) // the guard counts its starts
	}
	p.restart()
}

// watch waits until all needs have worked for a while, or never did.
func (p *program) watch(ctx context.Context, needs []string) (missing []string, held bool) {
	began := time.Now()
	since := began
	tick := time.NewTicker(max(p.after/60, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, false
		case now := <-tick.C:
			missing = lacks(needs, p.works())
			if len(missing) > 0 {
				since = now
			}
			switch {
			case now.Sub(since) >= p.after:
				return nil, true
			case now.Sub(began) >= p.within && len(missing) > 0:
				return missing, false
			}
		}
	}
}

func lacks(needs, works []string) []string {
	var missing []string
	for _, n := range needs {
		if !slices.Contains(works, n) {
			missing = append(missing, n)
		}
	}
	return missing
}

// rollbackProgram takes the running program back.
func (u *updater) rollbackProgram(reason string) error {
	p := u.program
	if p == nil || p.running == (guard.Version{}) {
		return errors.New("the packaged program runs: there is nothing to go back to")
	}
	if err := p.dir.Refuse(p.running, reason); err != nil {
		return err
	}
	if a, ok := u.client.Active(ota.ProgramSlot); ok && a.SHA256 == p.running.SHA256 {
		if err := u.client.Rollback(ota.ProgramSlot, reason); err != nil {
			return err
		}
	}
	time.AfterFunc(time.Second, p.restart) // whoever asked hears of it first
	return nil
}
