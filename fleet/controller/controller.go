// Package controller runs a fleet: who its devices are, what they should do,
// what they say, and what they have decided.
//
// Start with [Open] and [Controller.Run]. Devices enrol and renew over HTTPS
// ([Controller.DeviceHandler]), people and programs use the REST interface
// ([Controller.API]), everything else crosses a broker: the embedded one, a
// child process, or any MQTT 3.1.1 broker.
//
// State is one folder: the database, the CA and the director key. Nothing is
// acknowledged to a device before it is committed there.
package controller

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// Config configures a Controller.
type Config struct {
	Dir     string        // state; made with mode 0700
	Fleet   string        // name, [a-z0-9-_]{1,64}; empty: default
	Hosts   []string      // names and addresses that devices reach this machine by; the first stands in identities
	Prefix  string        // of topics; empty: fleet.DefaultPrefix
	Broker  string        // address that the embedded broker listens on, port 0 takes a free one
	Child   []string      // command that runs broker.Run, such as {"/usr/bin/dunlin-fleet", "broker"}
	Resend  time.Duration // of unaccepted commands, and three times as long of those whose end is due; 0: 10 s
	Tick    time.Duration // between looks at the rollouts; 0: 1 s
	Stale   time.Duration // a device silent for so long is not online; 0: 3 min
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
	Version string
	// Repository is the folder of releases that devices update from (package
	// ota/release); empty: DIR/repository.
	Repository string
	// Store is the address of a Postgres database that several controllers may
	// share, each with a copy of the state folder; empty: SQLite in DIR.
	Store string
	// External is the address of an MQTT broker of your own, tls://host:port;
	// empty: the embedded one.
	External string
	Captures int64         // bytes of uploaded captures, a device a tenth of it; 0: 1 GiB
	Keep     time.Duration // telemetry and ended commands; 0: 90 days
	Lease    time.Duration // of who leads, where Store is shared; 0: 10 s
	SignOn   SignOn        // who a request is from by other means than ours; nil: no other

	driver string // of database/sql; empty: sqlite
}

