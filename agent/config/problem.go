package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in a file; lines and columns count from 1.
type Position struct {
	File         string
	Line, Column int
}

// String gives file:line:column, as compilers write it.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is one mistake.
type Problem struct {
	At   Position
	Text string
	Hint string // what to do next; may be empty
}

// Error lists every mistake found, in file order.
type Error struct{ Problems []Problem }

// Error gives one line per problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.At.String() + ": " + p.Text
	}
	return strings.Join(lines, "\n")
}

// Hint gives the distinct hints, one a line.
func (e *Error) Hint() string {
	var hints []string
	for _, p := range e.Problems {
		if p.Hint != "" && !slices.Contains(hints, p.Hint) {
			hints = append(hints, p.Hint)
		}
	}
	return strings.Join(hints, "\n")
}

// report collects problems while the files are read.
type report struct{ problems []Problem }

func (r *report) add(at Position, hint, format string, args ...any) {
	r.problems = append(r.problems, Problem{at, fmt.Sprintf(format, args...), hint})
}

func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.At.File, b.At.File),
			a.At.Line-b.At.Line, a.At.Column-b.At.Column)
	})
	return &Error{r.problems}
}
