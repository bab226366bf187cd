package fleet

import (
	"errors"
	"strings"
)

// DefaultPrefix stands before the device's id in every topic.
const DefaultPrefix = "dunlin/v1"

// Name is the last part of a topic: what a message is.
type Name string

// The names of topics. Hello to Res go up, Desired to Cmd go down.
const (
	TopicHello    Name = "hello"    // [Hello], on every connect
	TopicReported Name = "reported" // [Reported], retained
	TopicStatus   Name = "status"   // [Status], retained, also the will
	TopicUp       Name = "up"       // a telemetry chunk, QoS 1
	TopicRes      Name = "res"      // [Result], QoS 1

	TopicDesired Name = "desired" // envelope of [Desired], retained as a cache
	TopicAck     Name = "ack"     // envelope of [Ack]
	TopicCmd     Name = "cmd"     // envelope of [Command], QoS 1
)

// MaxPayload bounds a message of this name in bytes, 0 for an unknown name.
func (n Name) MaxPayload() int {
	switch n {
	case TopicHello, TopicStatus:
		return 1 << 10
	case TopicUp:
		return 16 << 10
	case TopicReported, TopicRes, TopicAck, TopicCmd:
		return 64 << 10
	case TopicDesired:
		return 256 << 10
	}
	return 0
}

// Up says whether devices send it.
func (n Name) Up() bool {
	switch n {
	case TopicHello, TopicReported, TopicStatus, TopicUp, TopicRes:
		return true
	}
	return false
}

// Topics names the topics of a fleet by its prefix, such as "dunlin/v1".
type Topics struct{ Prefix string }

// Of returns the topic of a device; with "+" for the device, of all of them.
func (t Topics) Of(device string, n Name) string {
	return t.Prefix + "/" + device + "/" + string(n)
}

// Parse takes a topic apart. ok is false for any that is not of this contract.
func (t Topics) Parse(topic string) (device string, n Name, ok bool) {
	rest, found := strings.CutPrefix(topic, t.Prefix+"/")
	device, name, cut := strings.Cut(rest, "/")
	n = Name(name)
	if !found || !cut || n.MaxPayload() == 0 || CheckID(device) != nil {
		return "", "", false
	}
	return device, n, true
}

// CheckPrefix refuses a prefix that could not stand before a device's id.
func CheckPrefix(prefix string) error {
	if prefix == "" || len(prefix) > 128 || strings.HasPrefix(prefix, "/") || strings.HasPrefix(prefix, "$") || strings.HasSuffix(prefix, "/") {
		return errors.New("topic prefix: 1 to 128 characters, no / at its ends, no $ at its head")
	}
	for _, r := range prefix {
		if r <= ' ' || r > '~' || r == '+' || r == '#' {
			return errors.New("topic prefix: printable ASCII without +, # and blanks")
		}
	}
	return nil
}

// CheckID refuses what is not a device's id: 1 to 64 of a-z, 0-9 and -. The
// same word is client id, certificate CN and part of every topic.
func CheckID(id string) error {
	if id == "" || len(id) > 64 {
		return errors.New("device id: 1 to 64 characters")
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return errors.New("device id: only a-z, 0-9 and - are allowed")
		}
	}
	return nil
}
