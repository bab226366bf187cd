package controller

import (
	"crypto/tls"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// mqttString is a string as MQTT writes it.
func mqttString(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

// mqttPacket frames a packet of MQTT 3.1.1.
func mqttPacket(head byte, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	out := []byte{head}
	for n := len(body); ; n >>= 7 {
		if n < 128 {
			out = append(out, byte(n))
			break
		}
		out = append(out, byte(n)|0x80)
	}
	return append(out, body...)
}

func mqttConnect(id string) []byte {
	return mqttPacket(0x10, mqttString("MQTT"), []byte{4, 2, 0, 30}, mqttString(id))
}

// seeds are packets that mean something to the broker, of a device with an id.
func seeds(id string) [][]byte {
	all := [][]byte{
		mqttConnect(id),
		mqttPacket(0x10, mqttString("MQTT"), []byte{5, 2, 0, 30, 0}, mqttString(id)),
		mqttPacket(0x10, mqttString("MQTT"), []byte{4, 0xc6 | 4, 0, 30}, mqttString(id), mqttString("dunlin/v1/"+id+"/status"), mqttString("{}"), mqttString("u"), mqttString("p")),
		mqttPacket(0xc0), mqttPacket(0xe0), mqttPacket(0xf0),
		mqttPacket(0x40, []byte{0, 1}), mqttPacket(0x50, []byte{0, 1}), mqttPacket(0x62, []byte{0, 1}), mqttPacket(0x70, []byte{0, 1}),
		{0x30, 0xff, 0xff, 0xff, 0x7f}, {0x30, 0xff, 0xff, 0xff, 0xff, 0xff},
	}
	for _, filter := range []string{"#", "+/+/+/+", "$SYS/#", "dunlin/v1/+/desired", "dunlin/v1/" + id + "/cmd", strings.Repeat("a/", 3000), "", "\x00", "$share/a/#"} {
		all = append(all, mqttPacket(0x82, []byte{0, 2}, mqttString(filter), []byte{1}), mqttPacket(0xa2, []byte{0, 3}, mqttString(filter)))
	}
	for _, name := range []fleet.Name{fleet.TopicHello, fleet.TopicReported, fleet.TopicStatus, fleet.TopicUp, fleet.TopicRes, fleet.TopicDesired, fleet.TopicAck, fleet.TopicCmd} {
		topic := "dunlin/v1/" + id + "/" + string(name)
		for _, payload := range []string{"", "{}", `{"boot":"` + strings.Repeat("ab", 16) + `","conn":1}`, strings.Repeat("[", 900), strings.Repeat("\xff", name.MaxPayload()), strings.Repeat("x", name.MaxPayload()+1)} {
			all = append(all, mqttPacket(0x30, mqttString(topic), []byte(payload)), mqttPacket(0x33, mqttString(topic), []byte{0, 9}, []byte(payload)))
		}
	}
	return all
}

// spoil changes a packet in one of the ways that parsers fall over.
func spoil(dice *rand.Rand, p []byte) []byte {
	p = slices.Clone(p)
	for range dice.IntN(4) {
		if len(p) == 0 {
			return p
		}
		at := dice.IntN(len(p))
		switch dice.IntN(6) {
		case 0:
			p[at] ^= 1 << dice.IntN(8)
		case 1:
			p[at] = byte(dice.Uint32())
		case 2:
			p = p[:at]
		case 3:
			p = slices.Insert(p, at, byte(dice.Uint32()), byte(dice.Uint32()))
		case 4:
			p = append(p, p[at:]...)
		case 5: // another length
			p[min(1, len(p)-1)] = byte(dice.Uint32())
		}
	}
	return p
}

// hurl opens connections with a device's certificate, and writes what no device
// says, until told to stop. It returns how many packets it wrote.
func (r *rig) hurl(seed uint64, stop <-chan struct{}) (packets uint64) {
	d := r.enroll("fuzz-"+string(rune('a'+seed)), r.token(TokenOptions{}))
	config, err := d.id.TLS(d.key)
	if err != nil {
		r.t.Error(err)
		return 0
	}
	dice := rand.New(rand.NewPCG(seed, 1))
	all := seeds(d.id.Device)
	for {
		select {
		case <-stop:
			return packets
		default:
		}
		conn, err := tls.Dial("tcp", strings.TrimPrefix(d.id.Broker, "tls://"), config)
		if err != nil {
			continue // it may have died; whether it comes back is watched elsewhere
		}
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second)) // a fresh connection takes one
		if dice.IntN(4) > 0 {
			_, _ = conn.Write(mqttConnect(d.id.Device)) // as below: the broker may hang up at any time
		}
		for range 1 + dice.IntN(20) {
			p := spoil(dice, all[dice.IntN(len(all))])
			if _, err := conn.Write(p); err != nil {
				break
			}
			packets++
		}
		conn.Close()
	}
}

// TestRawMQTT writes raw and spoilt packets to the broker with certificates that
// count, for DUNLIN_RAW (3 s). The broker's process may die; a device that
// behaves is never cut off from its commands for longer than 5 s, which the long
// form demands and the short one, on a machine that does other things, reports.
func TestRawMQTT(t *testing.T) {
	length := 3 * time.Second
	if text := os.Getenv("DUNLIN_RAW"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t, t.TempDir())
	d := r.connect(r.enroll("steady", r.token(TokenOptions{})))
	stop := make(chan struct{})
	var all sync.WaitGroup
	var packets atomic.Uint64
	for seed := range uint64(2) {
		all.Go(func() { packets.Add(r.hurl(seed, stop)) })
	}
	var longest time.Duration
	rounds := 0
	for end := time.Now().Add(length); time.Now().Before(end); rounds++ {
		longest = max(longest, r.roundTrip(d))
	}
	close(stop)
	all.Wait()
	// And once for certain: its process is killed.
	pid, begun := r.child.pid(), time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.eventually("another broker", func() bool { return r.child.pid() != pid })
	r.roundTrip(d)
	killed := time.Since(begun)
	t.Logf("%d packets in %s, %d round trips: the longest %s; after a kill %s", packets.Load(), length, rounds, longest.Round(time.Millisecond), killed.Round(time.Millisecond))
	if os.Getenv("DUNLIN_RAW") != "" && max(longest, killed) > 5*time.Second {
		t.Error("it was cut off for longer than 5 s")
	}
	if rounds == 0 || packets.Load() == 0 {
		t.Error("nothing was tried")
	}
}

// roundTrip takes how long a command needs to a device.
func (r *rig) roundTrip(d *device) time.Duration {
	r.t.Helper()
	begun := time.Now()
	s, err := r.Command(r.t.Context(), "test", d.id.Device, CommandOptions{Name: "ping"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.eventually("a command arrives", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return slices.ContainsFunc(d.cmds, func(c fleet.Command) bool { return c.ID == s.ID })
	})
	took := time.Since(begun)
	answer, err := fleet.Encode(fleet.Result{ID: s.ID, State: fleet.StateDone})
	if err == nil {
		err = d.Publish(r.t.Context(), fleet.TopicRes, answer)
	}
	if err != nil {
		r.t.Log("an answer is lost:", err) // it was cut off again; the command is sent again, and known
	}
	return took
}