func (c *Config) validate() error {
	if c.Fleet == "" {
		c.Fleet = "default"
	}
	if c.Prefix == "" {
		c.Prefix = fleet.DefaultPrefix
	}
	if c.Resend == 0 {
		c.Resend = 10 * time.Second
	}
	if c.Tick == 0 {
		c.Tick = time.Second
	}
	if c.Repository == "" {
		c.Repository = filepath.Join(c.Dir, "repository")
	}
	if c.driver == "" {
		c.driver = "sqlite"
	}
	if c.Keep == 0 {
		c.Keep = 90 * 24 * time.Hour
	}
	if c.Captures == 0 {
		c.Captures = 1 << 30
	}
	if c.Lease == 0 {
		c.Lease = 10 * time.Second
	}
	if c.Stale == 0 {
		c.Stale = 3 * time.Minute
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Keep < time.Hour {
		return errors.New("telemetry is kept for an hour at least")
	}
	if c.Captures < 1<<20 {
		return errors.New("captures get 1 MiB at least")
	}
	if c.Dir == "" || len(c.Hosts) == 0 || len(c.Child) == 0 && c.External == "" {
		return errors.New("folder, host and broker command are required")
	}
	if c.Store != "" && c.External == "" {
		return errors.New("controllers that share a database need a broker that they share")
	}
	return errors.Join(fleet.CheckPrefix(c.Prefix), fleet.CheckID(c.Fleet))
}

// Controller is one running controller. Its methods may be called concurrently.
type Controller struct {
	cfg      Config
	log      *slog.Logger
	store    *store
	roster   *roster // every device, in memory
	login    *login
	streams  atomic.Int64 // readers of events
	uploads  atomic.Int64 // of captures, under way
	ca       *authority
	director ed25519.PrivateKey
	topics   fleet.Topics
	admin    string // bearer token of the folder's owner
	inbox    chan message
	stats    stats
	child    child
	moved    chan struct{} // the rollouts should look
	term     atomic.Int64  // of what is assigned
	holder   string        // names this process in the lease
	bundles  sync.Map      // releasedBundle by digest
	restored int64         // when this state was made of a backup, Unix ms; 0: never

	mu        sync.Mutex
	link      *fleet.Link          // nil while there is none
	untold    []string             // devices to send their assignment
	watched   map[string]time.Time // devices that somebody looks at, since it was last said
	untell    chan struct{}        // there are some
	uploading sync.Mutex
	uploadOf  map[string]bool  // devices
	server    *tls.Certificate // that devices are shown; renewed
}

// stats count since start.
type stats struct {
	chunks, records, repeated, refused, failed, overrun atomic.Uint64
}

// Open loads or makes the state of a fleet.
func Open(ctx context.Context, cfg Config) (*Controller, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("controller: %w", err)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("controller: %w", err)
	}
	c := &Controller{cfg: cfg, log: cfg.Log, topics: fleet.Topics{Prefix: cfg.Prefix}, inbox: make(chan message, 4*batch), moved: make(chan struct{}, 1), uploadOf: map[string]bool{}, watched: map[string]time.Time{}, untell: make(chan struct{}, 1)}
	var err error
	if c.ca, err = openAuthority(cfg.Dir, cfg.Fleet); err != nil {
		return nil, err
	}
	if c.director, err = openDirector(filepath.Join(cfg.Dir, "director.key")); err != nil {
		return nil, err
	}
	if c.admin, err = openAdmin(filepath.Join(cfg.Dir, "admin.token")); err != nil {
		return nil, err
	}
	if c.store, err = openStore(ctx, cfg); err != nil {
		return nil, err
	}
	c.roster, c.login = &roster{store: c.store}, newLogin(c.now)
	c.holder = fmt.Sprintf("%d-%s", os.Getpid(), rand.Text())
	term, err := c.store.setting(ctx, "term")
	if err == nil {
		c.restored, err = c.store.setting(ctx, "restored")
	}
	if err != nil {
		return nil, errors.Join(err, c.store.close())
	}
	c.term.Store(max(firstTerm, term))
	return c, nil
}

func (c *Controller) now() time.Time { return c.cfg.Now() }

// Close gives up the database. Run must have returned.
func (c *Controller) Close() error { return c.store.close() }

// Run works until ctx ends: the broker, the link to it, ingest and the outbox.
// Of controllers that share a database, one works and the others wait.
func (c *Controller) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	if c.cfg.External == "" {
		if err := c.startBroker(ctx); err != nil {
			return err
		}
		all.Go(func() { c.superviseBroker(ctx) })
	}
	all.Go(func() { c.certificates(ctx) })
	all.Go(func() { c.follow(ctx) })
	if c.store.postgres {
		c.takeTurns(ctx)
	} else {
		c.work(ctx)
	}
	all.Wait()
	return nil
}

// work is what one controller alone does.
func (c *Controller) work(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { c.stayConnected(ctx) })
	all.Go(func() { c.ingest(ctx) })
	all.Go(func() { c.outbox(ctx) })
	all.Go(func() { c.rollouts(ctx) })
	all.Go(func() { c.teller(ctx) })
	all.Go(func() { c.signTimestamps(ctx) })
	all.Go(func() { c.expire(ctx) })
	all.Go(func() { c.hooks(ctx) })
	all.Go(func() { c.watchDrift(ctx) })
	all.Wait()
}

// stayConnected keeps one link to the broker.
func (c *Controller) stayConnected(ctx context.Context) {
	for delay := 100 * time.Millisecond; ctx.Err() == nil; {
		begun := time.Now()
		err := c.connectOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		c.log.Warn("broker connection ended", "err", err)
		if time.Since(begun) > 10*time.Second {
			delay = 100 * time.Millisecond
		}
		pauseFor(ctx, delay)
		delay = min(2*delay, 5*time.Second)
	}
}

