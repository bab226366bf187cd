package controller

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/broker"
)

// client makes an integration's certificate and its TLS configuration.
func (r *rig) client(name, role string) (Client, *tls.Config, []byte) {
	r.t.Helper()
	key := newKey(r.t)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key)
	if err != nil {
		r.t.Fatal(err)
	}
	made, err := r.NewClient(r.t.Context(), "test", role, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), 0)
	if err != nil {
		r.t.Fatal(err)
	}
	keyPEM, err := keyToPEM(key)
	if err != nil {
		r.t.Fatal(err)
	}
	pair, err := tls.X509KeyPair([]byte(made.Certificate), keyPEM)
	if err != nil {
		r.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(made.CA))
	return made, &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: []tls.Certificate{pair}}, keyPEM
}

// TestClientRoles: an integration reads what goes up; only a commander writes,
// and commands alone; neither can push a device out by its client id.
func TestClientRoles(t *testing.T) {
	r := newRig(t, t.TempDir())
	d := r.connect(r.enroll("pi-1", r.token(TokenOptions{})))
	got := make(chan fleet.Message, 100)
	links := map[string]*fleet.Link{}
	for _, role := range []string{broker.RoleReader, broker.RoleCommander} {
		made, config, _ := r.client(role+"s", role)
		for _, id := range []string{"pi-1", role + "s", role + "s-1", "x_1"} {
			if l, err := fleet.Dial(t.Context(), fleet.LinkConfig{Broker: made.Broker, ClientID: id, TLS: config, Receive: func(fleet.Message) {}}); err == nil {
				l.Close()
				t.Errorf("%s: connects as %s", role, id)
			}
		}
		l, err := fleet.Dial(t.Context(), fleet.LinkConfig{Broker: made.Broker, ClientID: role + "s_1", TLS: config, Receive: func(m fleet.Message) { got <- m }})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		links[role] = l
		for _, topic := range []string{"#", "dunlin/v1/+/cmd", "dunlin/v1/pi-1/desired", "dunlin/v1/pi-1/#", "dunlin/v1/+/ack"} {
			if l.Subscribe(t.Context(), topic) == nil {
				t.Errorf("%s: subscribes to %s", role, topic)
			}
		}
		if err := l.Subscribe(t.Context(), "dunlin/v1/+/reported"); err != nil {
			t.Errorf("%s: %v", role, err)
		}
	}
	for range links {
		select {
		case m := <-got:
			if m.Topic != "dunlin/v1/pi-1/reported" {
				t.Errorf("%s", m.Topic)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no report arrives")
		}
	}
	if !d.Status().Connected {
		t.Error("the device lost its connection")
	}
	// A removed one is cut, and does not come back.
	if err := r.RemoveClient(t.Context(), "test", "readers"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-links[broker.RoleReader].Lost():
	case <-time.After(10 * time.Second):
		t.Error("a removed client stays")
	}
}

// TestMosquittoCommand: a program nobody here wrote reads reports, and sends a
// command without a signature, which a device takes that allows it and no other.
func TestMosquittoCommand(t *testing.T) {
	pub, err := exec.LookPath("mosquitto_pub")
	if err != nil {
		t.Fatal("install mosquitto-clients: ", err)
	}
	r := newRig(t, t.TempDir())
	open := r.enroll("pi-1", r.token(TokenOptions{}))
	open.unsigned = true
	r.connect(open)
	shut := r.connect(r.enroll("pi-2", r.token(TokenOptions{})))
	made, _, key := r.client("flow", broker.RoleCommander)
	dir := t.TempDir()
	for name, data := range map[string]string{"cert.pem": made.Certificate, "key.pem": string(key), "ca.pem": made.CA} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port := made.Broker[strings.LastIndexByte(made.Broker, ':')+1:]
	say := func(topic, text string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), pub, "-h", "127.0.0.1", "-p", port, "-i", "flow_1", "-q", "1", "-V", "mqttv311",
			"--cafile", dir+"/ca.pem", "--cert", dir+"/cert.pem", "--key", dir+"/key.pem", "-t", topic, "-m", text).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	say("dunlin/v1/pi-2/cmd", `{"name": "ping"}`)
	say("dunlin/v1/pi-1/cmd", `{"name": "capture", "args": {"pipeline": "machine"}}`)
	r.eventually("the command", func() bool {
		open.mu.Lock()
		defer open.mu.Unlock()
		return len(open.cmds) == 1 && open.cmds[0].Name == "capture" && string(open.cmds[0].Args) == `{"pipeline": "machine"}` && open.cmds[0].Device == "pi-1"
	})
	r.eventually("the refusal", func() bool { return shut.Status().Refused == 1 })
	shut.mu.Lock()
	defer shut.mu.Unlock()
	if len(shut.cmds) != 0 {
		t.Errorf("a device that allows none takes %+v", shut.cmds)
	}
}

