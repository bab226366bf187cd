package fleet

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Handler takes what arrives for a device, verified. Its methods are called
// one at a time; while one runs, nothing else arrives, so none may wait for
// the network.
type Handler interface {
	// Hello returns what the device has, for the hello of a new connection.
	Hello() (epoch uint32, lo, next uint64, seq Seq)
	// Reported returns what the device runs.
	Reported() Reported
	Desired(Desired)
	Ack(Ack)
	Command(Command)
}

// SessionConfig configures a Session.
type SessionConfig struct {
	Broker   string            // "tls://host:8883"; "tcp://" for a broker on loopback only
	Device   string            // id: client id, certificate CN, topic
	Prefix   string            // of topics; empty is DefaultPrefix
	TLS      *tls.Config       // with the device's certificate and the fleet's CA
	Director ed25519.PublicKey // whose documents count
	Boot     string            // id of this start of the agent, 32 hex digits
	Unsigned bool              // accept commands without an envelope
	Handler  Handler
	Log      *slog.Logger // nil is silent

	KeepAlive time.Duration // 0: 30 s
	MinDelay  time.Duration // before the second try; 0: 1 s
	MaxDelay  time.Duration // 0: 5 min
	Report    time.Duration // between reports; 0: 1 min
}

func (c *SessionConfig) validate() error {
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	c.KeepAlive, c.MinDelay, c.MaxDelay = or(c.KeepAlive, 30*time.Second), or(c.MinDelay, time.Second), or(c.MaxDelay, 5*time.Minute)
	c.Report = or(c.Report, time.Minute)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Handler == nil {
		return errors.New("handler is missing")
	}
	if len(c.Director) != ed25519.PublicKeySize {
		return errors.New("director key is missing")
	}
	return errors.Join(CheckID(c.Device), CheckPrefix(c.Prefix), checkBroker(c.Broker, c.TLS), checkBoot(c.Boot))
}

func or(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// errOffline says that nothing was sent: there is no connection.
var errOffline = errors.New("not connected")

// Session keeps a device connected. Run is called once; the other methods may
// be called concurrently with it.
type Session struct {
	cfg      SessionConfig
	topics   Topics
	refused  atomic.Uint64
	answered atomic.Bool // the controller knows of this connection
	changed  chan struct{}
	mu       sync.Mutex
	conn     uint64 // counts connects; written by Run alone
	link     *Link  // nil while there is none
	lastFail error
}

// NewSession checks the configuration; Run connects.
func NewSession(cfg SessionConfig) (*Session, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("fleet session: %w", err)
	}
	return &Session{cfg: cfg, topics: Topics{cfg.Prefix}, changed: make(chan struct{}, 1)}, nil
}

// Run connects, and connects again after each loss, until ctx ends. Before the
// n-th try in a row it waits a random time of up to MinDelay x 2^n, at most
// MaxDelay: a thousand devices that lost their broker together come back apart.
func (s *Session) Run(ctx context.Context) error {
	for tries := 0; ctx.Err() == nil; tries++ {
		begun := time.Now()
		err := s.once(ctx)
		s.fail(err)
		if ctx.Err() != nil {
			break
		}
		if time.Since(begun) > s.cfg.MaxDelay {
			tries = 0 // it held for a while
		}
		delay := s.delay(tries)
		s.cfg.Log.Warn("fleet connection ended", "err", err, "retry", delay.Round(time.Millisecond))
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
	return nil
}

func (s *Session) delay(tries int) time.Duration {
	most := s.cfg.MaxDelay
	if tries < 30 {
		most = min(most, s.cfg.MinDelay<<tries)
	}
	return s.cfg.MinDelay/2 + rand.N(most)
}

// once lives one connection from its dial to its end.
func (s *Session) once(ctx context.Context) error {
	s.mu.Lock()
	s.conn++
	s.mu.Unlock()
	l, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	s.set(l) // before hello: its handler may publish at once
	defer s.set(nil)
	if err := s.greet(ctx, l); err != nil {
		return err
	}
	s.cfg.Log.Info("fleet connected", "conn", s.conn)
	return s.hold(ctx, l)
}

// hold keeps a connection useful: hello is said again until the controller has
// answered, which may connect later than we do, and the report is renewed, by
// which the controller knows a live device from one that its broker forgot.
func (s *Session) hold(ctx context.Context, l *Link) error {
	report := time.NewTicker(s.cfg.Report)
	defer report.Stop()
	wait := 5 * s.cfg.MinDelay
	hello := time.NewTimer(wait)
	defer hello.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			s.farewell(l)
			return ctx.Err()
		case err = <-l.Lost():
			return fmt.Errorf("connection lost: %w", err)
		case <-report.C:
			err = s.sayReported(ctx, l)
		case <-s.changed:
			err = s.sayReported(ctx, l)
		case <-hello.C:
			if !s.answered.Load() {
				err = s.sayHello(ctx, l)
				wait = min(2*wait, time.Minute)
				hello.Reset(wait)
			}
		}
		if err != nil {
			return err
		}
	}
}

