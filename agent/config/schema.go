package config

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// DefaultListen is where the local page is found unless api.listen says else.
const DefaultListen = "127.0.0.1:8321"

// Defaults and ceilings of the keys.
const (
	defaultDrain   = 10 * time.Second
	defaultTimeout = 10 * time.Second
	defaultRetries = 3
	defaultQueue   = 64
	maxQueue       = 1 << 16
	defaultStore   = 64 << 20
	minStore       = 1 << 20
	maxStore       = 1 << 30
	minBudget      = 64 << 10

	defaultCaptureInterval = 10 * time.Second
	maxRetention           = 10 * 365 * 24 * time.Hour
)

func (l *loader) device(f *Fields) {
	l.cfg.Device.Name = f.String("name", l.cfg.Device.Name)
	if !validName(l.cfg.Device.Name) {
		f.Problem("name", "use a-z, 0-9, - and _, at most 64", "%q is not a name", l.cfg.Device.Name)
	}
	f.section("labels", func(f *Fields) {
		l.cfg.Device.Labels = map[string]string{}
		for i := 0; i+1 < len(f.node.Content); i += 2 {
			key := f.node.Content[i].Value
			l.cfg.Device.Labels[key] = f.String(key, "")
		}
	})
}

func (l *loader) limits(f *Fields) {
	l.cfg.Limits.Memory = f.Bytes("memory", 0)
	l.cfg.Limits.Drain = f.Duration("drain", defaultDrain, 0, 10*time.Minute)
}

func (l *loader) telemetry(f *Fields) {
	t := &l.cfg.Telemetry
	t.Dir = f.Path("dir")
	if t.MaxBytes = f.Bytes("max_bytes", defaultStore); t.MaxBytes < minStore || t.MaxBytes > maxStore {
		f.Problem("max_bytes", "64MiB hold some 8 million results", "%d bytes are outside 1MiB to 1GiB", t.MaxBytes)
	}
	t.MaxAge = f.Duration("max_age", time.Minute, time.Second, time.Hour)
	t.Health = f.Duration("health", 5*time.Minute, 0, 24*time.Hour)
	f.section("captures", l.captures)
	f.section("budgets", func(f *Fields) {
		f.section("unmetered", func(f *Fields) { t.Budgets.Unmetered = readBudget(f) })
		f.section("metered", func(f *Fields) { t.Budgets.Metered = readBudget(f) })
	})
}

func readBudget(f *Fields) Budget {
	b := Budget{Hour: f.Bytes("hour", 0), Month: f.Bytes("month", 0)}
	for key, n := range map[string]int64{"hour": b.Hour, "month": b.Month} {
		if n != 0 && n < minBudget {
			f.Problem(key, "a chunk of records takes up to 4 KiB", "%d bytes, want 64KiB or more", n)
		}
	}
	return b
}

func (l *loader) captures(f *Fields) {
	c := &l.cfg.Telemetry.Captures
	c.MaxBytes = f.Bytes("max_bytes", c.MaxBytes)
	c.MaxAge = f.Duration("max_age", c.MaxAge, time.Minute, maxRetention)
	c.DayBytes = f.Bytes("day_bytes", min(c.DayBytes, c.MaxBytes))
	c.DayFiles = int(f.Int("day_files", int64(c.DayFiles), 1, 100_000))
	c.Upload = f.Bool("upload", false)
	if c.DayBytes > c.MaxBytes {
		f.Problem("day_bytes", "give max_bytes at least as much", "more than max_bytes, so that one day would erase its own")
	}
	if f.Has("key") {
		c.Key = f.secret("key")
	}
}

func (l *loader) fleet(f *Fields) {
	l.cfg.Fleet = Fleet{Dir: f.Path("dir"), Metered: f.Bool("metered", false), Unsigned: f.Bool("unsigned_commands", false), Canary: f.Bool("canary", false), Tune: f.Bool("tune", false),
		Reboot: f.Strings("reboot"), URL: f.String("url", ""), Token: f.String("token", "")}
	if (l.cfg.Fleet.URL == "") != (l.cfg.Fleet.Token == "") {
		f.Problem("url", "give both, as dunlin-fleet token --image prints them, or neither and run: dunlin enroll URL TOKEN", "url and token belong together")
	}
}

func (l *loader) api(f *Fields) {
	l.cfg.API.Listen = f.String("listen", DefaultListen)
	l.cfg.API.AllowRemote = f.Bool("allow_remote", false)
	if l.cfg.API.Listen == "off" {
		return
	}
	host, _, err := net.SplitHostPort(l.cfg.API.Listen)
	if err != nil {
		f.Problem("listen", `write host:port, such as "127.0.0.1:8321", or "off"`, "%q is not an address", l.cfg.API.Listen)
		return
	}
	if !l.cfg.API.AllowRemote && !Loopback(host) {
		f.Problem("listen", "listen on 127.0.0.1, or set api.allow_remote: true if everyone on that network may look and inject",
			"%q can be reached from other machines", l.cfg.API.Listen)
	}
}

// Loopback tells whether a host is this machine only.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (l *loader) source(name string, at Position, f *Fields) {
	s := Source{Name: name, Digest: digest(f.node), At: at}
	s.Driver = f.Required("driver", "drivers: "+strings.Join(l.driverNames(), ", "))
	s.Exclusive = f.Bool("exclusive", false)
	for _, d := range l.drivers {
		if d.Name == s.Driver {
			s.Settings = d.Parse(f)
			l.cfg.Sources = append(l.cfg.Sources, s)
			return
		}
	}
	f.asked = append(f.asked, keysOf(f.node)...) // whose they are is unknown
	l.cfg.Sources = append(l.cfg.Sources, s)
	if s.Driver != "" {
		f.Problem("driver", l.driverHint(s.Driver), "unknown driver %q", s.Driver)
	}
}

