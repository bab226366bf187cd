package rest

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/serve"
	"github.com/dunlin-edge/dunlin/fleet"
)

// open lets everybody in.
type open struct{ mqtt.HookBase }

func (*open) ID() string                                              { return "open" }
func (*open) Provides(b byte) bool                                    { return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck }
func (*open) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }
func (*open) OnACLCheck(*mqtt.Client, string, bool) bool              { return true }

// broker starts one at an address.
func broker(t *testing.T, address string) *mqtt.Server {
	t.Helper()
	b := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := b.AddHook(new(open), nil); err != nil {
		t.Fatal(err)
	}
	if err := b.AddListener(listeners.NewTCP(listeners.Config{ID: "t", Address: address})); err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMQTT: requests over a broker get the answers of HTTP, on the topic that
// belongs to theirs, also after the broker has been away.
func TestMQTT(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	first := broker(t, address)
	newRig(t, func(c *Config, _ *serve.Config) {
		c.Serve.MQTT = config.ServeMQTT{Broker: "tcp://" + address, Topic: "edge/d/infer", ClientID: "d-infer", Models: []string{"machine", "digits"}}
	})
	got := make(chan [2]string, 16)
	dial := func() *fleet.Link {
		t.Helper()
		link, err := fleet.Dial(context.Background(), fleet.LinkConfig{Broker: "tcp://" + address, ClientID: "line", Receive: func(m fleet.Message) { got <- [2]string{m.Topic, string(m.Payload)} }})
		if err != nil {
			t.Fatal(err)
		}
		if err := link.Subscribe(context.Background(), "edge/d/infer/+/response", "edge/d/infer/+/response/+"); err != nil {
			t.Fatal(err)
		}
		return link
	}
	// ask repeats a request until it is answered: the agent may not be there yet.
	ask := func(link *fleet.Link, topic string, payload []byte) (string, string) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
			link.Post(topic, payload)
			select {
			case x := <-got:
				return x[0], x[1]
			case <-time.After(200 * time.Millisecond):
			}
		}
		t.Fatalf("%s: no answer", topic)
		return "", ""
	}
	link := dial()
	scans, err := filepath.Glob(filepath.Join(demoDir, "scans", "000-*.png"))
	if err != nil || len(scans) != 1 {
		t.Fatal(scans, err)
	}
	picture, err := os.ReadFile(scans[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		topic, payload, answer, want string
	}{
		{"machine/request", string(infer(machineInput, "INT8", "[1,51]", numbers(51))), "machine/response", `"model_version":"1.0.0","id":"7"`},
		{"machine/request/a1", `{"instances":[` + numbers(51) + `]}`, "machine/response/a1", `{"predictions":[[`},
		{"digits/request/p", string(picture), "digits/response/p", `"label":"`},
		{"machine/request", "{", "machine/response", `{"status":400,"error":"JSON`},
		{"nobody/request", "{}", "nobody/response", `"status":403`},
	} {
		for drained := false; !drained; { // of answers to repetitions
			select {
			case <-got:
			case <-time.After(50 * time.Millisecond):
				drained = true
			}
		}
		topic, payload := ask(link, "edge/d/infer/"+tt.topic, []byte(tt.payload))
		if topic != "edge/d/infer/"+tt.answer || !strings.Contains(payload, tt.want) {
			t.Errorf("%s: %s %.200s, want %s on %s", tt.topic, topic, payload, tt.want, tt.answer)
		}
	}
	link.Close()
	first.Close()
	second := broker(t, address)
	defer second.Close()
	link = dial()
	defer link.Close()
	if _, payload := ask(link, "edge/d/infer/machine/request", infer(machineInput, "INT8", "[1,51]", numbers(51))); !strings.Contains(payload, "model_version") {
		t.Errorf("after the broker came back: %s", payload)
	}
}

func TestRoute(t *testing.T) {
	m := &messenger{cfg: config.ServeMQTT{Topic: "a/b"}}
	for topic, want := range map[string]string{
		"a/b/m/request": "a/b/m/response", "a/b/m/request/7": "a/b/m/response/7", "a/b/m/response": "", "a/b/m/request/7/8": "", "a/c/m/request": "", "a/b/request": "",
	} {
		_, got, ok := m.route(topic)
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q %v", topic, got, ok)
		}
	}
}
