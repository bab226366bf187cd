//go:build load

package controller

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dunlin-edge/dunlin/fleet"
)

func init() { modes["crowd"] = func() error { return runCrowd(os.Stdin, os.Stdout) } }

// crowdConfig is what the process of a crowd is told: all its members deliver
// the same chunks, each as its own.
type crowdConfig struct {
	Address       string // of the broker
	CA, Director  []byte
	Rate, Seconds int
	Chunks        []crowdChunk
	Members       []crowdIdentity
}

type crowdChunk struct {
	First, Count uint64
	Epoch        uint32
	Data         []byte
}

type crowdIdentity struct {
	ID               string
	Certificate, Key string // PEM
}

// crowdNews is a line of what it answers.
type crowdNews struct {
	Connected, Resent, Verified int
	Sent, Done                  time.Duration
	Open                        int // chunks that were not acked
	Err                         string
}

// crowdMembers is a process of many devices (simulation level L2: connection,
// certificate and packets are a device's; its session and store are not). Of
// what comes down it verifies the signature of every sixteenth member, which a
// device does with a core of its own.
type crowdMembers struct {
	crowdConfig
	director ed25519.PublicKey
	all      []*crowdMember
	lost     atomic.Int64
	verified atomic.Int64
	wrong    atomic.Pointer[error]
}

type crowdMember struct {
	crowdIdentity
	n    int
	conn *tls.Conn

	mu     sync.Mutex
	sent   int // chunks
	acked  uint64
	waits  map[int]time.Time // chunks that were sent and not acked, by number
	resent int
}

// runCrowd connects all, says so, waits for a line, delivers and says how that went.
func runCrowd(in io.Reader, out io.Writer) error {
	lines := json.NewDecoder(in)
	c := &crowdMembers{}
	if err := lines.Decode(&c.crowdConfig); err != nil {
		return err
	}
	c.director = c.Director
	say := json.NewEncoder(out)
	if err := c.connect(); err != nil {
		return errors.Join(err, say.Encode(crowdNews{Err: err.Error()}))
	}
	var start bool
	if err := errors.Join(say.Encode(crowdNews{Connected: len(c.all)}), lines.Decode(&start)); err != nil {
		return err
	}
	begun := time.Now()
	c.pump(c.Rate * c.Seconds)
	sent := time.Since(begun)
	for open := 1; open > 0 && time.Since(begun) < sent+10*time.Minute; {
		open = 0
		for _, m := range c.all {
			m.mu.Lock()
			open += len(m.waits) + len(c.Chunks) - m.sent
			m.mu.Unlock()
		}
		if open > 0 {
			c.pump(len(c.all))
		}
	}
	news := crowdNews{Connected: len(c.all) - int(c.lost.Load()), Sent: sent, Done: time.Since(begun), Verified: int(c.verified.Load())}
	for _, m := range c.all {
		news.Resent += m.resent
		news.Open += len(m.waits)
	}
	if err := c.wrong.Load(); err != nil {
		news.Err = (*err).Error()
	}
	if err := say.Encode(news); err != nil {
		return err
	}
	return lines.Decode(&start) // stay connected until all is looked at
}

