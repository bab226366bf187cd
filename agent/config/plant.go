package config

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// credentials is where secrets lie that systemd does not hand over itself: it
// learned LoadCredential= with version 247, and JetPack 5 has 245.
const credentials = "/etc/dunlin/credentials"

func (l *loader) plant(f *Fields) {
	m := &l.cfg.MQTT
	m.Broker = f.Required("broker", `give the broker of the plant or home, such as "tcp://127.0.0.1:1883"`)
	m.AllowPlain = f.Bool("allow_plain", false)
	m.User = f.String("user", "")
	m.Password = f.secret("password")
	if f.Has("ca") {
		m.CA = f.Path("ca")
	}
	m.Topic = f.String("topic", "dunlin")
	f.section("home_assistant", func(f *Fields) { m.HomeAssistant.Prefix = f.String("prefix", "homeassistant") })
	f.section("sparkplug", func(f *Fields) {
		m.Sparkplug = Sparkplug{f.Required("group", "give the group that the plant's nodes are in"), f.String("node", "")}
	})
	for key, text := range map[string]string{"topic": m.Topic, "home_assistant.prefix": m.HomeAssistant.Prefix, "sparkplug.group": m.Sparkplug.Group, "sparkplug.node": m.Sparkplug.Node} {
		if strings.ContainsAny(text, "+#") || strings.Contains(key, "spark") && strings.Contains(text, "/") {
			f.Problem(strings.SplitN(key, ".", 2)[0], "topics have neither + nor #", "%q cannot be part of a topic", text)
		}
	}
	u, err := url.Parse(m.Broker)
	if m.Broker == "" {
		return
	}
	if err != nil || u.Host == "" || u.Scheme != "tcp" && u.Scheme != "tls" || u.User != nil {
		f.Problem("broker", "write tcp://host:1883 or tls://host:8883; user and password have keys of their own", "this is not the address of a broker")
		return
	}
	if u.Scheme == "tcp" && !m.AllowPlain && !Loopback(u.Hostname()) {
		f.Problem("broker", "use tls://, or set allow_plain: true if everybody on that network may read and write along", "%q is another machine, without encryption", u.Host)
	}
}

// secret is the path of a file with a secret. "credential:NAME" is the one that
// systemd hands over under this name, or that of the name in
// /etc/dunlin/credentials where it hands over none.
func (f *Fields) secret(key string) string {
	if !f.Has(key) {
		return ""
	}
	name, ok := strings.CutPrefix(f.String(key, ""), "credential:")
	if !ok {
		return f.Path(key)
	}
	if name == "" || name != filepath.Base(name) {
		f.Problem(key, "write credential:NAME", "%q is not a name", name)
		return ""
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		for _, id := range []string{name, "dunlin_" + name} { // the second where systemd loaded a folder, with this prefix
			if path := filepath.Join(dir, id); exists(path) {
				return path
			}
		}
	}
	return filepath.Join(credentials, name)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// namePlant fills in the names that are the device's.
func (l *loader) namePlant() {
	m := &l.cfg.MQTT
	if m.Broker == "" {
		return
	}
	m.Device = l.cfg.Device.Name
	if m.Sparkplug.Group != "" && m.Sparkplug.Node == "" {
		m.Sparkplug.Node = m.Device
	}
}
