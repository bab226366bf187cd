package sink

import (
	"context"
	"fmt"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/fleet"
)

// A node is the device as an edge node of Sparkplug B (Eclipse Sparkplug 3.0):
// metrics per pipeline, no devices below it. One is used for one connection.
type node struct {
	cfg     config.Sparkplug
	agent   Agent
	version string
	bdSeq   uint64 // of this connection's birth and death
	seq     uint64 // of the next message, 0 to 255
	sent    map[string]metric
}

// rebirth is the metric by which a host asks for all metrics again.
const rebirth = "Node Control/Rebirth"

func (n *node) topic(kind string) string {
	return fmt.Sprintf("spBv1.0/%s/%s/%s", n.cfg.Group, kind, n.cfg.Node)
}

// run tells until the connection or ctx ends.
func (n *node) run(ctx context.Context, link fleet.LinkConfig) error {
	again := make(chan struct{}, 1)
	link.WillTopic, link.WillFleeting = n.topic("NDEATH"), true
	link.Will = encodePayload(payload{at: time.Now(), metrics: []metric{{name: "bdSeq", kind: kindInt64, number: n.bdSeq}}, noSeq: true})
	link.Receive = func(m fleet.Message) {
		if asksRebirth(m.Payload) {
			select {
			case again <- struct{}{}:
			default:
			}
		}
	}
	l, err := fleet.Dial(ctx, link)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.Subscribe(ctx, n.topic("NCMD")); err != nil {
		return err
	}
	n.birth(l)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n.changes(l)
		case <-again:
			n.birth(l)
		case err := <-l.Lost():
			return err
		case <-ctx.Done():
			bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			return l.Publish(bye, link.WillTopic, link.Will, false) // a close may keep the will back
		}
	}
}

// birth tells all metrics there are, with their types.
func (n *node) birth(l *fleet.Link) {
	n.seq, n.sent = 0, map[string]metric{}
	all := []metric{{name: "bdSeq", kind: kindInt64, number: n.bdSeq}, {name: rebirth, kind: kindBoolean}, {name: "Properties/version", kind: kindString, text: n.version}}
	all = append(all, n.metrics()...)
	for _, m := range all {
		n.sent[m.name] = m
	}
	n.post(l, "NBIRTH", all)
}

// changes tells the metrics that changed; a birth first where there are new ones.
func (n *node) changes(l *fleet.Link) {
	var out []metric
	for _, m := range n.metrics() {
		old, known := n.sent[m.name]
		if !known {
			n.birth(l)
			return
		}
		if old != m {
			n.sent[m.name] = m
			out = append(out, m)
		}
	}
	if len(out) > 0 {
		n.post(l, "NDATA", out)
	}
}

// post sends at QoS 0, as the specification wants; seq tells of what is lost.
func (n *node) post(l *fleet.Link, kind string, metrics []metric) {
	l.Post(n.topic(kind), encodePayload(payload{at: time.Now(), metrics: metrics, seq: n.seq}))
	n.seq = (n.seq + 1) % 256
}

func (n *node) metrics() []metric {
	s := n.agent.Status()
	var out []metric
	for i := range s.Pipelines {
		out = append(out, pipelineMetrics(&s.Pipelines[i])...)
	}
	return out
}

func pipelineMetrics(p *agent.PipelineStatus) []metric {
	of := func(name string) string { return p.Name + "/" + name }
	simulated := uint64(0)
	if p.Simulated {
		simulated = 1
	}
	return []metric{
		{name: of("label"), kind: kindString, text: p.Label},
		{name: of("score"), kind: kindFloat, float: p.Score},
		{name: of("windows"), kind: kindUInt64, number: p.Windows},
		{name: of("lost"), kind: kindUInt64, number: p.Lost},
		{name: of("state"), kind: kindString, text: string(p.State)},
		{name: of("bundle"), kind: kindString, text: p.Bundle},
		{name: of("simulated"), kind: kindBoolean, number: simulated},
	}
}
