package controller

import (
	"errors"
	"fmt"
)

// Problem is an error with an HTTP status and a hint for people.
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Hint   string `json:"hint,omitempty"`
}

func (p *Problem) Error() string {
	if p.Hint == "" {
		return p.Title
	}
	return fmt.Sprintf("%s (%s)", p.Title, p.Hint)
}

func problem(status int, title, hint string) *Problem { return &Problem{status, title, hint} }

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// NewProblem is for handlers beside the REST interface.
func NewProblem(status int, title, hint string) *Problem { return problem(status, title, hint) }

// AsProblem words an error for people. What is not one of ours stays in the log.
func AsProblem(err error) *Problem {
	p := problem(500, "something failed here; the controller's log says what", "")
	errors.As(err, &p)
	return p
}
