package main

import (
	"fmt"
	"io"
	"os"
)

// env is what a command may touch of the world around it.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	color          bool     // stdout is a terminal and colours are welcome
	path           string   // "bundle pack": what was typed so far
	command        *command // the one that runs
}

func newEnv(stdin io.Reader, stdout, stderr io.Writer) *env {
	e := &env{stdin: stdin, stdout: stdout, stderr: stderr}
	e.color = isTerminal(stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return e
}

// printf writes to standard output.
func (e *env) printf(format string, args ...any) {
	fmt.Fprintf(e.stdout, format, args...)
}

// notef writes a remark to standard error, where it does not disturb data.
func (e *env) notef(format string, args ...any) {
	fmt.Fprintf(e.stderr, format+"\n", args...)
}

// isTerminal tells whether a person may be reading w.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && fileIsTerminal(f)
}