func (l *loader) pipeline(name string, at Position, f *Fields) {
	p := Pipeline{Name: name, Digest: digest(f.node), At: at}
	p.Source = f.Required("source", "name one of the sources")
	p.Assigned = f.Bool("assigned", false)
	if !p.Assigned || f.Has("bundle") {
		p.Bundle = f.Path("bundle")
	}
	f.section("capture", func(f *Fields) { p.Capture = readCapture(f) })
	f.section("oip", func(f *Fields) { p.OIP = readOIP(f) })
	f.section("tune", func(f *Fields) { p.Tune = readTune(f) })
	f.list("actions", func(at Position, f *Fields) {
		if a, ok := readAction(at, f); ok {
			p.Actions = append(p.Actions, a)
		}
	})
	l.cfg.Pipelines = append(l.cfg.Pipelines, p)
}

func readCapture(f *Fields) Capture {
	c := Capture{
		Every: int(f.Int("every", 0, 1, 1<<30)), Below: f.Float("below", 0, 0, 1), Labels: f.Strings("labels"), Drift: f.Bool("drift", false), Disagree: f.Bool("disagree", false),
		MinInterval: f.Duration("min_interval", defaultCaptureInterval, time.Second, 24*time.Hour), Subject: f.String("subject", ""),
	}
	if !c.Any() {
		f.Problem("", "give one of every: N, below: SCORE, labels: [LABEL], drift: true, disagree: true", "nothing says what to capture")
	}
	if len(c.Subject) > 64 {
		f.Problem("subject", "give it a short one", "%d bytes, at most 64", len(c.Subject))
	}
	return c
}

func readTune(f *Fields) Tune {
	t := Tune{EnterMin: f.Float("enter_min", 0, 0, 1), EnterMax: f.Float("enter_max", 0, 0, 1)}
	if t.EnterMin <= 0 || t.EnterMax < t.EnterMin {
		f.Problem("", "such as {enter_min: 0.6, enter_max: 0.95}; without the section the bundle's score stays", "enter_min is above 0 and not above enter_max")
	}
	return t
}

func readAction(at Position, f *Fields) (Action, bool) {
	a := Action{At: at}
	n := 0
	for _, kind := range []ActionKind{JSON, Exec, Webhook, GPIO, PWM, LED, Display} {
		if f.Has(string(kind)) {
			a.Kind = kind
			n++
		}
	}
	if n != 1 {
		f.report.add(at, "an action is one of: json: FILE, exec: [PROGRAM, ARG], webhook: URL, gpio: LINE, pwm: CHIP/CHANNEL, led: NAME, display: I2C-BUS", "%s: names %d kinds of action, want one", f.path, n)
		f.asked = append(f.asked, keysOf(f.node)...)
		return a, false
	}
	readActionTarget(&a, f)
	a.On = f.Choice("on", "event", "event", "result")
	a.Label = f.String("label", "")
	if a.Label == "" && a.Switches() {
		f.Problem("", "label: LABEL is what switches it on", "an output needs a label")
	}
	if !a.Switches() { // they have min_off, which never keeps them on
		a.MinInterval = f.Duration("min_interval", 0, 0, 24*time.Hour)
	}
	a.Queue = int(f.Int("queue", defaultQueue, 1, maxQueue))
	return a, true
}

func readActionTarget(a *Action, f *Fields) {
	switch a.Kind {
	case JSON:
		a.File = f.Path("json")
		return
	case GPIO, PWM, LED:
		readOutput(a, f)
		return
	case Display:
		a.Output = Output{Root: f.String("root", ""), Bus: f.String("display", ""), Address: int(f.Int("address", 0x3c, 0x3c, 0x3d)), Height: int(f.Int("height", 64, 32, 64))}
		return
	case Exec:
		a.Argv = f.Strings("exec")
		if len(a.Argv) > 0 && strings.Contains(a.Argv[0], "/") {
			a.Argv[0] = f.resolve(a.Argv[0])
		}
	case Webhook:
		a.URL = f.String("webhook", "")
		u, err := url.Parse(a.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			f.Problem("webhook", "write a full address, such as http://192.168.1.5:1880/dunlin", "%q is not an http address", a.URL)
		}
		a.Retries = int(f.Int("retries", defaultRetries, 0, 20))
	}
	a.Timeout = f.Duration("timeout", defaultTimeout, 10*time.Millisecond, time.Hour)
}

func readOutput(a *Action, f *Fields) {
	o := &a.Output
	o.Root = f.String("root", "")
	o.Pulse = f.Duration("pulse", 0, time.Millisecond, 24*time.Hour)
	o.MinOff = f.Duration("min_off", 0, 0, 24*time.Hour)
	switch a.Kind {
	case LED:
		o.Line = f.String("led", "")
		return
	case GPIO:
		o.Line = f.String("gpio", "")
		o.ActiveLow = f.Bool("active_low", false)
		return
	}
	o.Channel = f.String("pwm", "")
	o.Period = f.Duration("period", 20*time.Millisecond, time.Microsecond, 10*time.Second)
	o.On = f.Duration("high_on", 2*time.Millisecond, 0, 10*time.Second)
	o.Off = f.Duration("high_off", time.Millisecond, 0, 10*time.Second)
}
