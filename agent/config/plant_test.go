package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMQTT(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "broker"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	parse := func(mqtt string) (*Config, error) {
		return Parse("/etc/dunlin/agent.yaml", []byte("device: {name: pump-7}\nfleet: {dir: fleet}\nmqtt: "+mqtt+"\n"), testDrivers)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	cfg, err := parse(`{broker: "tls://plant:8883", user: u, password: "credential:broker", home_assistant: {}, sparkplug: {group: north}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := Plant{Broker: "tls://plant:8883", User: "u", Password: filepath.Join(dir, "broker"), Device: "pump-7", Topic: "dunlin",
		HomeAssistant: HomeAssistant{"homeassistant"}, Sparkplug: Sparkplug{"north", "pump-7"}}
	if cfg.MQTT != want {
		t.Errorf("got  %+v\nwant %+v", cfg.MQTT, want)
	}
	if err := os.Rename(filepath.Join(dir, "broker"), filepath.Join(dir, "dunlin_broker")); err != nil {
		t.Fatal(err)
	}
	if cfg, err = parse(`{broker: "tcp://127.0.0.1:1883", password: "credential:broker"}`); err != nil || cfg.MQTT.Password != filepath.Join(dir, "dunlin_broker") {
		t.Errorf("from a folder of systemd's: %+v, %v", cfg, err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if cfg, err = parse(`{broker: "tcp://127.0.0.1:1883", password: "credential:broker"}`); err != nil || cfg.MQTT.Password != "/etc/dunlin/credentials/broker" {
		t.Errorf("without systemd's: %+v, %v", cfg, err)
	}
	for text, want := range map[string]string{
		`{}`:                                                         "mqtt.broker: missing",
		`{broker: "tcp://plant:1883"}`:                               "without encryption",
		`{broker: "http://plant"}`:                                   "not the address of a broker",
		`{broker: "tls://u:hunter2@plant:1"}`:                        "not the address of a broker",
		`{broker: "tls://plant:1", topic: "a/#"}`:                    "cannot be part of a topic",
		`{broker: "tls://plant:1", sparkplug: {}}`:                   "sparkplug.group: missing",
		`{broker: "tls://plant:1", sparkplug: {group: a/b}}`:         "cannot be part of a topic",
		`{broker: "tls://plant:1", password: "credential:../etc/x"}`: "is not a name",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := parse(`{broker: "tcp://plant:1883", allow_plain: true}`); err != nil {
		t.Error(err)
	}
}

func TestRedact(t *testing.T) {
	got, err := Redact([]byte("# a comment\nmqtt: {broker: 'tls://u:p@h:1', user: u, password: secret1}\nx: [{webhook: 'http://h/p?k=secret2'}, {exec: [prog, secret3]}] # secret4\nhold: {key: secret5, keyed: kept}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(got); strings.Contains(text, "secret") || strings.Contains(text, "comment") || strings.Contains(text, ":p@") ||
		!strings.Contains(text, "prog") || !strings.Contains(text, "keyed: kept") || !strings.Contains(text, "http://h/p?redacted") {
		t.Errorf("%s", text)
	}
}