func (c *Controller) connectOnce(ctx context.Context) error {
	config, err := c.clientTLS()
	if err != nil {
		return err
	}
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	l, err := fleet.Dial(ctx, fleet.LinkConfig{
		Broker: c.localBroker(), ClientID: fmt.Sprintf("%s_%x", controllerName, id), TLS: config, Gather: true, Receive: c.receive,
	})
	if err != nil {
		return err
	}
	defer l.Close()
	sub, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	filters := map[string]byte{c.topics.Of("+", fleet.TopicUp): 0}
	for _, n := range []fleet.Name{fleet.TopicReported, fleet.TopicStatus, fleet.TopicRes, fleet.TopicHello} {
		filters[c.topics.Of("+", n)] = 1
	}
	if err := l.SubscribeQoS(sub, filters); err != nil {
		return err
	}
	c.setLink(l)
	defer c.setLink(nil)
	c.log.Info("broker connected", "broker", c.localBroker())
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-l.Lost():
		return err
	}
}

func (c *Controller) setLink(l *fleet.Link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = l
}

// receive passes a message on, or drops it where ingest is behind: what matters
// comes again.
func (c *Controller) receive(in fleet.Message) {
	device, n, ok := c.topics.Parse(in.Topic)
	m := message{device, n, in.Payload, in.Retained}
	if !ok || !n.Up() || len(in.Payload) > n.MaxPayload() {
		c.refuse(m, errors.New("not a message of this contract"))
		return
	}
	select {
	case c.inbox <- m:
	default:
		c.stats.overrun.Add(1)
	}
}

// send publishes a document down without waiting; the device's next hello or
// resend makes up for a loss.
func (c *Controller) send(ctx context.Context, device string, n fleet.Name, make func() ([]byte, error)) {
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l == nil || ctx.Err() != nil {
		return
	}
	data, err := make()
	if err != nil {
		c.log.Error("sign", "device", device, "topic", string(n), "err", err)
		return
	}
	l.Post(c.topics.Of(device, n), data)
}

// openDirector loads the director key, or makes it.
func openDirector(path string) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("director key: %w", err)
		}
		text, err := keyToPEM(key)
		if err != nil {
			return nil, fmt.Errorf("director key: %w", err)
		}
		return key, writeFile(path, text, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("director key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("director key: %s is not PEM", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("director key: %w", err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("director key: %s is not an ed25519 key", path)
	}
	return key, nil
}

// openAdmin loads the secret by which the owner of the state folder uses the
// REST interface, or makes it.
func openAdmin(path string) (string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret := rand.Text()
		return secret, writeFile(path, []byte(secret), 0o600)
	}
	if err != nil || len(data) < 20 {
		return "", fmt.Errorf("admin token: %s cannot be read or is too short: %w", path, err)
	}
	return string(data), nil
}

// brokerURL is where devices find the broker.
func (c *Controller) brokerURL() string {
	if c.cfg.External != "" {
		return c.cfg.External
	}
	_, port, _ := net.SplitHostPort(c.brokerAddress())
	return "tls://" + net.JoinHostPort(c.cfg.Hosts[0], port)
}

// brokerAddress is what the embedded broker listens on, or will.
func (c *Controller) brokerAddress() string {
	if at := c.child.address(); at != "" {
		return at
	}
	return c.cfg.Broker
}

// errNoBroker is the answer to who asks before the broker has its port.
var errNoBroker = problem(503, "the broker has not started yet", "try again in a few seconds")

// knowsBroker waits, for a while, until devices can be told where the broker is.
func (c *Controller) knowsBroker(ctx context.Context) error {
	for end := time.Now().Add(10 * time.Second); ; pauseFor(ctx, 50*time.Millisecond) {
		u, err := url.Parse(c.brokerURL())
		if err == nil && u.Port() != "" && u.Port() != "0" {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(end) {
			return errNoBroker
		}
	}
}

func (c *Controller) localBroker() string {
	if c.cfg.External != "" {
		return c.cfg.External
	}
	host, port, _ := net.SplitHostPort(c.child.address())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "tls://" + net.JoinHostPort(host, port)
}
