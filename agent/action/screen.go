package action

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/bus"
	"github.com/dunlin-edge/dunlin/hal/display"
)

// screen shows what a pipeline decided last. It is blank, which says that
// nothing is known, until it has and whenever its source is gone.
type screen struct {
	text lines

	mu     sync.Mutex
	closed bool
}

// lines is a display of text.
type lines interface {
	Show(lines ...string) error
	Halt() error
	Close() error
}

func openScreen(cfg config.Action) (*screen, error) {
	c := cfg.Output
	d, err := display.Open(display.Config{Bus: c.Bus, Address: c.Address, Height: c.Height, Open: bus.Linux{Root: c.Root}.I2C})
	if err != nil {
		return nil, err
	}
	return &screen{text: d}, nil
}

// do implements sink.
func (s *screen) do(_ context.Context, rec *Record, _ []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return hal.ErrHalted
	}
	if rec.Event == leave {
		return s.text.Halt()
	}
	more := rec.Bundle
	if rec.Simulated {
		more = "simulated"
	}
	return s.text.Show(rec.Pipeline, rec.Label, fmt.Sprintf("%.1f %%", 100*rec.Score), rec.Time.Format(time.TimeOnly), more)
}

func (s *screen) halt() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	return s.text.Halt()
}

func (s *screen) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		_ = s.text.Close() // it goes dark, or is gone
	}
}
