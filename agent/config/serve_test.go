package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

const servedRun = "sources: {a: {driver: sim.machine}}\npipelines: {p: {source: a, bundle: b}}\n"

func TestServe(t *testing.T) {
	got, err := Parse("/etc/dunlin/agent.yaml", []byte(servedRun+`
serve:
  socket: /run/dunlin/serve.sock
  listen: "0.0.0.0:8500"
  tls: {cert: c.pem, key: k.pem, client_ca: ca.pem}
  clients:
    - {name: line, token_file: line.token, models: [p], admin: true}
    - {name: press, cert: press-1}
    - {name: camera, uid: 1001}
  workers: 2
  queue: 8
  timeout: 2s
  memory: 32MiB
  max_body: 1MiB
  rate: 50
  log: requests.jsonl
  mqtt: {broker: "tls://plant:8883", topic: edge/pump/infer, ca: plant.pem, client_id: pump, models: [p]}
`), testDrivers)
	if err != nil {
		t.Fatal(err)
	}
	want := Serve{
		Socket: "/run/dunlin/serve.sock", Listen: "0.0.0.0:8500", Cert: "/etc/dunlin/c.pem", Key: "/etc/dunlin/k.pem", ClientCA: "/etc/dunlin/ca.pem",
		Clients: []ServeClient{
			{Name: "line", TokenFile: "/etc/dunlin/line.token", UID: -1, Models: []string{"p"}, Admin: true},
			{Name: "press", Cert: "press-1", UID: -1}, {Name: "camera", UID: 1001},
		},
		Workers: 2, Queue: 8, Timeout: 2 * time.Second, Memory: 32 << 20, MaxBody: 1 << 20, Rate: 50, Log: "/etc/dunlin/requests.jsonl",
		MQTT: ServeMQTT{Broker: "tls://plant:8883", Topic: "edge/pump/infer", CA: "/etc/dunlin/plant.pem", ClientID: "pump", Models: []string{"p"}},
	}
	if !reflect.DeepEqual(got.Serve, want) {
		t.Errorf("got  %+v\nwant %+v", got.Serve, want)
	}
	got, err = Parse("agent.yaml", []byte("sources: {a: {driver: sim.machine}}\npipelines: {p: {source: a, bundle: b, oip: {server: \"unix:/run/t\", model: m, timeout: 20ms}}}"), testDrivers)
	if err != nil {
		t.Fatal(err)
	}
	got.Pipelines[0].OIP.At = Position{}
	if want := (OIP{Server: "unix:/run/t", Model: "m", Tolerance: 0.05, Timeout: 20 * time.Millisecond}); got.Pipelines[0].OIP != want {
		t.Errorf("%+v", got.Pipelines[0].OIP)
	}
	if _, err := Parse("serve.yaml", []byte("serve: {socket: s}"), testDrivers); err != nil {
		t.Errorf("a folder of models without pipelines: %v", err)
	}
}

func TestServeProblems(t *testing.T) {
	for _, tt := range []struct{ yaml, want, hint string }{
		{"serve: {}", "neither a socket nor an address", "socket:"},
		{"serve: {listen: '127.0.0.1:1'}", "no client could be told from a stranger", "token_file"},
		{"serve: {listen: '127.0.0.1:1', clients: [{name: x, uid: 3}]}", "no client could be told from a stranger", "token_file"},
		{"serve: {listen: '127.0.0.1:1', clients: [{name: x, cert: y}]}", "no client could be told from a stranger", "client_ca"},
		{"serve: {listen: '0.0.0.0:1', clients: [{name: x, token_file: y}]}", "in the clear", "tls:"},
		{"serve: {listen: here, anonymous: true}", `"here" is not an address`, "host:port"},
		{"serve: {socket: s, clients: [{name: x}]}", "0 ways to know client", "token_file"},
		{"serve: {socket: s, clients: [{name: x, uid: 1, cert: y}]}", "2 ways to know client", "uid"},
		{"serve: {socket: s, clients: [{uid: 1}]}", "serve.clients[0].name: missing", ""},
		{"serve: {socket: s, workers: 0}", "serve.workers: 0 is outside", ""},
		{"serve: {socket: s, mqtt: {broker: 'tcp://127.0.0.1:1883', topic: 'a/#'}}", "is no beginning of topics", "edge/"},
		{"serve: {socket: s, tokens: x}", "serve.tokens: unknown key", ""},
	} {
		_, err := Parse("a.yaml", []byte(servedRun+tt.yaml), testDrivers)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), tt.want) || !strings.Contains(e.Hint(), tt.hint) {
			t.Errorf("%s: %v; want %s, hint %s", tt.yaml, err, tt.want, tt.hint)
		}
	}
}
