// Package config reads the agent's YAML configuration strictly.
//
// Start with [Load]. Every mistake is a [Problem] with file, line, column and,
// where one is near, the key that was meant; all of them come back at once in
// an [Error]. Only keys that do something are accepted.
//
// The main file may have a folder conf.d beside it, whose *.yaml files, in
// name order, add sources and pipelines. Relative paths count from the folder
// of the file they stand in, for conf.d from that of the main file.
package config

import "time"

// Config is everything the agent was told. All defaults are filled in.
type Config struct {
	File      string // the main file
	Device    Device
	Sources   []Source   // in file order
	Pipelines []Pipeline // in file order
	Limits    Limits
	API       API
	Telemetry Telemetry
	Fleet     Fleet
	MQTT      Plant
	Serve     Serve
}

// Device says who this is.
type Device struct {
	Name   string // [a-z0-9-]{1,64}; the host name where absent
	Labels map[string]string
}

// Source is one named sensor stream.
type Source struct {
	Name      string
	Driver    string
	Exclusive bool // serves one pipeline only
	Settings  any  // what the driver's Parse returned
	Digest    Digest
	At        Position
}

// Pipeline joins a source to a bundle and to what happens with the results.
type Pipeline struct {
	Name   string
	Source string
	Bundle string // path; "" only where Assigned
	// Assigned lets the fleet choose the bundle; Bundle serves until it has.
	Assigned bool
	Actions  []Action
	Capture  Capture
	OIP      OIP
	Tune     Tune
	Enter    Enter // set by what the fleet tunes, never by a file
	Digest   Digest
	At       Position
}

// Tune says how far the fleet may move the score at which a pipeline enters a
// decision. The zero value says not at all.
type Tune struct{ EnterMin, EnterMax float64 }

// Enter is another score at which to enter decisions, of one bundle.
type Enter struct {
	Bundle string // name@version; "" for none
	Score  float64
}

// OIP is a local server of the Open Inference Protocol that a pipeline's model
// lives on, too. The zero value is none: the CPU runs it.
type OIP struct {
	Server    string // http://127.0.0.1:8000 or unix:/path
	Model     string
	Version   string        // "" is the server's choice
	Tolerance float64       // that outputs may be off, in real values
	Timeout   time.Duration // of a run; 0: half of a period
	At        Position
}

// Digest is the SHA-256 of what an entry says: equal ones mean the same,
// wherever they stand and whatever comments are beside them.
type Digest [32]byte

// Capture says which windows of a pipeline are kept whole, to be looked at and
// computed again. The zero value keeps none.
type Capture struct {
	Every       int           // one of so many decisions; 0: none for this reason, as below
	Below       float64       // decisions with a lower score
	Labels      []string      // decisions for one of these
	Drift       bool          // decisions while drift warns or alarms
	Disagree    bool          // what a candidate decides otherwise, in its shadow
	MinInterval time.Duration // from one capture to the next
	Subject     string        // whom or what the captures are about, to erase them by
}

// Any tells whether anything is to be kept.
func (c *Capture) Any() bool {
	return c.Every > 0 || c.Below > 0 || len(c.Labels) > 0 || c.Drift || c.Disagree
}

// Limits bounds what one agent may use.
type Limits struct {
	Memory int64         // bytes per model; 0 is the engine's default
	Drain  time.Duration // time to finish after a stop signal
}

// Telemetry says where records are kept until a controller has them.
type Telemetry struct {
	Dir      string        // "" keeps none
	MaxBytes int64         // of the store
	MaxAge   time.Duration // a record waits at most so long in RAM
	Health   time.Duration // between readings of health; 0 takes none
	Captures Captures
	Budgets  Budgets
}

// Budgets bound the bytes that a fleet's link carries, by what it costs.
type Budgets struct{ Unmetered, Metered Budget }

// Budget bounds bytes; 0 is no bound. What is less important stops before it is
// used up: captures at 50 %, health at 70 %, results at 90 %. Updates and
// reports count and are not held back.
type Budget struct {
	Hour  int64 // in any hour
	Month int64 // in a calendar month, UTC
}

