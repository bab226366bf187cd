package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
)

// Exit codes; exitCodesHelp explains them to people.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInput       = 3
	exitUnsupported = 4
	exitConfig      = 5
	exitMismatch    = 6
)

const exitCodesHelp = `Exit codes of every dunlin command:

  0  done
  1  failed: the reason stands on standard error
  2  usage: unknown command, flag or argument
  3  input: a file is missing, damaged, or not what it should be
  4  unsupported: the model needs something this engine lacks
  5  configuration: a mistake in agent.yaml or conf.d
  6  mismatch: a hash, a golden sample or a replay did not come out as promised
`

// cliError is an error with the exit code and the hint it leaves with.
type cliError struct {
	code int
	hint string
	err  error
}

func (e *cliError) Error() string { return e.err.Error() }
func (e *cliError) Unwrap() error { return e.err }
func (e *cliError) Hint() string  { return e.hint }

// usageError reports a command line that makes no sense.
func usageError(hint, format string, args ...any) error {
	return &cliError{exitUsage, hint, fmt.Errorf(format, args...)}
}

// inputError reports a file that is not what the command needs.
func inputError(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &cliError{exitInput, hint, err}
}

// hintError adds what to do next; the exit code is that of err's kind.
func hintError(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &cliError{exitCode(err), hint, err}
}

// exitCode returns the code that an error leaves with.
func exitCode(err error) int {
	var (
		own         *cliError
		conf        *config.Error
		setup       *agent.SetupError
		mismatch    *agent.MismatchError
		differ      *pipeline.DifferError
		other       *agent.OtherBundleError
		unsupported *inference.UnsupportedError
		load        *agent.LoadError
		input       *agent.InputError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &conf), errors.As(err, &setup):
		return exitConfig
	case errors.As(err, &mismatch), errors.As(err, &differ), errors.As(err, &other):
		return exitMismatch
	case errors.As(err, &unsupported):
		return exitUnsupported
	case errors.As(err, &load), errors.As(err, &input), errors.Is(err, fs.ErrNotExist):
		return exitInput
	}
	return exitFailed
}

// hintOf returns what to do next, "" where nothing sensible is known.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	var unsupported *inference.UnsupportedError
	var load *agent.LoadError
	switch {
	case errors.As(err, &unsupported):
		return "see what the model needs with: dunlin model inspect FILE"
	case errors.Is(err, hal.ErrAbsent):
		return "dunlin sensors scan lists what is here, dunlin doctor says what is wrong"
	case errors.Is(err, fs.ErrNotExist):
		return "check the path; a relative one counts from the current folder"
	case errors.Is(err, fs.ErrPermission):
		return "check the permissions, or run as a user that may"
	case errors.Is(err, context.Canceled):
		return "it was interrupted; run it again"
	case errors.As(err, &load):
		return "get the bundle again from its publisher, or look into it with: dunlin bundle inspect FILE"
	}
	return ""
}

// finish prints the error and returns the exit code.
func (e *env) finish(err error) int {
	if err == nil {
		return exitOK
	}
	for line := range strings.Lines(err.Error()) {
		e.notef("dunlin: %s", strings.TrimRight(line, "\n"))
	}
	if hint := hintOf(err); hint != "" {
		for line := range strings.Lines(hint) {
			e.notef("hint: %s", strings.TrimRight(line, "\n"))
		}
	}
	return exitCode(err)
}
