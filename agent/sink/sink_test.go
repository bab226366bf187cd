package sink

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/action"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/fleet"
)

// fakeAgent has the status that a test gives it.
type fakeAgent struct {
	mu sync.Mutex
	s  agent.Status
}

func (f *fakeAgent) Status() agent.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.s
	s.Time = time.Now()
	s.Pipelines = append([]agent.PipelineStatus{}, f.s.Pipelines...)
	return s
}

func (f *fakeAgent) set(change func(*agent.Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.s)
}

// event makes a pipeline decide something.
func (f *fakeAgent) event(label string) {
	f.set(func(s *agent.Status) {
		p := &s.Pipelines[0]
		p.Label, p.Windows = label, p.Windows+1
		e := action.Record{Time: time.Now(), Kind: action.KindEvent, Label: label, Pipeline: p.Name}
		p.Events = append([]action.Record{e}, p.Events...)
	})
}

// plant is a broker with everything that was said to it.
type plant struct {
	t      *testing.T
	url    string
	server *mochi.Server
	link   *fleet.Link

	mu   sync.Mutex
	said []fleet.Message
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &plant{t: t, url: "tcp://" + l.Addr().String(), server: mochi.New(&mochi.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), InlineClient: true})}
	if err := p.server.AddHook(new(auth.AllowHook), nil); err != nil {
		t.Fatal(err)
	}
	if err := p.server.AddListener(listeners.NewNet("t", l)); err != nil {
		t.Fatal(err)
	}
	if err := p.server.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.server.Close() })
	p.link, err = fleet.Dial(t.Context(), fleet.LinkConfig{Broker: p.url, ClientID: "listener", Receive: func(m fleet.Message) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.said = append(p.said, m)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.link.Close)
	if err := p.link.Subscribe(t.Context(), "#"); err != nil {
		t.Fatal(err)
	}
	return p
}

// heard returns what was said on a topic so far.
func (p *plant) heard(topic string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.said {
		if m.Topic == topic {
			out = append(out, string(m.Payload))
		}
	}
	return out
}

func (p *plant) wait(what string, ok func() bool) {
	p.t.Helper()
	// A connection whose answer is lost is tried again after half a minute.
	for end := time.Now().Add(90 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("not within 90 s: %s", what)
		}
	}
}

// runSink runs until the returned function is called.
func (p *plant) runSink(cfg config.Plant, a Agent) (stop func()) {
	cfg.Broker, cfg.Device, cfg.Topic = p.url, "pump-7", "dunlin"
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Run(ctx, cfg, a, "1.2.3", slog.New(slog.DiscardHandler))
	}()
	return func() { cancel(); <-done }
}

func pumpAgent() *fakeAgent {
	return &fakeAgent{s: agent.Status{Device: "pump-7", Pipelines: []agent.PipelineStatus{
		{Name: "bearing-a", Label: "normal", Score: 0.5, Labels: []string{"normal", "bearing"}, Health: agent.Health{State: agent.Running}, Simulated: true, Bundle: "machine@1.0.0"},
		{Name: "door", Health: agent.Health{State: agent.Running}},
	}}}
}

func TestPlainEvents(t *testing.T) {
	p, a := newPlant(t), pumpAgent()
	a.event("old") // before anybody listened
	stop := p.runSink(config.Plant{}, a)
	p.wait("it is online", func() bool {
		return len(p.heard("dunlin/pump-7/status")) > 0 && len(p.heard("dunlin/pump-7/door/state")) > 0 // more where it had to connect again
	})
	for i := range 6 {
		a.event(fmt.Sprint("label", i)) // faster than it looks
	}
	p.wait("every event", func() bool { return len(p.heard("dunlin/pump-7/bearing-a/event")) >= 6 })
	for i, text := range p.heard("dunlin/pump-7/bearing-a/event") {
		if !strings.Contains(text, fmt.Sprintf(`"label":"label%d"`, i)) {
			t.Errorf("event %d is %s", i, text)
		}
	}
	p.wait("the last state", func() bool {
		all := p.heard("dunlin/pump-7/bearing-a/state")
		var s State
		return json.Unmarshal([]byte(all[len(all)-1]), &s) == nil && s.Label == "label5" && s.State == "running" && s.Simulated
	})
	if n := len(p.heard("dunlin/pump-7/bearing-a/event")); n != 6 {
		t.Errorf("%d events, want 6", n)
	}
	// Once for each connection.
	if n, connects := len(p.heard("dunlin/pump-7/door/state")), len(p.heard("dunlin/pump-7/status")); n > connects {
		t.Errorf("%d states of a pipeline that decides nothing new, in %d connections", n, connects)
	}
	stop()
	p.wait("it says good-bye", func() bool { s := p.heard("dunlin/pump-7/status"); return s[len(s)-1] == "offline" })
}

