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

	"github.com/dunlin-edge/dunlin/ota/guard"
)

const usage = `Usage: dunlin-guard DIR PROGRAM [ARG...]
       dunlin-guard --ended DIR
       dunlin-guard --list DIR

Becomes the agent: PROGRAM of the package, or a newer one that came as an
update and lies in DIR. An update on trial starts three times at most without
holding, and not once more after the watchdog had to end it; then the one
before starts again, and the update never.

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
	case len(args) < 2 || args[0] == "" || args[0][0] == '-':
		return errors.New("want DIR PROGRAM [ARG...]; dunlin-guard --help says more")
	}
	return become(guard.Dir(args[0]), args[1], args[2:])
}

// become replaces this process by the agent, so that systemd's main process,
// notifications and watchdog are the agent's own.
func become(d guard.Dir, packaged string, args []string) error {
	c, err := d.Pick(packaged, ownVersion())
	if err != nil {
		fmt.Fprintln(os.Stderr, "dunlin-guard: starting the packaged program:", err)
	}
	for _, note := range c.Notes {
		fmt.Fprintln(os.Stderr, "dunlin-guard:", note)
	}
	env := append(os.Environ(), "DUNLIN_GUARD="+string(d))
	err = syscall.Exec(c.Path, append([]string{c.Path}, args...), env)
	if c.Path == packaged {
		return fmt.Errorf("start %s: %w", packaged, err)
	}
	// A trial that does not even start has used one of its starts.
	fmt.Fprintf(os.Stderr, "dunlin-guard: start %s: %v; starting the packaged program\n", c.Version.Short(), err)
	return fmt.Errorf("start %s: %w", packaged, syscall.Exec(packaged, append([]string{packaged}, args...), env))
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
