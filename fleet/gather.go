package fleet

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/net/proxy"
)

// gatherer is a connection whose writer does not wait for the network: what is
// written while a write is under way goes out with the next one. Acks to a
// thousand devices are a few TLS records and system calls then, not a thousand.
type gatherer struct {
	net.Conn
	timeout time.Duration // of a write

	mu     sync.Mutex
	moved  sync.Cond // waiting grew or was taken, closed or err was set
	queue  []byte
	closed bool
	err    error
	done   chan struct{}
}

const (
	gatherMost = 256 << 10       // that wait, before the writer does
	gatherEnd  = 2 * time.Second // for the last bytes
)

func gather(conn net.Conn, timeout time.Duration) net.Conn {
	g := &gatherer{Conn: conn, timeout: timeout, done: make(chan struct{})}
	g.moved.L = &g.mu
	go g.run()
	return g
}

func (g *gatherer) run() {
	defer close(g.done)
	var out []byte
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.err == nil {
		for len(g.queue) == 0 && !g.closed {
			g.moved.Wait()
		}
		if len(g.queue) == 0 {
			return
		}
		out, g.queue = g.queue, out[:0]
		g.moved.Broadcast()
		g.mu.Unlock()
		err := g.Conn.SetWriteDeadline(time.Now().Add(g.timeout))
		if err == nil {
			_, err = g.Conn.Write(out)
		}
		g.mu.Lock()
		g.err = err
	}
	g.moved.Broadcast()
	// So that its reader ends, too. Of a closed connection paho would think that it
	// had closed it itself, and never say that it is lost.
	_ = g.Conn.SetReadDeadline(time.Unix(1, 0))
}

// Write takes p. An error is that of an earlier write.
func (g *gatherer) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.queue) > gatherMost && g.err == nil && !g.closed {
		g.moved.Wait()
	}
	switch {
	case g.err != nil:
		return 0, g.err
	case g.closed:
		return 0, net.ErrClosed
	}
	g.queue = append(g.queue, p...)
	g.moved.Broadcast()
	return len(p), nil
}

// SetWriteDeadline does nothing: each write has one of its own.
func (g *gatherer) SetWriteDeadline(time.Time) error { return nil }

// Close sends what waits, as far as the network takes it within two seconds.
func (g *gatherer) Close() error {
	g.mu.Lock()
	g.closed = true
	g.moved.Broadcast()
	g.mu.Unlock()
	end := time.AfterFunc(gatherEnd, func() { g.Conn.Close() })
	defer end.Stop()
	<-g.done
	return g.Conn.Close()
}

// dialGathering connects as paho does, through the environment's proxy if there
// is one, and gathers.
func dialGathering(u *url.URL, o mqtt.ClientOptions) (net.Conn, error) {
	conn, err := proxy.FromEnvironmentUsing(o.Dialer).Dial("tcp", u.Host)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme == "tcp":
		return gather(conn, o.WriteTimeout), nil
	}
	config := o.TLSConfig.Clone()
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	secure := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(context.Background(), o.ConnectTimeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return gather(secure, o.WriteTimeout), nil
}
