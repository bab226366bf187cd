package fleet

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

// acks is a Handler that counts them.
type acks struct{ n int }

func (h *acks) Hello() (epoch uint32, lo, next uint64, seq Seq) { return 0, 0, 0, Seq{} }
func (h *acks) Reported() Reported                              { return Reported{} }
func (h *acks) Desired(Desired)                                 {}
func (h *acks) Ack(Ack)                                         { h.n++ }
func (h *acks) Command(Command)                                 {}

// TestAckUnsignedOrCorrupt: an ack deletes records, so that whatever the broker
// sends in place of the director's is refused, counted, and told without
// filling the journal.
func TestAckUnsignedOrCorrupt(t *testing.T) {
	good, err := Sign(key, sampleAck())
	if err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(sampleAck())
	if err != nil {
		t.Fatal(err)
	}
	forged, err := Sign(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)), sampleAck())
	if err != nil {
		t.Fatal(err)
	}
	foreign := sampleAck()
	foreign.Device = "pi-2"
	others, err := Sign(key, foreign)
	if err != nil {
		t.Fatal(err)
	}
	command, err := Sign(key, sampleCommand())
	if err != nil {
		t.Fatal(err)
	}
	bad := [][]byte{nil, plain, forged, others, command, good[:len(good)-1], bytes.Repeat([]byte("["), 100_000)}
	for at := 0; at < len(good); at += 7 {
		spoilt := bytes.Clone(good)
		spoilt[at] ^= 2
		if _, err := Verify[Ack](public, spoilt); err != nil { // else it is the same document
			bad = append(bad, spoilt)
		}
	}
	var h acks
	var log bytes.Buffer
	s := &Session{topics: Topics{DefaultPrefix}, cfg: SessionConfig{
		Device: "pi-1", Director: public, Handler: &h, Unsigned: true, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}}
	topic := s.topics.Of("pi-1", TopicAck)
	for _, data := range bad {
		s.receive(Message{Topic: topic, Payload: data})
	}
	s.receive(Message{Topic: s.topics.Of("pi-2", TopicAck), Payload: good})
	if h.n != 0 || s.Status().Refused != uint64(len(bad)+1) {
		t.Errorf("%d taken, %d of %d refused", h.n, s.Status().Refused, len(bad)+1)
	}
	if n := strings.Count(log.String(), "refused="); n < 1 || n > 8 {
		t.Errorf("%d lines in the log for %d acks", n, len(bad)+1)
	}
	if s.receive(Message{Topic: topic, Payload: good}); h.n != 1 {
		t.Error("the director's ack is not taken")
	}
}
