package drift

import (
	"errors"
	"fmt"
)

// Window is the profile of one pipeline over some time, ready to be added to
// others of the same bundle.
type Window struct {
	Pipeline string   // at most 64 bytes, cut beyond
	Model    [32]byte // sha256 of the bundle
	Profile  *Profile
}

const (
	maxName    = 64
	windowHead = 2 + 32 // schema, length of the name, model
)

// Encode returns the window in at most 1,122 bytes: schema, the name after its
// length, the model, the profile.
func (w *Window) Encode() []byte {
	name := w.Pipeline[:min(len(w.Pipeline), maxName)]
	b := append([]byte{schema, byte(len(name))}, name...)
	b = append(b, w.Model[:]...)
	return append(b, w.Profile.Encode()...)
}

// DecodeWindow parses a window whose profile was counted with the given edges.
// It accepts what Encode writes and nothing else.
func DecodeWindow(data []byte, e *Edges) (*Window, error) {
	if len(data) < windowHead {
		return nil, fmt.Errorf("decode window: %d bytes", len(data))
	}
	n := int(data[1])
	switch {
	case data[0] != schema:
		return nil, fmt.Errorf("decode window: schema %d, known %d", data[0], schema)
	case n > maxName || len(data) < windowHead+n:
		return nil, errors.New("decode window: bad name")
	}
	p, err := Decode(data[windowHead+n:], e)
	if err != nil {
		return nil, fmt.Errorf("decode window: %w", err)
	}
	return &Window{string(data[2 : 2+n]), [32]byte(data[2+n : windowHead+n]), p}, nil
}
