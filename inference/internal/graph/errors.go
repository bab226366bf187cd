package graph

import (
	"errors"
	"fmt"
	"strings"
)

// UnsupportedError names everything in a valid model that the engine cannot
// run, so that one look tells what would have to change.
type UnsupportedError struct {
	Problems []string
}

func (e *UnsupportedError) Error() string {
	return "unsupported by this engine: " + strings.Join(e.Problems, "; ")
}

// maxProblems keeps hostile files from growing the message.
const maxProblems = 64

func (e *UnsupportedError) add(format string, args ...any) {
	p := fmt.Sprintf(format, args...)
	for _, have := range e.Problems {
		if have == p {
			return
		}
	}
	if len(e.Problems) < maxProblems {
		e.Problems = append(e.Problems, p)
	}
}

func (e *UnsupportedError) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}

// Budget bounds the memory and the work of a model. Every allocation that
// depends on the file is charged before it is made.
type Budget struct {
	Memory int64 // bytes left
	Steps  int64 // multiply-accumulates or elements left in one run

	Workers int // threads that a session may use; 0 is 1
}

// ErrMemory is wrapped by the error of a model that needs more memory than it may take.
var ErrMemory = errors.New("memory limit")

// Take charges n bytes for what.
func (b *Budget) Take(what string, n int64) error {
	if n < 0 || n > b.Memory {
		return fmt.Errorf("%s: %d bytes, %d left of the %w", what, n, b.Memory, ErrMemory)
	}
	b.Memory -= n
	return nil
}

// Work charges n steps for what.
func (b *Budget) Work(what string, n int64) error {
	if n < 0 || n > b.Steps {
		return fmt.Errorf("%s: %d steps, %d left of the step limit", what, n, b.Steps)
	}
	b.Steps -= n
	return nil
}
