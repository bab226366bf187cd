// Package broker is the embedded MQTT broker: memory only, mutual TLS, and what
// each client may do decided by its certificate.
//
// Start with [Run], which is a whole process: the controller starts it as a
// child of its own binary, with a [Config] as the first line of its standard
// input and one [Update] in each further line, and starts it again when it
// dies. End of input ends it.
//
// It keeps nothing: no session outlives its connection, and retained messages
// are a cache that devices and controller fill again after every restart.
package broker

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// Config is what the broker is told at its start. The key travels over a pipe,
// never in arguments or the environment.
type Config struct {
	Listen      string   `json:"listen"` // host:port, port 0 takes a free one
	Prefix      string   `json:"prefix"` // of topics
	Certificate string   `json:"certificate"`
	Key         string   `json:"key"`
	CA          string   `json:"ca"`
	Revoked     []string `json:"revoked"`   // serial numbers of certificates, decimal
	MaxConns    int      `json:"max_conns"` // 0: 20,000
	MaxRate     float64  `json:"max_rate"`  // messages a second of one client, in bursts of 10 s; 0: 50
}

// Update replaces the revoked serial numbers; clients that hold one are cut. A
// certificate with its key replaces the broker's own for new connections.
type Update struct {
	Revoked     []string `json:"revoked"`
	Certificate string   `json:"certificate,omitempty"`
	Key         string   `json:"key,omitempty"`
}

// Ready is the line that the broker writes once it listens.
type Ready struct {
	Address string `json:"address"`
}

const maxLine = 16 << 20

// Run serves until ctx ends or in does.
func Run(ctx context.Context, in io.Reader, out io.Writer, log *slog.Logger) error {
	// Ten thousand connections are twenty thousand stacks to look through, and
	// each message is garbage at once: collecting half as often saves a tenth of
	// the time.
	defer debug.SetGCPercent(debug.SetGCPercent(200))
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	var cfg Config
	if !lines.Scan() {
		return errors.New("broker: no configuration on standard input")
	}
	if err := json.Unmarshal(lines.Bytes(), &cfg); err != nil {
		return fmt.Errorf("broker: configuration: %w", err)
	}
	s, address, err := start(cfg, log)
	if err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	defer s.server.Close()
	if err := json.NewEncoder(out).Encode(Ready{address}); err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.updates(lines) }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

type service struct {
	server *mqtt.Server
	guard  *guard
	pair   *atomic.Pointer[tls.Certificate] // of new connections
}

func (s *service) updates(lines *bufio.Scanner) error {
	for lines.Scan() {
		var u Update
		if err := json.Unmarshal(lines.Bytes(), &u); err != nil {
			return fmt.Errorf("broker: update: %w", err)
		}
		if u.Certificate != "" {
			pair, err := tls.X509KeyPair([]byte(u.Certificate), []byte(u.Key))
			if err != nil {
				return fmt.Errorf("broker: update: %w", err)
			}
			s.pair.Store(&pair)
		}
		s.guard.revoke(u.Revoked)
		for _, c := range s.server.Clients.GetAll() {
			if !s.guard.allowed(c) {
				c.Stop(errors.New("certificate revoked"))
			}
		}
	}
	return lines.Err()
}

func start(cfg Config, log *slog.Logger) (*service, string, error) {
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 20_000
	}
	if cfg.MaxRate == 0 {
		cfg.MaxRate = 50
	}
	own := &atomic.Pointer[tls.Certificate]{}
	tlsConfig, err := tlsFor(cfg, own)
	if err != nil {
		return nil, "", err
	}
	inner, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, "", fmt.Errorf("listen: %w", err)
	}
	server := mqtt.New(&mqtt.Options{
		Capabilities:             capabilities(cfg),
		ClientNetReadBufferSize:  2 << 10,  // of each connection; larger messages still fit
		ClientNetWriteBufferSize: 16 << 10, // there only while several messages wait for a client
		SysTopicResendInterval:   3600,     // nobody may read them
		Logger:                   slog.New(slog.DiscardHandler),
	})
	g := newGuard(cfg, log)
	if err := errors.Join(server.AddHook(g, nil), server.AddListener(listeners.NewNet("tls", &handshaker{inner, tlsConfig})), server.Serve()); err != nil {
		inner.Close()
		return nil, "", err
	}
	return &service{server, g, own}, inner.Addr().String(), nil
}

// capabilities bounds what one client can make the broker hold.
func capabilities(cfg Config) *mqtt.Capabilities {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumClients = int64(cfg.MaxConns)
	c.MaximumPacketSize = 300 << 10 // an assignment and its topic
	c.MaximumClientWritesPending = 1024
	c.MaximumSessionExpiryInterval = 0
	c.MaximumInflight = 1024
	c.MinimumProtocolVersion = 4
	c.MaximumQos = 1
	return c
}

func tlsFor(cfg Config, own *atomic.Pointer[tls.Certificate]) (*tls.Config, error) {
	pair, err := tls.X509KeyPair([]byte(cfg.Certificate), []byte(cfg.Key))
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	own.Store(&pair)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(cfg.CA)) {
		return nil, errors.New("CA: no certificate")
	}
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.Load(), nil },
		ClientCAs:      pool,
		ClientAuth:     tls.RequireAndVerifyClientCert,
		MinVersion:     tls.VersionTLS13,
		// A resumed session would skip the check of the certificate's age.
		SessionTicketsDisabled: true,
	}, nil
}

// handshaker gives every connection 10 s to get through TLS, in the goroutine
// of that connection: the listener goes on accepting.
type handshaker struct {
	net.Listener
	config *tls.Config
}

func (h *handshaker) Accept() (net.Conn, error) {
	c, err := h.Listener.Accept()
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second)) // the broker sets its own after CONNECT
	return tls.Server(c, h.config), nil
}
