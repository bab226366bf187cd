package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// asProgram makes the test binary behave as the program itself, so that tests
// drive the whole of it: arguments, streams, signals and exit code.
const asProgram = "DUNLIN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// outcome is what one run of the program left behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// program prepares one run of the binary.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// dunlin runs the binary to its end.
func dunlin(t *testing.T, args ...string) outcome {
	t.Helper()
	cmd := program(t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// wantFailure checks exit code, message and hint of a run.
func wantFailure(t *testing.T, got outcome, code int, message, hint string) {
	t.Helper()
	if got.code != code {
		t.Errorf("exit code %d, want %d", got.code, code)
	}
	if !strings.HasPrefix(got.stderr, "dunlin: ") || !strings.Contains(got.stderr, message) {
		t.Errorf("message %q, want %q", got.stderr, message)
	}
	_, after, found := strings.Cut(got.stderr, "hint: ")
	if !found || !strings.Contains(after, hint) {
		t.Errorf("hint in %q, want %q", got.stderr, hint)
	}
}

func TestUsage(t *testing.T) {
	tests := []struct {
		name          string
		args          []string
		message, hint string
	}{
		{"unknown command", []string{"verson"}, `unknown command "verson"`, `did you mean "dunlin version"?`},
		{"nothing like it", []string{"bananas"}, `unknown command "bananas"`, `see "dunlin help"`},
		{"unknown flag", []string{"version", "--jsn"}, "unknown flag --jsn", "did you mean --json?"},
		{"too many arguments", []string{"version", "now"}, `unexpected argument "now"`, `see "dunlin help version"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantFailure(t, dunlin(t, tt.args...), exitUsage, tt.message, tt.hint)
		})
	}
}

// TestHelp reads the help of every command as a stranger would: it must show
// the synopsis and an example, and fit 80 columns.
func TestHelp(t *testing.T) {
	groups := map[string][]command{
		"": commands(), "bundle": bundleCommands(), "config": configCommands(),
		"model": modelCommands(), "sensors": sensorsCommands(), "telemetry": telemetryCommands(),
	}
	for group, table := range groups {
		for _, c := range table {
			name := strings.TrimSpace(group + " " + c.name)
			got := dunlin(t, append([]string{"help"}, strings.Fields(name)...)...)
			if got.code != 0 || got.stderr != "" {
				t.Errorf("help %s: code %d, stderr %q", name, got.code, got.stderr)
			}
			isGroup := strings.Contains(got.stdout, "\nCommands:\n")
			if !strings.Contains(got.stdout, "Usage: dunlin "+name) || !isGroup && !strings.Contains(got.stdout, "Examples:") {
				t.Errorf("help %s lacks synopsis or examples:\n%s", name, got.stdout)
			}
			for line := range strings.Lines(got.stdout) {
				if n := len([]rune(strings.TrimRight(line, "\n"))); n > helpWidth {
					t.Errorf("help %s: a line of %d columns: %s", name, n, line)
				}
			}
		}
	}
	if got := dunlin(t, "help", "exit-codes"); !strings.Contains(got.stdout, "6  mismatch") {
		t.Errorf("help exit-codes: %q", got.stdout)
	}
	if got := dunlin(t, "help", "operators"); !regexp.MustCompile(`(?m)^CONV_2D +\d+ +\d+ +\d+ +\d+ +absent`).MatchString(got.stdout) {
		t.Errorf("help operators: %q", got.stdout)
	}
	if got := dunlin(t); got.code != 0 || !strings.Contains(got.stdout, "Commands:") {
		t.Errorf("no arguments: code %d, %q", got.code, got.stdout)
	}
}

func TestVersion(t *testing.T) {
	if got := dunlin(t, "version", "--json"); got.code != 0 || !strings.Contains(got.stdout, `"go": "go1.`) {
		t.Errorf("version --json: %+v", got)
	}
	if got := dunlin(t, "version"); got.code != 0 || !strings.HasPrefix(got.stdout, "dunlin ") {
		t.Errorf("version: %+v", got)
	}
}
