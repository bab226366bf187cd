package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/dunlin-edge/dunlin/agent/action"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/serve"
)

// socketMode lets the socket's owner and group in.
const socketMode = 0o660

// Results hands out what a pipeline decides, as it does, until ctx ends. An
// agent does; a folder of models has none.
type Results interface {
	Results(ctx context.Context, pipeline string) (<-chan action.Record, error)
}

// Config is what a Server needs.
type Config struct {
	Serve   config.Serve
	Models  *serve.Server
	Results Results // nil where no pipeline runs
	Version string  // of this build
	Log     *slog.Logger
	Drain   time.Duration // for requests in hand, at the end
}

// Server answers on a Unix socket, on TCP, or on both.
type Server struct {
	cfg       Config
	listeners []net.Listener
	http      *http.Server
	log       *requestLog
	mqtt      *messenger
}

// A ListenError is an address that cannot be served on.
type ListenError struct {
	Err  error
	todo string
}

func (e *ListenError) Error() string { return "serve: " + e.Err.Error() }
func (e *ListenError) Unwrap() error { return e.Err }

// Hint says what to do next.
func (e *ListenError) Hint() string { return e.todo }

// New opens the addresses. An error means that nothing is left open.
func New(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{cfg: cfg}
	clients, err := newClients(&cfg.Serve)
	if err != nil {
		return nil, err
	}
	if s.log, err = openRequestLog(cfg.Serve.Log, cfg.Log); err != nil {
		return nil, &ListenError{err, "check serve.log: its folder must exist, and the user that runs dunlin may write there"}
	}
	if err := s.listen(ctx); err != nil {
		s.Close()
		return nil, err
	}
	h := newHandler(cfg, clients, s.log)
	if s.mqtt, err = newMessenger(&cfg.Serve, h, cfg.Log); err != nil {
		s.Close()
		return nil, &ListenError{err, "check serve.mqtt: ca is a PEM file of who signed the broker's certificate"}
	}
	s.http = &http.Server{
		Handler:           h,
		ConnContext:       connContext,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug), // what clients do wrong is theirs
	}
	return s, nil
}

// Close gives up a server that was never Run.
func (s *Server) Close() {
	for _, l := range s.listeners {
		l.Close()
	}
	s.log.close()
}

// Addrs lists where the server listens.
func (s *Server) Addrs() []net.Addr {
	var all []net.Addr
	for _, l := range s.listeners {
		all = append(all, l.Addr())
	}
	return all
}

func (s *Server) listen(ctx context.Context) error {
	if path := s.cfg.Serve.Socket; path != "" {
		l, err := listenSocket(ctx, path)
		if err != nil {
			return &ListenError{err, "check serve.socket: its folder must exist, and the user that runs dunlin may write there"}
		}
		s.listeners = append(s.listeners, newLimited(l))
	}
	if s.cfg.Serve.Listen == "" {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.cfg.Serve.Listen)
	if err != nil {
		return &ListenError{err, "check serve.listen; another program may have that port"}
	}
	l = newLimited(l)
	s.listeners = append(s.listeners, l)
	t, err := tlsConfig(&s.cfg.Serve)
	if err != nil {
		return &ListenError{err, "check serve.tls: PEM files of a certificate, its key and the clients' CA"}
	}
	if t != nil {
		s.listeners[len(s.listeners)-1] = tls.NewListener(l, t)
	}
	return nil
}

// listenSocket listens on a path, from which the socket of a process that is
// gone is taken.
func listenSocket(ctx context.Context, path string) (net.Listener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("%s: another process listens there", path)
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		os.Remove(path)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path) // the umask keeps it from others until then
	if err == nil {
		if err = os.Chmod(path, socketMode); err != nil {
			l.Close()
		}
	}
	return l, err
}

func tlsConfig(cfg *config.Serve) (*tls.Config, error) {
	if cfg.Cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
	if err != nil {
		return nil, err
	}
	t := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if cfg.ClientCA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(cfg.ClientCA)
	if err != nil {
		return nil, err
	}
	t.ClientCAs = x509.NewCertPool()
	if !t.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", cfg.ClientCA)
	}
	t.ClientAuth = tls.VerifyClientCertIfGiven // a token does as well
	return t, nil
}

// Run answers until ctx ends, and then what is in hand.
func (s *Server) Run(ctx context.Context) error {
	defer s.log.close()
	ended := make(chan error, len(s.listeners))
	var serving sync.WaitGroup
	for _, l := range s.listeners {
		serving.Go(func() { ended <- s.http.Serve(l) })
	}
	messages, quiet := context.WithCancel(ctx)
	serving.Go(func() { s.mqtt.run(messages) })
	defer quiet()
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Drain)
	defer cancel()
	if s.http.Shutdown(drain) != nil {
		s.http.Close()
	}
	quiet()
	serving.Wait()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

func newLimited(l net.Listener) net.Listener {
	return &limited{l, make(chan struct{}, maxConnections)}
}

// limited is a listener with so many connections at most; further ones wait in
// the kernel.
type limited struct {
	net.Listener
	room chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	l.room <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &limitedConn{Conn: c, done: sync.OnceFunc(func() { <-l.room })}, nil
}

type limitedConn struct {
	net.Conn
	done func()
}

func (c *limitedConn) Close() error {
	defer c.done()
	return c.Conn.Close()
}
