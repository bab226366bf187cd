package config

import (
	"net"
	"strings"
	"time"
)

// Serve says how programs on the device reach its models. The zero value
// serves none.
type Serve struct {
	Socket       string        // path of a Unix socket; "" for none
	Listen       string        // host:port; "" for none
	Cert, Key    string        // PEM files, for TLS
	ClientCA     string        // PEM file: who signs clients' certificates
	Anonymous    bool          // whoever reaches Listen may use all
	Clients      []ServeClient // who may; none: whoever reaches the socket
	Model        string        // of requests that name none; "" where there is one only
	HealthRoute  string        // a further path, as a cloud wants it
	PredictRoute string
	Workers      int           // requests that run at a time; 0 has a default, as all below
	Queue        int           // requests that wait
	Timeout      time.Duration // of a request
	Memory       int64         // bytes of all sessions
	MaxBody      int64         // bytes of a request
	Rate         float64       // requests a second of each client; 0 is no limit
	Log          string        // file of one JSON line for each request; "" for none
	MQTT         ServeMQTT
}

// ServeMQTT is a broker that requests come over, too. The zero value is none.
type ServeMQTT struct {
	Broker   string   // tcp:// on this machine, otherwise tls://
	CA       string   // PEM file: who signed the broker's certificate; "" for the system's
	Topic    string   // requests come to TOPIC/MODEL/request
	ClientID string   // at the broker
	Models   []string // that may be asked; none: all
}

// On tells whether anything is served.
func (s *Serve) On() bool { return s.Socket != "" || s.Listen != "" }

// ServeClient is somebody who may use models: who holds a token, who has a
// certificate with that common name, or a user of this machine on the socket.
type ServeClient struct {
	Name      string
	TokenFile string
	Cert      string
	UID       int      // -1 for none
	Models    []string // that it may use; none: all
	Admin     bool     // may load and unload
}

// DefaultMaxBody bounds a request's body.
const DefaultMaxBody = 8 << 20

func (l *loader) serve(f *Fields) {
	s := &l.cfg.Serve
	if f.Has("socket") {
		s.Socket = f.Path("socket")
	}
	s.Listen = f.String("listen", "")
	f.section("tls", func(f *Fields) {
		s.Cert, s.Key = f.Path("cert"), f.Path("key")
		if f.Has("client_ca") {
			s.ClientCA = f.Path("client_ca")
		}
	})
	s.Anonymous = f.Bool("anonymous", false)
	f.list("clients", func(_ Position, f *Fields) { s.Clients = append(s.Clients, readServeClient(f)) })
	s.Model = f.String("model", "")
	s.Workers = int(f.Int("workers", 0, 1, 256))
	s.Queue = int(f.Int("queue", 0, 1, 1<<16))
	s.Timeout = f.Duration("timeout", 0, time.Millisecond, time.Hour)
	s.Memory = f.Bytes("memory", 0)
	s.MaxBody = f.Bytes("max_body", DefaultMaxBody)
	s.Rate = f.Float("rate", 0, 0.01, 1e6)
	if f.Has("log") {
		s.Log = f.Path("log")
	}
	f.section("mqtt", func(f *Fields) {
		s.MQTT = ServeMQTT{Broker: f.Required("broker", "tcp://127.0.0.1:1883, or tls://HOST:8883"), Topic: f.Required("topic", "such as edge/pump-7/infer"), ClientID: f.String("client_id", l.cfg.Device.Name+"-serve"), Models: f.Strings("models")}
		if f.Has("ca") {
			s.MQTT.CA = f.Path("ca")
		}
		if strings.ContainsAny(s.MQTT.Topic, "+#") || strings.HasSuffix(s.MQTT.Topic, "/") {
			f.Problem("topic", "such as edge/pump-7/infer", "%q is no beginning of topics", s.MQTT.Topic)
		}
	})
	s.check(f)
}

// check finds doors that would be open to strangers, or to nobody.
func (s *Serve) check(f *Fields) {
	if !s.On() {
		f.Problem("", "add socket: /run/dunlin/serve.sock", "neither a socket nor an address to listen on")
	}
	if s.Listen == "" {
		return
	}
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil {
		f.Problem("listen", `write host:port, such as "127.0.0.1:8500"`, "%q is not an address", s.Listen)
	}
	known := s.Anonymous
	for _, c := range s.Clients {
		known = known || c.TokenFile != "" || c.Cert != "" && s.ClientCA != ""
	}
	if !known {
		f.Problem("listen", "add clients: [{name: NAME, token_file: FILE}], or a client's cert: and tls.client_ca, or serve on a socket only", "no client could be told from a stranger")
	}
	if err == nil && !Loopback(host) && s.Cert == "" && !s.Anonymous {
		f.Problem("listen", "add tls: {cert: FILE, key: FILE}", "tokens would cross the network in the clear")
	}
}

// defaultTolerance is how far a server's outputs may be from the CPU's: scores of
// 8 bits differ by hundredths where another runtime rounds otherwise.
const defaultTolerance = 0.05

func readOIP(f *Fields) OIP {
	return OIP{
		Server: f.Required("server", "http://127.0.0.1:8000, or unix:/run/NAME.sock"), Model: f.Required("model", "its name on that server"), Version: f.String("version", ""),
		Tolerance: f.Float("tolerance", defaultTolerance, 0, 1e9), Timeout: f.Duration("timeout", 0, time.Millisecond, time.Minute), At: f.at(f.node),
	}
}

func readServeClient(f *Fields) ServeClient {
	c := ServeClient{Name: f.Required("name", "a name for the log"), Cert: f.String("cert", ""), UID: int(f.Int("uid", -1, 0, 1<<32-2)), Models: f.Strings("models"), Admin: f.Bool("admin", false)}
	if f.Has("token_file") {
		c.TokenFile = f.Path("token_file")
	}
	ways := 0
	for _, given := range []bool{c.TokenFile != "", c.Cert != "", c.UID >= 0} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		f.Problem("", "give one of token_file: FILE, cert: COMMON-NAME, uid: NUMBER", "%d ways to know client %q, want one", ways, strings.TrimSpace(c.Name))
	}
	return c
}
