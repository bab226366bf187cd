package fleet

import (
	"fmt"
	"time"
)

// receive takes one message that came down. What does not verify is counted
// and dropped: a broker may send anything.
func (s *Session) receive(m Message) {
	device, n, ok := s.topics.Parse(m.Topic)
	err := fmt.Errorf("topic %.100q is not this device's", m.Topic)
	if ok && device == s.cfg.Device && !n.Up() {
		err = s.take(n, m.Payload)
	}
	if err == nil {
		s.cfg.Log.Debug("fleet document", "topic", string(n), "bytes", len(m.Payload))
		return
	}
	if c := s.refused.Add(1); c&(c-1) == 0 { // 1, 2, 4, 8 ...: a flood does not fill the journal
		s.cfg.Log.Warn("fleet document refused", "topic", string(n), "refused", c, "err", err)
	}
}

func (s *Session) take(n Name, payload []byte) error {
	switch n {
	case TopicDesired:
		d, err := Verify[Desired](s.cfg.Director, payload)
		if err = mine(s.cfg.Device, d.Device, err); err == nil {
			s.cfg.Handler.Desired(d)
		}
		return err
	case TopicAck:
		a, err := Verify[Ack](s.cfg.Director, payload)
		if err = mine(s.cfg.Device, a.Device, err); err == nil {
			s.answered.Store(true)
			s.cfg.Handler.Ack(a)
		}
		return err
	}
	return s.takeCommand(payload)
}

func (s *Session) takeCommand(payload []byte) error {
	c, err := Verify[Command](s.cfg.Director, payload)
	if err != nil && s.cfg.Unsigned {
		if plain, e := parseUnsigned(payload); e == nil {
			c, err = s.complete(plain), nil
		}
	}
	if err = mine(s.cfg.Device, c.Device, err); err == nil {
		s.cfg.Handler.Command(c)
	}
	return err
}

// complete gives an unsigned command what a person at a shell leaves out.
func (s *Session) complete(c Command) Command {
	now := time.Now()
	if c.Device == "" {
		c.Device = s.cfg.Device
	}
	if c.ID == "" {
		c.ID = fmt.Sprintf("local-%x", now.UnixNano())
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = now.UTC().Truncate(time.Second).Add(time.Minute)
	}
	return c
}

// mine refuses a document that was signed for another device.
func mine(id, device string, err error) error {
	if err == nil && device != id {
		err = fmt.Errorf("%w: it is for device %.64q", errSignature, device)
	}
	return err
}
