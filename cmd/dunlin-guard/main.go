// Command dunlin-guard becomes the agent: the packaged program, or one that came
// as an update and holds. It belongs to the package and never updates itself.
//
// It knows no network and no configuration. What it decides stands in package
// ota/guard.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/dunlin-edge/dunlin/ota/guard"
)

const usage = `Usage: dunlin-guard [--trial DURATION] DIR PROGRAM [ARG...]
       dunlin-guard --ended DIR
       dunlin-guard --list DIR

Becomes the agent: PROGRAM of the package, or a newer one that came as an
update and lies in DIR. An update on trial starts three times at most without
holding, and not once more after the watchdog had to end it; then the one
before starts again, and the update never. Within DURATION, 5m if not given, it
has to show that what worked before works with it.

  --ended  for ExecStopPost= of the agent's unit: how it ended, from
           SERVICE_RESULT
  --list   which programs there are, and how each stands

Examples:
  dunlin-guard /var/lib/dunlin/agent /usr/bin/dunlin run
  dunlin-guard --list /var/lib/dunlin/agent
`

// version of the package; programs of it and before are not preferred to it.
// The build sets it.
var version string

func main() {
	err := run(os.Args[1:])
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "dunlin-guard:", err)
	os.Exit(1)
}

func run(args []string) error {
	switch {
	case len(args) == 1 && (args[0] == "--help" || args[0] == "-h"):
		_, err := fmt.Print(usage)
		return err
	case len(args) == 2 && args[0] == "--ended":
		return guard.Dir(args[1]).Ended(os.Getenv("SERVICE_RESULT"))
	case len(args) == 2 && args[0] == "--list":
		return list(guard.Dir(args[1]))
	case len(args) == 4 && args[0] == "--watch":
		return watch(guard.Dir(args[1]), args[2], args[3])
	}
	trial := defaultTrial
	if len(args) > 2 && args[0] == "--trial" {
		var err error
		if trial, err = time.ParseDuration(args[1]); err != nil || trial <= 0 {
			return fmt.Errorf("--trial %q: want a time such as 5m", args[1])
		}
		args = args[2:]
	}
	if len(args) < 2 || args[0] == "" || args[0][0] == '-' {
		return errors.New("want DIR PROGRAM [ARG...]; dunlin-guard --help says more")
	}
	return become(guard.Dir(args[0]), args[1], args[2:], trial)
}

// defaultTrial is how long a program may take to show that it holds.
const defaultTrial = 5 * time.Minute

// become replaces this process by the agent, so that systemd's main process,
// notifications and watchdog are the agent's own.
func become(d guard.Dir, packaged string, args []string, trial time.Duration) error {
	c, err := d.Pick(packaged, ownVersion())
	if err != nil {
		fmt.Fprintln(os.Stderr, "dunlin-guard: starting the packaged program:", err)
	}
	for _, note := range c.Notes {
		fmt.Fprintln(os.Stderr, "dunlin-guard:", note)
	}
	env := append(os.Environ(), "DUNLIN_GUARD="+string(d), "DUNLIN_TRIAL="+trial.String())
	if c.Trial {
		if err := startWatch(d, c.Version, trial); err != nil {
			fmt.Fprintln(os.Stderr, "dunlin-guard: nobody watches the trial:", err)
		}
	}
	err = syscall.Exec(c.Path, append([]string{c.Path}, args...), env)
	if c.Path == packaged {
		return fmt.Errorf("start %s: %w", packaged, err)
	}
	// A trial that does not even start has used one of its starts.
	fmt.Fprintf(os.Stderr, "dunlin-guard: start %s: %v; starting the packaged program\n", c.Version.Short(), err)
	return fmt.Errorf("start %s: %w", packaged, syscall.Exec(packaged, append([]string{packaged}, args...), env))
}

// startWatch starts a process that ends a trial which does not end itself. It
// is in the service's control group, so it goes with the agent.
func startWatch(d guard.Dir, v guard.Version, trial time.Duration) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// The agent itself decides within trial; this is for one that cannot.
	argv := []string{self, "--watch", string(d), v.SHA256, (trial + trial/5).String()}
	p, err := os.StartProcess(self, argv, &os.ProcAttr{Env: []string{}, Files: []*os.File{nil, nil, os.Stderr}})
	if err != nil {
		return err
	}
	return p.Release()
}

// watch waits, and ends the agent (its parent) where the same version is still
// on trial then.
func watch(d guard.Dir, digest, wait string) error {
	agent := os.Getppid()
	t, err := time.ParseDuration(wait)
	if err != nil {
		return err
	}
	time.Sleep(t)
	v, _, ok := d.Needs()
	if !ok || v.SHA256 != digest || os.Getppid() != agent {
		return nil
	}
	err = d.Refuse(v, "within "+wait+" it did not say that it holds")
	return errors.Join(err, syscall.Kill(agent, syscall.SIGKILL))
}

func ownVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}

func list(d guard.Dir) error {
	all, err := d.List()
	if err != nil {
		return err
	}
	fmt.Printf("packaged  %s\n", ownVersion())
	for _, e := range all {
		fmt.Printf("%-9s %s %s\n", e.Standing, e.Version.Short(), e.Reason)
	}
	return nil
}