// Report makes the session send [Handler].Reported soon.
func (s *Session) Report() {
	select {
	case s.changed <- struct{}{}:
	default: // one waits already
	}
}

// dial connects with a will that says offline.
func (s *Session) dial(ctx context.Context) (*Link, error) {
	will, err := Encode(Status{Boot: s.cfg.Boot, Conn: s.conn})
	if err != nil {
		return nil, err
	}
	return Dial(ctx, LinkConfig{
		Broker: s.cfg.Broker, ClientID: s.cfg.Device, TLS: s.cfg.TLS, KeepAlive: s.cfg.KeepAlive,
		WillTopic: s.topics.Of(s.cfg.Device, TopicStatus), Will: will, Receive: s.receive,
	})
}

// greet subscribes, and then says hello, so that no answer is missed.
func (s *Session) greet(ctx context.Context, l *Link) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := l.Subscribe(ctx, s.topics.Of(s.cfg.Device, TopicDesired), s.topics.Of(s.cfg.Device, TopicAck), s.topics.Of(s.cfg.Device, TopicCmd)); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	status, err := Encode(Status{Online: true, Boot: s.cfg.Boot, Conn: s.conn})
	if err != nil {
		return err
	}
	if err := l.Publish(ctx, s.topics.Of(s.cfg.Device, TopicStatus), status, true); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	if err := s.sayReported(ctx, l); err != nil {
		return err
	}
	s.answered.Store(false)
	return s.sayHello(ctx, l)
}

func (s *Session) sayReported(ctx context.Context, l *Link) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	data, err := Encode(s.cfg.Handler.Reported())
	if err == nil {
		err = l.Publish(ctx, s.topics.Of(s.cfg.Device, TopicReported), data, true)
	}
	if err != nil {
		return fmt.Errorf("reported: %w", err)
	}
	return nil
}

func (s *Session) sayHello(ctx context.Context, l *Link) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	epoch, lo, next, seq := s.cfg.Handler.Hello()
	data, err := Encode(Hello{Boot: s.cfg.Boot, Conn: s.conn, Epoch: epoch, Lo: lo, Next: next, Seq: seq})
	if err == nil {
		err = l.Publish(ctx, s.topics.Of(s.cfg.Device, TopicHello), data, false)
	}
	if err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	return nil
}

// farewell says offline, since a clean disconnect keeps the will back.
func (s *Session) farewell(l *Link) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if data, err := Encode(Status{Boot: s.cfg.Boot, Conn: s.conn}); err == nil {
		_ = l.Publish(ctx, s.topics.Of(s.cfg.Device, TopicStatus), data, true) // the will's job if it fails
	}
}

// Publish sends a message up and returns once the broker has it, which says
// nothing about the controller. It gives errOffline without a connection.
func (s *Session) Publish(ctx context.Context, n Name, payload []byte) error {
	if !n.Up() || len(payload) > n.MaxPayload() {
		return fmt.Errorf("publish %s: %d bytes, at most %d", n, len(payload), n.MaxPayload())
	}
	s.mu.Lock()
	l := s.link
	s.mu.Unlock()
	if l == nil {
		return errOffline
	}
	return l.Publish(ctx, s.topics.Of(s.cfg.Device, n), payload, n == TopicReported || n == TopicStatus)
}

// SessionStatus tells how the session fares.
type SessionStatus struct {
	Connected bool
	Conns     uint64 // connects tried since start
	Refused   uint64 // documents that did not verify or were not for this device
	Failure   error  // why the last connection ended, nil before
}

// Status returns how the session fares.
func (s *Session) Status() SessionStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return SessionStatus{s.link != nil, s.conn, s.refused.Load(), s.lastFail}
}

func (s *Session) set(l *Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link = l
}

func (s *Session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastFail = err
}
