// Package uplink joins an agent to its fleet: its identity on disk, the session
// with the broker, what the telemetry store has to ship, and commands.
//
// Start with [Enroll], once, and [Load] and [New] at every start. The agent
// passes in what it can tell and do; this package never reaches into it.
package uplink

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/ship"
)

// Records is the telemetry to deliver: a ship.Shipper.
type Records interface {
	Hello(ship.Link) (ship.Standing, error)
	Offline()
	Ack(telemetry.Ack)
}

// Updates takes what the fleet wants the device to run.
type Updates interface {
	Seq() fleet.Seq // of the newest assignment it has
	Desire(fleet.Desired)
}

// Do carries out a command. What it returns becomes the answer's output; what
// it tells on the way is sent as progress, and may be lost.
type Do func(ctx context.Context, args json.RawMessage, tell func(progress any)) (any, error)

// Command is one thing that the fleet may ask of a device.
type Command struct {
	Do     Do
	Time   time.Duration // bounds a run; 0: 2 min
	Beside bool          // runs beside others, which need not wait for its end
}

// Config configures an Uplink.
type Config struct {
	Dir      string                // where Enroll put the identity
	Identity *Enrolled             // what Load found there; nil: New looks itself
	Describe func() fleet.Reported // what the device runs; called at any time
	Records  Records               // nil: nothing to deliver
	Watched  func(time.Duration)   // somebody looks at the device for so long; nil: it changes nothing
	Updates  Updates               // nil: assignments are ignored, and said to be
	Link     ship.Link             // what a connection costs
	Commands map[string]Command    // by name
	Unsigned bool                  // accept commands without a signature
	Now      func() time.Time      // nil: time.Now
	Log      *slog.Logger          // nil: silent

	MinDelay, MaxDelay time.Duration // of reconnecting; 0: fleet's
}

// Uplink is a device's link to its fleet. Run is called once; Publish and
// Status may be called at any time.
type Uplink struct {
	cfg     Config
	id      *Enrolled
	session *fleet.Session
	journal *journal
	queue   chan fleet.Command
	log     *slog.Logger

	newest telemetry.Ack // that came, of its numbers; the session's alone
	fresh  chan struct{} // a connection was made: unsent answers go out
	beside chan struct{} // a token for each command that runs beside others
}

// New takes up the identity and the journal of commands.
func New(cfg Config) (*Uplink, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Identity == nil {
		var err error
		if cfg.Identity, err = Load(cfg.Dir); err != nil {
			return nil, err
		}
	}
	j, err := openJournal(cfg.Dir, cfg.Now())
	if err != nil {
		cfg.Log.Error("no commands until it can be written", "err", err)
	}
	u := &Uplink{cfg: cfg, id: cfg.Identity, journal: j, queue: make(chan fleet.Command, 16), log: cfg.Log, fresh: make(chan struct{}, 1), beside: make(chan struct{}, maxBeside)}
	if err := u.newSession(); err != nil {
		j.close()
		return nil, err
	}
	return u, nil
}

func (u *Uplink) newSession() error {
	config, err := u.id.TLS(u.id.Key)
	if err != nil {
		return err
	}
	var boot [16]byte
	_, _ = rand.Read(boot[:]) // never fails
	u.session, err = fleet.NewSession(fleet.SessionConfig{
		Broker: u.id.Broker, Device: u.id.Device, Prefix: u.id.Prefix, TLS: config, Director: u.id.Director,
		Boot: hex.EncodeToString(boot[:]), Unsigned: u.cfg.Unsigned, Handler: handler{u}, Log: u.log,
		MinDelay: u.cfg.MinDelay, MaxDelay: u.cfg.MaxDelay,
	})
	return err
}

// Run keeps the link until ctx ends.
func (u *Uplink) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { u.work(ctx) })
	all.Go(func() { u.renewals(ctx) })
	err := u.session.Run(ctx)
	all.Wait()
	u.journal.close()
	return err
}

// Publish implements ship.Transport.
func (u *Uplink) Publish(ctx context.Context, chunk []byte) error {
	return u.session.Publish(ctx, fleet.TopicUp, chunk)
}

