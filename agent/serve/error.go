package serve

import (
	"fmt"
	"time"
)

// Kind says which sort of refusal an Error is.
type Kind int

// The kinds of refusal.
const (
	NotFound Kind = iota // no such model or version
	NotReady             // installed, not loaded
	Invalid              // the request makes no sense
	Denied               // this client may not
	TooMany              // this client asks too often
	Overload             // everybody together asks too often, or the deadline passed
	Memory               // the model does not fit
	Conflict             // it is so already
	Failed               // the model failed, by no fault of the request
)

// An Error is a refused request.
type Error struct {
	Kind  Kind
	Text  string
	Retry time.Duration // when another try makes sense; 0: not told
}

func (e *Error) Error() string { return e.Text }

func refuse(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Text: fmt.Sprintf(format, args...)}
}
