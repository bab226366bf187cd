package controller

import "fmt"

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