// Report sends what Describe returns soon, not only at the next minute.
func (u *Uplink) Report() { u.session.Report() }

// Status is how the link fares.
type Status struct {
	Device    string    `json:"device"`
	Fleet     string    `json:"fleet"`
	Broker    string    `json:"broker"`
	Connected bool      `json:"connected"`
	Failure   string    `json:"failure,omitempty"` // why the last connection ended
	Connects  uint64    `json:"connects"`          // tried since start
	Refused   uint64    `json:"refused"`           // documents that did not verify
	CertEnds  time.Time `json:"certificate_not_after"`
}

// Status returns how the link fares.
func (u *Uplink) Status() Status {
	s := u.session.Status()
	out := Status{Device: u.id.Device, Fleet: u.id.Fleet, Broker: u.id.Broker, Connected: s.Connected, Connects: s.Conns, Refused: s.Refused, CertEnds: u.id.Ends()}
	if s.Failure != nil && !s.Connected {
		out.Failure = s.Failure.Error()
	}
	return out
}

// handler is the session's view of an Uplink.
type handler struct{ *Uplink }

func (h handler) Hello() (epoch uint32, lo, next uint64, seq fleet.Seq) {
	select {
	case h.fresh <- struct{}{}:
	default:
	}
	if h.cfg.Updates != nil {
		seq = h.cfg.Updates.Seq()
	}
	if h.cfg.Records == nil {
		return 0, 0, 0, seq
	}
	at, err := h.cfg.Records.Hello(h.cfg.Link)
	if err != nil {
		h.log.Warn("telemetry cannot say where it stands", "err", err)
		return 0, 0, 0, seq
	}
	return at.Epoch, at.Lo, at.Next, seq
}

func (h handler) Reported() fleet.Reported { return h.cfg.Describe() }

func (h handler) Desired(d fleet.Desired) {
	if h.cfg.Updates == nil { // said rather than look obedient
		h.log.Warn("assignment ignored: this agent takes no updates", "seq", d.Seq.String())
		return
	}
	h.cfg.Updates.Desire(d)
}

func (h handler) Ack(a fleet.Ack) {
	h.watched(a)
	if h.cfg.Records == nil || a.Epoch == 0 {
		return
	}
	out := telemetry.Ack{Epoch: a.Epoch, Hi: a.Hi}
	for _, r := range a.Ranges {
		out.Ranges = append(out.Ranges, telemetry.Range{First: r.First, Count: r.Count})
	}
	h.cfg.Records.Ack(out)
}

// watched passes on that somebody looks. A broker that repeats an old ack cannot
// keep a device at it: once more is committed, it counts no longer.
func (h handler) watched(a fleet.Ack) {
	if a.Epoch < h.newest.Epoch || a.Epoch == h.newest.Epoch && a.Hi < h.newest.Hi {
		return
	}
	h.newest = telemetry.Ack{Epoch: a.Epoch, Hi: a.Hi}
	if a.Watch > 0 && h.cfg.Watched != nil {
		h.cfg.Watched(time.Duration(a.Watch) * time.Second)
	}
}

func (h handler) Command(c fleet.Command) {
	select {
	case h.queue <- c:
	default: // the controller sends it again
		h.log.Warn("command put off: others are waiting", "command", c.Name)
	}
}

// renewals asks for the next certificate in time, and goes on asking.
func (u *Uplink) renewals(ctx context.Context) {
	for {
		wait := max(time.Until(u.id.renewAt()), 0)
		if !sleep(ctx, min(wait, 12*time.Hour)) {
			return
		}
		if time.Now().Before(u.id.renewAt()) {
			continue
		}
		if err := u.id.renew(ctx, u.cfg.Dir); err != nil {
			u.log.Warn("renew certificate", "err", fmt.Sprint(err), "ends", u.id.Ends())
			if !sleep(ctx, time.Hour) {
				return
			}
			continue
		}
		// The connection in use keeps the old one until it ends by itself.
		u.log.Info("certificate renewed", "ends", u.id.Ends())
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
