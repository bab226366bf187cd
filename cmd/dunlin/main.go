// Command dunlin runs quantized models on the sensors of one device: the agent
// itself, and the tools to make, check and try bundles and models.
//
// Begin in [commands], the table of everything it can do; each command lives in
// the file of its name. Errors leave with a hint and a documented exit code.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks, the second ends the process
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// A command is one verb, or a group of them.
type command struct {
	name    string
	summary string // one line for the list
	usage   string // synopsis, explanation and examples; --help adds the flags
	run     func(ctx context.Context, e *env, args []string) error
}

// commands is everything the binary does, in the order help lists it.
func commands() []command {
	return []command{
		{"run", "run the agent", runUsage, runRun},
		{"watch", "show a running agent live", watchUsage, runWatch},
		{"enroll", "make this device a member of a fleet", enrollUsage, runEnroll},
		{"update", "install a released bundle from a folder, such as a USB stick", updateUsage, runUpdate},
		{"rollback", "go back to the bundle, or the agent's program, of before", rollbackUsage, runRollback},
		{"status", "say once what a running agent does", statusUsage, runStatus},
		{"telemetry", "look at the records kept, erase them", telemetryUsage, runTelemetry},
		{"capture", "list, export and erase the windows kept", captureUsage, runCapture},
		{"replay", "compute a captured window again and compare", replayUsage, runReplay},
		{"record", "write what sources deliver, to be played again", recordUsage, runRecord},
		{"serve", "let programs use the models of a folder", serveUsage, runServe},
		{"classify", "run a bundle on files", classifyUsage, runClassify},
		{"config", "check the configuration", configUsage, runConfig},
		{"sensors", "find, list and try sources of data", sensorsUsage, runSensors},
		{"doctor", "say what is wrong on this device, with the fix", doctorUsage, runDoctor},
		{"bugreport", "collect what a maintainer needs, without secrets", bugreportUsage, runBugreport},
		{"bundle", "make, read and check bundles", bundleUsage, runBundle},
		{"model", "look into a model file, run and time it", modelUsage, runModel},
		{"version", "say which build this is", versionUsage, runVersion},
	}
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	e := newEnv(stdin, stdout, stderr)
	err := e.dispatch(ctx, "", commands(), args)
	return e.finish(err)
}