func TestWillAndReturn(t *testing.T) {
	p, a := newPlant(t), pumpAgent()
	defer p.runSink(config.Plant{}, a)()
	before := 0
	p.wait("online", func() bool {
		s := p.heard("dunlin/pump-7/status")
		before = len(s)
		return before > 0 && s[before-1] == "online"
	})
	c, ok := p.server.Clients.Get("dunlin-pump-7-mqtt")
	if !ok {
		t.Fatal("no such client")
	}
	c.Net.Conn.Close()
	p.wait("the will, and back", func() bool {
		s := p.heard("dunlin/pump-7/status")
		return len(s) >= before+2 && s[before] == "offline" && s[before+1] == "online"
	})
}

func TestHomeAssistant(t *testing.T) {
	const topic = "homeassistant/device/dunlin_pump_7/config"
	p, a := newPlant(t), pumpAgent()
	defer p.runSink(config.Plant{HomeAssistant: config.HomeAssistant{Prefix: "homeassistant"}}, a)()
	read := func(i int) (d discovery) {
		t.Helper()
		p.wait("discovery", func() bool { return len(p.heard(topic)) > i })
		if err := json.Unmarshal([]byte(p.heard(topic)[i]), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := read(0)
	if len(d.Components) != 8 || d.Availability != "dunlin/pump-7/status" || d.Device.IDs[0] != "dunlin_pump_7" || !strings.Contains(d.Device.Model, "simulated") || d.Origin.Name == "" {
		t.Errorf("%+v", d)
	}
	class := d.Components["bearing_a_class"]
	if class.Platform != "sensor" || class.Class != "enum" || len(class.Options) != 3 || class.StateTopic != "dunlin/pump-7/bearing-a/state" || class.UniqueID != "dunlin_pump_7_bearing_a_class" {
		t.Errorf("%+v", class)
	}
	if c := d.Components["door_class"]; c.Class != "" || c.Options != nil {
		t.Errorf("a class without labels is %+v", c)
	}
	a.set(func(s *agent.Status) { s.Pipelines = s.Pipelines[:1] })
	if c, there := read(1).Components["door_class"]; !there || fmt.Sprint(c) != fmt.Sprint(haComponent{Platform: "sensor"}) {
		t.Errorf("the door's entity is not taken away: %+v", c)
	}
	if err := p.link.Publish(t.Context(), "homeassistant/status", []byte("online"), false); err != nil {
		t.Fatal(err)
	}
	if n := len(read(2).Components); n != 4 {
		t.Errorf("%d entities after Home Assistant's start", n)
	}
}

// spMetric is what an independent decoder reads.
type spMetric struct {
	kind  uint64
	value any
}

// decodeSparkplug reads a payload with the Protocol Buffers library.
func decodeSparkplug(t *testing.T, data string) (seq int64, metrics map[string]spMetric) {
	t.Helper()
	seq, metrics = -1, map[string]spMetric{}
	fields(t, []byte(data), func(num protowire.Number, v any) {
		switch num {
		case 2:
			name, m := "", spMetric{}
			fields(t, v.([]byte), func(num protowire.Number, v any) {
				switch num {
				case 1:
					name = string(v.([]byte))
				case 4:
					m.kind = v.(uint64)
				case 11, 14:
					m.value = v
				case 12:
					m.value = math.Float32frombits(v.(uint32))
				case 15:
					m.value = string(v.([]byte))
				}
			})
			metrics[name] = m
		case 3:
			seq = int64(v.(uint64))
		}
	})
	return seq, metrics
}

func fields(t *testing.T, data []byte, visit func(protowire.Number, any)) {
	t.Helper()
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		data = data[n:]
		var v any
		switch typ {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			v, n = protowire.ConsumeFixed32(data)
		case protowire.BytesType:
			v, n = protowire.ConsumeBytes(data)
		default:
			t.Fatalf("wire type %d", typ)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		data = data[n:]
		visit(num, v)
	}
}

func TestSparkplug(t *testing.T) {
	const base = "spBv1.0/plant/"
	p, a := newPlant(t), pumpAgent()
	stop := p.runSink(config.Plant{Sparkplug: config.Sparkplug{Group: "plant", Node: "pump-7"}}, a)
	births := func() []string { return p.heard(base + "NBIRTH/pump-7") }
	p.wait("birth", func() bool { return len(births()) == 1 })
	seq, m := decodeSparkplug(t, births()[0])
	for name, want := range map[string]spMetric{
		"bdSeq": {4, uint64(1)}, rebirth: {11, uint64(0)}, "bearing-a/label": {12, "normal"}, "bearing-a/score": {9, float32(0.5)},
		"bearing-a/windows": {8, uint64(0)}, "bearing-a/simulated": {11, uint64(1)}, "door/state": {12, "running"}, "Properties/version": {12, "1.2.3"},
	} {
		if m[name] != want {
			t.Errorf("%s is %v, want %v", name, m[name], want)
		}
	}
	if seq != 0 || len(m) != 17 {
		t.Errorf("seq %d, %d metrics", seq, len(m))
	}

	a.event("bearing")
	data := func() []string { return p.heard(base + "NDATA/pump-7") }
	p.wait("data", func() bool { return len(data()) == 1 })
	seq, m = decodeSparkplug(t, data()[0])
	if seq != 1 || len(m) != 2 || m["bearing-a/label"].value != "bearing" || m["bearing-a/windows"].value != uint64(1) {
		t.Errorf("seq %d, %v", seq, m)
	}

	ask := encodePayload(payload{at: time.Now(), metrics: []metric{{name: rebirth, kind: kindBoolean, number: 1}}})
	if err := p.link.Publish(t.Context(), base+"NCMD/pump-7", ask, false); err != nil {
		t.Fatal(err)
	}
	p.wait("rebirth", func() bool { return len(births()) == 2 })
	if seq, m = decodeSparkplug(t, births()[1]); seq != 0 || m["bdSeq"].value != uint64(1) {
		t.Errorf("rebirth: seq %d, bdSeq %v", seq, m["bdSeq"])
	}

	c, _ := p.server.Clients.Get("dunlin-pump-7-sparkplug")
	c.Net.Conn.Close()
	deaths := func() []string { return p.heard(base + "NDEATH/pump-7") }
	p.wait("death and a new birth", func() bool { return len(deaths()) == 1 && len(births()) == 3 })
	if seq, m := decodeSparkplug(t, deaths()[0]); seq != -1 || len(m) != 1 || m["bdSeq"].value != uint64(1) {
		t.Errorf("death: seq %d, %v", seq, m)
	}
	if _, m := decodeSparkplug(t, births()[2]); m["bdSeq"].value != uint64(2) {
		t.Errorf("the second birth has bdSeq %v", m["bdSeq"])
	}
	stop()
	p.wait("death at the end", func() bool { return len(deaths()) >= 2 })
}

func FuzzAsksRebirth(f *testing.F) {
	f.Add(encodePayload(payload{metrics: []metric{{name: rebirth, kind: kindBoolean, number: 1}}}))
	f.Add([]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		if asksRebirth(data) && !strings.Contains(string(data), rebirth) {
			t.Error("asked for by nobody")
		}
	})
}
