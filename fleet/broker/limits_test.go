package broker

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	mrand "math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// testCA issues what the broker and its clients show.
type testCA struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newCA(t *testing.T) *testCA {
	t.Helper()
	ca := &testCA{t: t}
	ca.cert, ca.key = ca.issue("ca", "", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return ca
}

func (ca *testCA) issue(name, role string, t *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	ca.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Fatal(err)
	}
	ca.n++
	t.SerialNumber, t.Subject = big.NewInt(ca.n), pkix.Name{CommonName: name, OrganizationalUnit: []string{role}}
	t.NotBefore = time.Now().Add(-time.Hour)
	if t.NotAfter.IsZero() {
		t.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := ca.cert, ca.key
	if t.IsCA {
		parent, signer = t, key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		ca.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Fatal(err)
	}
	return cert, key
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// serve runs a broker and returns its address.
func (ca *testCA) serve(change func(*Config)) string {
	ca.t.Helper()
	cert, key := ca.issue("127.0.0.1", "server", &x509.Certificate{DNSNames: []string{"localhost"}})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		ca.t.Fatal(err)
	}
	cfg := Config{Listen: "127.0.0.1:0", Prefix: fleet.DefaultPrefix, Certificate: pemOf("CERTIFICATE", cert.Raw), Key: pemOf("PRIVATE KEY", der), CA: pemOf("CERTIFICATE", ca.cert.Raw)}
	change(&cfg)
	line, err := json.Marshal(cfg)
	if err != nil {
		ca.t.Fatal(err)
	}
	in, feed := io.Pipe()
	answer, out := io.Pipe()
	var done sync.WaitGroup
	done.Go(func() {
		if err := Run(context.Background(), in, out, slog.New(slog.DiscardHandler)); err != nil {
			ca.t.Error(err)
		}
	})
	ca.t.Cleanup(func() { feed.Close(); done.Wait() })
	go func() { _, _ = feed.Write(append(line, '\n')) }()
	var ready Ready
	if err := json.NewDecoder(answer).Decode(&ready); err != nil {
		ca.t.Fatal(err)
	}
	return ready.Address
}

func (ca *testCA) tls(name, role string, t *x509.Certificate) *tls.Config {
	cert, key := ca.issue(name, role, t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return &tls.Config{RootCAs: pool, ServerName: "localhost", Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}
}

func (ca *testCA) dial(address, id string, config *tls.Config) (*fleet.Link, error) {
	return fleet.Dial(ca.t.Context(), fleet.LinkConfig{Broker: "tls://" + address, ClientID: id, TLS: config, Receive: func(fleet.Message) {}})
}

func (ca *testCA) device(address, id string) *fleet.Link {
	ca.t.Helper()
	l, err := ca.dial(address, id, ca.tls(id, RoleDevice, &x509.Certificate{}))
	if err != nil {
		ca.t.Fatal(err)
	}
	ca.t.Cleanup(l.Close)
	return l
}

func (ca *testCA) cut(what string, l *fleet.Link) {
	ca.t.Helper()
	select {
	case <-l.Lost():
	case <-time.After(10 * time.Second):
		ca.t.Errorf("%s: still connected", what)
	}
}

// TestLimits: what one client overdoes costs that client its connection, and
// nobody else anything.
func TestLimits(t *testing.T) {
	ca := newCA(t)
	at := ca.serve(func(c *Config) { c.MaxRate = 5 })
	well := ca.device(at, "well")
	for what, n := range map[string]int{"a message larger than its kind": fleet.TopicHello.MaxPayload() + 1, "one larger than any": 400 << 10} {
		l := ca.device(at, fmt.Sprintf("large-%d", n))
		l.Post(fleet.Topics{Prefix: fleet.DefaultPrefix}.Of(fmt.Sprintf("large-%d", n), fleet.TopicHello), make([]byte, n))
		ca.cut(what, l)
	}
	storm := ca.device(at, "storm")
	for range 60 {
		storm.Post("dunlin/v1/storm/hello", []byte("{}"))
	}
	ca.cut("messages without end", storm)
	if _, err := ca.dial(at, "late", ca.tls("late", RoleDevice, &x509.Certificate{NotAfter: time.Now().Add(-time.Minute)})); err == nil {
		t.Error("an expired certificate is let in")
	}
	many, err := ca.dial(at, "all_1", ca.tls("all", RoleReader, &x509.Certificate{}))
	if err != nil {
		t.Fatal(err)
	}
	defer many.Close()
	refused := false
	for i := 0; i < 2*maxFilters && !refused; i++ {
		refused = many.Subscribe(t.Context(), fmt.Sprintf("dunlin/v1/d-%d/up", i)) != nil
		if refused && i != maxFilters {
			t.Errorf("refused the %dth subscription", i+1)
		}
	}
	if !refused {
		t.Error("subscriptions without end")
	}
	if err := well.Publish(t.Context(), "dunlin/v1/well/hello", []byte("{}"), false); err != nil {
		t.Errorf("another client: %v", err)
	}
}

// TestConnections: the broker holds so many and no more.
func TestConnections(t *testing.T) {
	ca := newCA(t)
	at := ca.serve(func(c *Config) { c.MaxConns = 3 })
	for i := range 3 {
		ca.device(at, fmt.Sprintf("d-%d", i))
	}
	if l, err := ca.dial(at, "d-9", ca.tls("d-9", RoleDevice, &x509.Certificate{})); err == nil {
		l.Close()
		t.Error("one more is let in")
	}
}

// TestStorm: one identity that connects over and over pushes out itself alone.
func TestStorm(t *testing.T) {
	ca := newCA(t)
	at := ca.serve(func(*Config) {})
	well := ca.device(at, "well")
	config := ca.tls("mad", RoleDevice, &x509.Certificate{})
	for range 100 {
		if l, err := ca.dial(at, "mad", config); err == nil {
			defer l.Close()
		}
	}
	select {
	case err := <-well.Lost():
		t.Errorf("another client: %v", err)
	default:
	}
}

// TestRawBytes: whatever stands in the stream of a client that has a
// certificate, the broker lives.
func TestRawBytes(t *testing.T) {
	ca := newCA(t)
	at := ca.serve(func(*Config) {})
	well := ca.device(at, "well")
	config := ca.tls("raw", RoleDevice, &x509.Certificate{})
	connect := append([]byte("\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03raw"), "\x82\x1a\x00\x01\x00\x15dunlin/v1/raw/desired\x01"...)
	publish := append([]byte("\x32\x1a\x00\x13dunlin/v1/raw/hello\x00\x02"), "{}{}"...)
	rng := mrand.New(mrand.NewPCG(1, 2))
	for range 300 {
		c, err := tls.Dial("tcp", at, config)
		if err != nil {
			t.Fatal(err)
		}
		text := bytes.Repeat(append(bytes.Clone(connect), publish...), 1+rng.IntN(3))
		for range rng.IntN(6) {
			text[rng.IntN(len(text))] = byte(rng.Uint32())
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = c.Write(text[:rng.IntN(len(text)+1)])
		if rng.IntN(10) == 0 {
			_, _ = io.CopyN(io.Discard, c, 4)
		}
		c.Close()
	}
	if err := well.Publish(t.Context(), "dunlin/v1/well/hello", []byte(strings.Repeat(" ", 100)), false); err != nil {
		t.Errorf("another client: %v", err)
	}
}
