package broker

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dunlin-edge/dunlin/fleet"
)

// The roles that a certificate's organizational unit can name.
const (
	RoleDevice     = "device"     // its own topics, up and down
	RoleController = "controller" // all devices' topics, the other way round
	RoleReader     = "reader"     // an integration: reads what goes up
	RoleCommander  = "commander"  // likewise, and sends commands that nobody signed, to devices that take such
)

// maxFilters bounds the subscriptions of one client.
const maxFilters = 1000

// guard decides by certificate who a client is and what it may do.
type guard struct {
	mqtt.HookBase
	topics  fleet.Topics
	maxRate float64
	log     *slog.Logger
	refused atomic.Uint64
	clients sync.Map // *mqtt.Client -> *client

	mu      sync.RWMutex
	revoked map[string]bool
}

type client struct {
	id, role, serial string
	notAfter         time.Time

	mu     sync.Mutex
	tokens float64
	last   time.Time
}

func newGuard(cfg Config, log *slog.Logger) *guard {
	g := &guard{topics: fleet.Topics{Prefix: cfg.Prefix}, maxRate: cfg.MaxRate, log: log}
	g.revoke(cfg.Revoked)
	return g
}

func (g *guard) ID() string { return "guard" }

func (g *guard) Provides(b byte) bool {
	return bytes.Contains([]byte{mqtt.OnConnectAuthenticate, mqtt.OnSessionEstablished, mqtt.OnACLCheck, mqtt.OnPublish, mqtt.OnDisconnect}, []byte{b})
}

func (g *guard) revoke(serials []string) {
	m := make(map[string]bool, len(serials))
	for _, s := range serials {
		m[s] = true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revoked = m
}

func (g *guard) isRevoked(serial string) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.revoked[serial]
}

// allowed says whether a connected client may stay.
func (g *guard) allowed(cl *mqtt.Client) bool {
	v, ok := g.clients.Load(cl)
	return !ok || !g.isRevoked(v.(*client).serial)
}

// OnConnectAuthenticate lets in who shows a certificate that is not revoked and
// takes its name as client id. A will must be one that it could publish.
func (g *guard) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	conn, ok := cl.Net.Conn.(*tls.Conn)
	if !ok || len(conn.ConnectionState().PeerCertificates) == 0 {
		return g.refuse(cl, "no certificate")
	}
	c := identify(conn.ConnectionState().PeerCertificates[0])
	switch {
	case g.isRevoked(c.serial):
		return g.refuse(cl, "certificate revoked")
	case c.role == RoleDevice && (fleet.CheckID(c.id) != nil || cl.ID != c.id):
		return g.refuse(cl, "client id is not the certificate's name")
	case c.role != RoleDevice && !strings.HasPrefix(cl.ID, c.id+"_"): // which no device's id can be
		return g.refuse(cl, "client id does not begin with the certificate's name and _")
	case !pk.Connect.Clean:
		return g.refuse(cl, "session is not clean")
	case pk.Connect.WillFlag && !g.may(c, pk.Connect.WillTopic, true):
		return g.refuse(cl, "will on a topic that it may not write")
	case len(pk.Connect.WillPayload) > fleet.TopicStatus.MaxPayload():
		return g.refuse(cl, "will is too large")
	}
	g.clients.Store(cl, c)
	return true
}

// OnSessionEstablished looks once more: a revocation that came since the
// connection was let in has not met the client yet.
func (g *guard) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	if !g.allowed(cl) {
		g.refuse(cl, "certificate revoked")
		cl.Stop(packets.ErrNotAuthorized)
	}
}

func identify(cert *x509.Certificate) *client {
	// Its last message lies long back: the bucket starts full.
	c := &client{id: cert.Subject.CommonName, serial: cert.SerialNumber.String(), notAfter: cert.NotAfter}
	if len(cert.Subject.OrganizationalUnit) == 1 {
		c.role = cert.Subject.OrganizationalUnit[0]
	}
	return c
}

func (g *guard) refuse(cl *mqtt.Client, why string) bool {
	if n := g.refused.Add(1); n&(n-1) == 0 {
		g.log.Warn("client refused", "client", cl.ID, "remote", cl.Net.Remote, "why", why, "refused", n)
	}
	return false
}

// OnACLCheck answers for publishing and, with the filter as topic, subscribing.
func (g *guard) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	v, ok := g.clients.Load(cl)
	if !ok || !g.may(v.(*client), topic, write) {
		return false
	}
	if !write && cl.State.Subscriptions.Len() >= maxFilters {
		return g.refuse(cl, "too many subscriptions")
	}
	return true
}

// may is the access list. A filter passes only if it is exactly one that the
// contract has: nothing with wildcards covers more than was meant.
func (g *guard) may(c *client, topic string, write bool) bool {
	probe, all := strings.CutPrefix(topic, g.topics.Prefix+"/+/")
	if all {
		topic = g.topics.Of("any", fleet.Name(probe))
	}
	device, name, ok := g.topics.Parse(topic)
	switch {
	case !ok || all && write:
		return false
	case c.role == RoleDevice:
		return !all && device == c.id && name.Up() == write
	case c.role == RoleController:
		return name.Up() != write
	case c.role == RoleReader:
		return !write && name.Up()
	case c.role == RoleCommander:
		return !write && name.Up() || write && name == fleet.TopicCmd
	}
	return false
}

// OnPublish holds messages to their size and clients to their rate and to the
// life of their certificate. An error closes the connection.
func (g *guard) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	v, ok := g.clients.Load(cl)
	if !ok {
		return pk, packets.ErrNotAuthorized
	}
	c := v.(*client)
	_, name, ok := g.topics.Parse(pk.TopicName)
	if !ok || len(pk.Payload) > name.MaxPayload() {
		g.refuse(cl, "message is too large or on an unknown topic")
		cl.Stop(packets.ErrPacketTooLarge)
		return pk, packets.ErrRejectPacket
	}
	if c.role != RoleController && !c.take(g.maxRate, time.Now()) {
		g.refuse(cl, "too many messages")
		cl.Stop(packets.ErrQuotaExceeded)
		return pk, packets.ErrRejectPacket
	}
	if time.Now().After(c.notAfter) {
		g.refuse(cl, "certificate expired while connected")
		cl.Stop(packets.ErrNotAuthorized)
		return pk, packets.ErrRejectPacket
	}
	return pk, nil
}

// take spends one of the tokens that fill at rate a second, up to 10 s' worth.
func (c *client) take(rate float64, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens = min(c.tokens+rate*now.Sub(c.last).Seconds(), 10*rate)
	c.last = now
	if c.tokens < 1 {
		return false
	}
	c.tokens--
	return true
}

// OnDisconnect forgets the client.
func (g *guard) OnDisconnect(cl *mqtt.Client, _ error, _ bool) { g.clients.Delete(cl) }
