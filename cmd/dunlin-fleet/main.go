// Command dunlin-fleet runs the controller of a fleet and talks to it.
//
// Begin in [root], the table of commands; each lives in the file of its name.
// All but serve are clients of the REST interface of a controller on the same
// machine, whose state folder tells them its address and token.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks, the second ends the process
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	cmd := root()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "dunlin-fleet: %v\n", err)
	if h := (*hinted)(nil); errors.As(err, &h) && h.hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", h.hint)
	}
	return 1
}

// hinted is an error with what to do next.
type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "dunlin-fleet",
		Short:         "run the controller of a fleet and talk to it",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
	}
	cmd.PersistentFlags().String("dir", stateDir(), "state folder of the controller")
	cmd.CompletionOptions.HiddenDefaultCmd = true
	cmd.AddCommand(serveCommand(), tokenCommand(), allowCommand(), devicesCommand(), clientCommand(), groupCommand(), commandCommand(), logsCommand(), driftCommand(), auditCommand(), backupCommand(), restoreCommand(), statusCommand(), brokerCommand(),
		keyCommand(), repositoryCommand(), evaluateCommand(), proposeCommand(), publishCommand(), withdrawCommand(), releasesCommand(), assignCommand(), assignmentsCommand(), assignmentCommand(), capturesCommand(), topCommand(), userCommand(), webhookCommand(), simCommand(), demoCommand(), consoleCommand())
	return cmd
}

// stateDir is what systemd gives the unit, or its usual place.
func stateDir() string {
	if d := os.Getenv("STATE_DIRECTORY"); d != "" {
		return d
	}
	return "/var/lib/dunlin-fleet"
}