func (c *crowdMembers) connect() error {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.CA)
	c.all = make([]*crowdMember, len(c.Members))
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, 32)
	for hand := range errs {
		all.Go(func() {
			for errs[hand] == nil {
				i := int(next.Add(1)) - 1
				if i >= len(c.all) {
					return
				}
				m := &crowdMember{crowdIdentity: c.Members[i], n: i, waits: map[int]time.Time{}}
				c.all[i] = m
				if errs[hand] = m.connect(c.Address, pool); errs[hand] == nil {
					go c.listen(m)
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (m *crowdMember) topic(n fleet.Name) string {
	return fleet.Topics{Prefix: fleet.DefaultPrefix}.Of(m.ID, n)
}

// connect does what a device does when it comes: TLS, CONNECT, subscriptions,
// what it is, hello.
func (m *crowdMember) connect(address string, pool *x509.CertPool) error {
	pair, err := tls.X509KeyPair([]byte(m.Certificate), []byte(m.Key))
	if err != nil {
		return err
	}
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: time.Minute}, Config: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}}
	conn, err := d.DialContext(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	m.conn = conn.(*tls.Conn)
	hi := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	hi.ProtocolName, hi.ProtocolVersion, hi.ClientIdentifier, hi.CleanSession, hi.Keepalive = "MQTT", 4, m.ID, true, 600
	sub := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	sub.MessageID, sub.Topics, sub.Qoss = 1, []string{m.topic(fleet.TopicDesired), m.topic(fleet.TopicAck), m.topic(fleet.TopicCmd)}, []byte{1, 1, 1}
	boot := strings.Repeat("ab", 16)
	status, e1 := fleet.Encode(fleet.Status{Online: true, Boot: boot, Conn: 1})
	reported, e2 := fleet.Encode(fleet.Reported{Version: "v0", Simulated: true})
	hello, e3 := fleet.Encode(fleet.Hello{Boot: boot, Conn: 1})
	return first(e1, e2, e3, hi.Write(m.conn), m.expect(packets.Connack), sub.Write(m.conn), m.expect(packets.Suback),
		m.publish(fleet.TopicStatus, status, 0), m.publish(fleet.TopicReported, reported, 0), m.publish(fleet.TopicHello, hello, 0))
}

func (m *crowdMember) expect(kind byte) error {
	p, err := packets.ReadPacket(m.conn)
	if err != nil {
		return err
	}
	switch p := p.(type) {
	case *packets.ConnackPacket:
		if kind == packets.Connack && p.ReturnCode == 0 {
			return nil
		}
	case *packets.SubackPacket:
		if kind == packets.Suback && !slices.Contains(p.ReturnCodes, 0x80) {
			return nil
		}
	}
	return fmt.Errorf("%s: refused: %v", m.ID, p)
}

func (m *crowdMember) publish(n fleet.Name, payload []byte, id int) error {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload = m.topic(n), payload
	if id > 0 {
		p.Qos, p.MessageID = 1, uint16(id)
	}
	return p.Write(m.conn)
}

// listen takes what comes down.
func (c *crowdMembers) listen(m *crowdMember) {
	in := bufio.NewReaderSize(m.conn, 512)
	for {
		p, err := packets.ReadPacket(in)
		if err != nil {
			c.lost.Add(1)
			return
		}
		if p, ok := p.(*packets.PublishPacket); ok && strings.HasSuffix(p.TopicName, "/ack") {
			if err := c.ack(m, p.Payload); err != nil {
				c.wrong.Store(&err)
			}
		}
	}
}

func (c *crowdMembers) ack(m *crowdMember, payload []byte) error {
	var a fleet.Ack
	var err error
	if m.n%16 == 0 {
		a, err = fleet.Verify[fleet.Ack](c.director, payload)
		c.verified.Add(1)
	} else {
		var e struct{ Payload []byte }
		if err = json.Unmarshal(payload, &e); err == nil {
			err = json.Unmarshal(e.Payload, &a)
		}
	}
	if err != nil {
		return err
	}
	if a.Device != m.ID || a.Epoch != c.Chunks[0].Epoch && a.Hi > 0 {
		return fmt.Errorf("%s: ack %+v", m.ID, a)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acked = max(m.acked, a.Hi)
	for k := range m.waits {
		n := c.Chunks[k].First
		if n < m.acked || slices.ContainsFunc(a.Ranges, func(r fleet.Range) bool { return n >= r.First && n < r.First+r.Count }) {
			delete(m.waits, k)
		}
	}
	return nil
}

// pump lets the members send in turn, n times in all, at the rate.
func (c *crowdMembers) pump(n int) {
	var next atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	for range 16 {
		all.Go(func() {
			for {
				k := int(next.Add(1)) - 1
				if k >= n {
					return
				}
				if early := time.Until(begun.Add(time.Duration(k) * time.Second / time.Duration(c.Rate))); early > time.Millisecond {
					time.Sleep(early)
				}
				c.all[k%len(c.all)].send(c.Chunks)
			}
		})
	}
	all.Wait()
}

// send publishes the next chunk, or one that was not acked for long.
func (m *crowdMember) send(chunks []crowdChunk) {
	m.mu.Lock()
	k := -1
	for n, at := range m.waits {
		if time.Since(at) > 15*time.Second {
			k = n
			m.resent++
			break
		}
	}
	if k < 0 && m.sent < len(chunks) {
		k = m.sent
		m.sent++
	}
	if k >= 0 {
		m.waits[k] = time.Now()
	}
	m.mu.Unlock()
	if k >= 0 {
		_ = m.publish(fleet.TopicUp, chunks[k].Data, k+1) // what is lost is sent again
	}
}