// Captures bounds what is kept of windows, in telemetry.dir.
type Captures struct {
	MaxBytes int64         // of all; the oldest go first
	MaxAge   time.Duration // of each
	DayBytes int64         // in any 24 hours; more are not kept
	DayFiles int           // likewise
	Key      string        // file to encrypt them with; "" leaves them plain
	Upload   bool          // the fleet may ask for them
}

// Fleet says where this device's identity in a fleet is kept.
type Fleet struct {
	Dir      string   // "" works alone
	Metered  bool     // the link costs by the byte
	Unsigned bool     // take commands that nobody signed
	URL      string   // of the controller that the agent enrols with by itself
	Token    string   // likewise; an image's
	Canary   bool     // try what a build machine proposes, before people release it
	Tune     bool     // the fleet may say which windows are captured
	Reboot   []string // program that restarts the board when the fleet asks; none: it may not
}

// Plant is a broker of the plant or home, to tell what is decided. The zero value
// tells nobody.
type Plant struct {
	Broker        string // tcp://host:1883 or tls://host:8883; "" for none
	AllowPlain    bool   // tcp:// to another machine
	User          string
	Password      string // file that holds it
	CA            string // file with the broker's CA; "" for the system's
	Device        string // name in topics; the device's
	Topic         string // that topics begin with
	HomeAssistant HomeAssistant
	Sparkplug     Sparkplug
}

// HomeAssistant is where Home Assistant looks for devices.
type HomeAssistant struct{ Prefix string } // "" tells it nothing

// Sparkplug makes the device an edge node of Sparkplug B.
type Sparkplug struct{ Group, Node string } // "" is none

// API is the local web page and HTTP interface.
type API struct {
	Listen      string // host:port, port 0 takes a free one; "off" for none
	AllowRemote bool   // Listen may name more than loopback
}

// ActionKind names what an action does with a record.
type ActionKind string

// The kinds of action.
const (
	JSON    ActionKind = "json"    // append a line to a file or to stdout
	Exec    ActionKind = "exec"    // run a program, the record on its stdin
	Webhook ActionKind = "webhook" // POST the record
	GPIO    ActionKind = "gpio"    // switch a line: a relay, lamp, buzzer
	PWM     ActionKind = "pwm"     // move a servo, dim a lamp
	LED     ActionKind = "led"     // light one of the board's own
	Display ActionKind = "display" // show the label and its score
)

// Action is one thing done with a pipeline's records.
type Action struct {
	Kind        ActionKind
	File        string   // json: path, "-" for stdout
	Argv        []string // exec: program and arguments, no shell
	URL         string   // webhook
	On          string   // "event" (a decision changed) or "result" (every window)
	Label       string   // only this label; empty for all
	MinInterval time.Duration
	Timeout     time.Duration // exec and webhook: of one attempt
	Retries     int           // webhook
	Queue       int           // records waiting before the next is dropped
	Output      Output        // gpio, pwm, led and display
	At          Position
}

// Switches tells whether the action has something on and off by its label.
func (a *Action) Switches() bool { return a.Kind == GPIO || a.Kind == PWM || a.Kind == LED }

// Output is what a gpio, pwm, led or display action drives.
type Output struct {
	Root      string        // folder that stands for "/"; "" in earnest
	Line      string        // gpio: name of the line, header/PIN, or gpiochipN/LINE; led: its name
	Bus       string        // display: I2C bus
	Address   int           // display: 0x3c or 0x3d
	Height    int           // display: rows of pixels, 64 or 32
	ActiveLow bool          // gpio: on is low
	Channel   string        // pwm: pwmchipN/CHANNEL
	Period    time.Duration // pwm
	Off, On   time.Duration // pwm: high times
	Pulse     time.Duration // on for so long; 0: on while Label is what was decided
	MinOff    time.Duration // from off to the next on
}

// Driver reads the keys of one kind of source.
type Driver struct {
	Name    string
	Summary string
	Parse   func(*Fields) any // its result becomes Source.Settings
}