// TestCloned: two machines with one identity are found out; restarts are not.
func TestCloned(t *testing.T) {
	s, _, _ := newStage(t)
	s.addDevice("d-1")
	hello := func(boot byte) {
		_, err := s.commit(t.Context(), []message{say(&actor{id: "d-1"}, fleet.TopicHello, fleet.Hello{Boot: strings.Repeat(string(boot), 32), Conn: 1})})
		s.must(err)
	}
	state := func() string { d, err := s.Device(t.Context(), "d-1"); s.must(err); return d.State }
	for _, boot := range []byte("aabbcbdde") { // restarts, reconnects, one hello that was late
		hello(boot)
	}
	if state() != "online" {
		t.Errorf("restarts: %s", state())
	}
	for _, boot := range []byte("ded") {
		hello(boot)
	}
	lines, err := s.LastAudit(t.Context(), 1)
	if s.must(err); state() != "degraded" || lines[0].Action != "device.cloned" {
		t.Errorf("two that take turns: %s, %+v", state(), lines)
	}
}

// TestCertificateEnds: each certificate is told with its end, as a metric and
// to who asks which end soon.
func TestCertificateEnds(t *testing.T) {
	r := newRig(t, t.TempDir())
	r.enroll("pi-1", r.token(TokenOptions{}))
	r.client("flow", broker.RoleReader)
	soon, err := r.Certificates(t.Context(), time.Now().Add(100*24*time.Hour))
	if err != nil || len(soon) != 1 || soon[0].Kind != "server" {
		t.Errorf("within 100 days: %+v, %v", soon, err)
	}
	if _, err := r.store.db.Exec(`UPDATE devices SET not_after = $1`, ms(time.Now().Add(24*time.Hour))); err != nil {
		t.Fatal(err)
	}
	q := httptest.NewRequest("GET", "/api/v1/metrics", nil)
	q.Header.Set("Authorization", "Bearer "+r.admin)
	w := httptest.NewRecorder()
	r.API().ServeHTTP(w, q)
	for _, want := range []string{
		`dunlin_fleet_devices{state="never-seen"} 1`, `dunlin_fleet_broker_connected 1`, `not_after_seconds{kind="ca",name="default fleet CA"} `,
		`{kind="server",name="127.0.0.1"} `, `{kind="client",name="flow"} `, `{kind="device",name=""} `, "dunlin_fleet_certificates_overdue 1\n",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
	}
	q = httptest.NewRequest("GET", "/api/v1/certificates?within=720h", nil)
	q.Header.Set("Authorization", "Bearer "+r.admin)
	w = httptest.NewRecorder()
	r.API().ServeHTTP(w, q)
	var all []Certificate
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil || len(all) != 1 || all[0].Name != "pi-1" {
		t.Errorf("within a month: %s", w.Body)
	}
}

// TestServerCertificateRenewed: who connects after a renewal is shown the new
// certificate, by the listener and by the broker alike.
func TestServerCertificateRenewed(t *testing.T) {
	r := newRig(t, t.TempDir())
	d := r.enroll("pi-1", r.token(TokenOptions{}))
	config, err := d.id.TLS(d.key)
	if err != nil {
		t.Fatal(err)
	}
	shown := func(address string) string {
		t.Helper()
		c, err := tls.Dial("tcp", address, config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return fmt.Sprint(c.ConnectionState().PeerCertificates[0].SerialNumber)
	}
	for what, at := range map[string]string{"listener": strings.TrimPrefix(r.url, "https://"), "broker": strings.TrimPrefix(d.id.Broker, "tls://")} {
		before := shown(at)
		if err := first(r.renewServer(), r.renewBroker(t.Context())); err != nil {
			t.Fatal(err)
		}
		r.eventually(what, func() bool { return shown(at) != before })
	}
}
