package ship

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/telemetry"
)

// TestAckRefused: acks of another epoch, of numbers never given out, and ones
// that make no sense change nothing, are counted, and are logged once.
func TestAckRefused(t *testing.T) {
	c := &clock{}
	l := mustLog(t, t.TempDir(), c)
	l.Event(telemetry.Event{Code: telemetry.EventAgent})
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	m, err := NewMeter(filepath.Join(t.TempDir(), "spent"), c, Budget{}, Budget{})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err := New(Config{Store: l, Transport: &mute{}, Meter: m, Clock: c, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	at := mustHello(t, s, Unmetered)
	for _, a := range []telemetry.Ack{
		{Epoch: at.Epoch + 1, Hi: 1},
		{Epoch: at.Epoch, Hi: at.Next + 1},
		{Epoch: at.Epoch, Ranges: []telemetry.Range{{First: at.Next, Count: 5}}},
		{Epoch: at.Epoch, Ranges: []telemetry.Range{{First: 1 << 63, Count: 1 << 63}}},
	} {
		s.Ack(a)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	account, err := l.Account()
	if err != nil || account.Epochs[at.Epoch].Waiting != at.Next || account.Epochs[at.Epoch].Delivered != 0 {
		t.Errorf("%+v, %v", account, err)
	}
	if s.Stats().Refused != 4 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("%d refused, log: %s", s.Stats().Refused, log.String())
	}
}
