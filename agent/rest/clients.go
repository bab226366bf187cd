package rest

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/serve"
)

// A client is somebody who may ask.
type client struct {
	config.ServeClient
	token [sha256.Size]byte
	meter *meter
}

// may tells whether the client may use a model.
func (c *client) may(model string) bool {
	return len(c.Models) == 0 || slices.Contains(c.Models, model)
}

// clients tells who asks.
type clients struct {
	list      []*client
	socket    *client // whoever reaches the socket; nil where users are listed
	anonymous *client // whoever reaches the port; nil unless the configuration says so
}

// newClients reads the tokens.
func newClients(cfg *config.Serve) (*clients, error) {
	all := &clients{}
	users := false
	for _, c := range cfg.Clients {
		x := &client{ServeClient: c, meter: newMeter(cfg.Rate)}
		if c.TokenFile != "" {
			token, err := os.ReadFile(c.TokenFile)
			if err != nil {
				return nil, &ListenError{fmt.Errorf("client %s: %w", c.Name, err), "write the token into that file, for example the output of: openssl rand -hex 32"}
			}
			text := strings.TrimSpace(string(token))
			if len(text) < minToken {
				return nil, &ListenError{fmt.Errorf("client %s: a token of %d letters, at least %d", c.Name, len(text), minToken), "make one with: openssl rand -hex 32"}
			}
			x.token = sha256.Sum256([]byte(text))
		}
		users = users || c.UID >= 0
		all.list = append(all.list, x)
	}
	if !users {
		all.socket = &client{ServeClient: config.ServeClient{Name: "socket", Admin: true, UID: -1}, meter: newMeter(cfg.Rate)}
	}
	if cfg.Anonymous {
		all.anonymous = &client{ServeClient: config.ServeClient{Name: "anonymous", Admin: true, UID: -1}, meter: newMeter(cfg.Rate)}
	}
	return all, nil
}

// minToken is the length that guessing is hopeless against.
const minToken = 16

// peerKey is the context key of a peer.
type peerKey struct{}

// A peer is who is at the other end of a Unix socket.
type peer struct {
	uid int // -1 where the kernel does not tell
}

// connContext finds out once a connection who is there.
func connContext(ctx context.Context, c net.Conn) context.Context {
	if l, ok := c.(*limitedConn); ok {
		c = l.Conn
	}
	if u, ok := c.(*net.UnixConn); ok {
		return context.WithValue(ctx, peerKey{}, peer{peerUID(u)})
	}
	return ctx
}

// who tells whose request this is; nil for a stranger.
func (all *clients) who(r *http.Request) *client {
	if c, ok := r.Context().Value(clientKey{}).(*client); ok {
		return c // of this process
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
		for _, c := range all.list {
			if c.TokenFile != "" && subtle.ConstantTimeCompare(sum[:], c.token[:]) == 1 {
				return c
			}
		}
		return nil
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		name := r.TLS.PeerCertificates[0].Subject.CommonName
		for _, c := range all.list {
			if c.Cert != "" && c.Cert == name {
				return c
			}
		}
	}
	p, local := r.Context().Value(peerKey{}).(peer)
	if !local {
		return all.anonymous
	}
	for _, c := range all.list {
		if c.UID >= 0 && c.UID == p.uid {
			return c
		}
	}
	return all.socket
}

// A meter lets so many requests a second through, and as many at once.
type meter struct {
	perSecond float64 // 0: any

	mu   sync.Mutex
	left float64
	at   time.Time
}

func newMeter(perSecond float64) *meter { return &meter{perSecond: perSecond, left: max(1, perSecond)} }

// take counts one request.
func (m *meter) take(now time.Time) error {
	if m.perSecond == 0 {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.at.IsZero() {
		m.left = min(max(1, m.perSecond), m.left+now.Sub(m.at).Seconds()*m.perSecond)
	}
	m.at = now
	if m.left < 1 {
		return &serve.Error{Kind: serve.TooMany, Text: fmt.Sprintf("more than %g requests a second", m.perSecond), Retry: time.Second}
	}
	m.left--
	return nil
}
