package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// LinkConfig configures a Link.
type LinkConfig struct {
	Broker    string        // "tls://host:8883"; "tcp://" for a broker on loopback only
	ClientID  string        // of this connection
	TLS       *tls.Config   // with the client's certificate and the fleet's CA
	KeepAlive time.Duration // 0: 30 s
	WillTopic string        // empty: none; a will is retained
	Will      []byte
	// WillFleeting leaves the will unretained.
	WillFleeting bool
	// Username and Password are for brokers that ask for them; a fleet's knows
	// its clients by certificate.
	Username, Password string
	// Gather sends what many writes gave at once: for a client that speaks to many.
	Gather  bool
	Plain   bool            // Broker may be "tcp://" anywhere: everybody on the way reads and writes along
	Receive func(m Message) // one at a time; may not wait for the network
}

// Message is one that arrived. A retained one is the broker's memory: nobody
// said it now.
type Message struct {
	Topic    string
	Payload  []byte
	Retained bool
}

// Link is one MQTT 3.1.1 connection with a clean session, for devices and
// controllers alike. It is never used again after its loss: paho's own
// reconnecting keeps state that has deadlocked and leaked (its issues #262,
// #613, #675). Its methods may be called concurrently.
type Link struct {
	client mqtt.Client
	lost   chan error
}

// Dial connects. It waits 30 s at most.
func Dial(ctx context.Context, cfg LinkConfig) (*Link, error) {
	if err := checkBroker(cfg.Broker, cfg.TLS); err != nil && !(cfg.Plain && strings.HasPrefix(cfg.Broker, "tcp://")) {
		return nil, err
	}
	l := &Link{lost: make(chan error, 1)}
	o := linkOptions(cfg)
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) {
		select {
		case l.lost <- err:
		default: // told already
		}
	})
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { cfg.Receive(Message{m.Topic(), m.Payload(), m.Retained()}) })
	l.client = mqtt.NewClient(o)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := wait(ctx, l.client.Connect()); err != nil {
		l.Close()
		return nil, fmt.Errorf("connect %s: %w", cfg.Broker, err)
	}
	return l, nil
}

func linkOptions(cfg LinkConfig) *mqtt.ClientOptions {
	keepAlive := or(cfg.KeepAlive, 30*time.Second)
	o := mqtt.NewClientOptions()
	o.AddBroker(cfg.Broker)
	o.SetClientID(cfg.ClientID)
	o.SetProtocolVersion(4)
	o.SetCleanSession(true)
	o.SetAutoReconnect(false)
	o.SetConnectRetry(false)
	o.SetKeepAlive(keepAlive)
	o.SetPingTimeout(max(keepAlive/3, time.Second))
	o.SetConnectTimeout(20 * time.Second)
	o.SetWriteTimeout(20 * time.Second)
	o.SetUsername(cfg.Username)
	o.SetPassword(cfg.Password)
	if cfg.TLS != nil {
		o.SetTLSConfig(cfg.TLS.Clone())
	}
	if cfg.Gather {
		o.SetCustomOpenConnectionFn(dialGathering)
	}
	if cfg.WillTopic != "" {
		o.SetBinaryWill(cfg.WillTopic, cfg.Will, 1, !cfg.WillFleeting)
	}
	return o
}

// Lost yields the reason once the connection is gone.
func (l *Link) Lost() <-chan error { return l.lost }

// Publish sends at QoS 1 and waits for the broker's receipt, so that a caller's
// window is a window; what that proves is only that the connection lives.
func (l *Link) Publish(ctx context.Context, topic string, payload []byte, retained bool) error {
	return wait(ctx, l.client.Publish(topic, 1, retained, payload))
}

// Post sends at QoS 0 and waits for nothing: for what is sent again when no
// answer comes.
func (l *Link) Post(topic string, payload []byte) { l.client.Publish(topic, 0, false, payload) }

// Subscribe asks for topics at QoS 1 and fails where the broker refuses one.
func (l *Link) Subscribe(ctx context.Context, topics ...string) error {
	filters := map[string]byte{}
	for _, t := range topics {
		filters[t] = 1
	}
	return l.SubscribeQoS(ctx, filters)
}

// SubscribeQoS asks for topics at a QoS each: 0 is for what is sent again when no
// answer comes. The broker keeps no account of such messages, so there is no
// number of them on the way at which it would begin to drop or to wait. All goes in
// one packet: mochi refuses a second one whose identifier is that of a message on
// its way here, as of the retained ones that the first has called for.
func (l *Link) SubscribeQoS(ctx context.Context, filters map[string]byte) error {
	t := l.client.SubscribeMultiple(filters, nil)
	if err := wait(ctx, t); err != nil {
		return err
	}
	for topic, code := range t.(*mqtt.SubscribeToken).Result() {
		if code > 2 {
			return fmt.Errorf("the broker refuses %s", topic)
		}
	}
	return nil
}

// Close disconnects, which keeps the will back. It is idempotent.
func (l *Link) Close() { l.client.Disconnect(0) }

// wait returns when the token is done or ctx ends: a paho token alone may
// never be.
func wait(ctx context.Context, t mqtt.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkBroker allows a connection without TLS to this machine only.
func checkBroker(broker string, config *tls.Config) error {
	u, err := url.Parse(broker)
	if err != nil || u.Host == "" {
		return fmt.Errorf("broker %.100q: want tls://host:port", broker)
	}
	switch u.Scheme {
	case "tls", "ssl", "mqtts":
		if config == nil {
			return errors.New("broker: no TLS configuration")
		}
		return nil
	case "tcp":
		if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() || u.Hostname() == "localhost" {
			return nil
		}
		return fmt.Errorf("broker %s: without TLS only on loopback", broker)
	}
	return fmt.Errorf("broker %.100q: scheme is not tls", broker)
}
