package serve

import (
	"context"
	"sync"

	"github.com/dunlin-edge/dunlin/agent"
)

// Pipelines is the catalog of an agent: each of its pipelines is a model, in the
// version that the pipeline decides with. Unloading takes it from clients, not
// from the pipeline.
type Pipelines struct {
	agent *agent.Agent

	mu   sync.RWMutex
	now  map[string]*Servable
	away map[string]bool // unloaded
}

// NewPipelines makes the catalog of an agent's pipelines.
func NewPipelines(a *agent.Agent) *Pipelines {
	return &Pipelines{agent: a, now: map[string]*Servable{}, away: map[string]bool{}}
}

// Models implements Catalog.
func (p *Pipelines) Models() []Entry {
	var all []Entry
	for _, name := range p.agent.PipelineNames() {
		e := Entry{Name: name}
		switch s := p.Current(name); {
		case s != nil:
			e.Version, e.Ready = s.Version, true
		case p.agent.Unit(name) == nil:
			e.Reason = "the pipeline has no bundle yet"
		default:
			e.Version, e.Reason = p.agent.Unit(name).Manifest.Version, "unloaded"
		}
		all = append(all, e)
	}
	return all
}

// Current implements Catalog.
func (p *Pipelines) Current(name string) *Servable {
	u := p.agent.Unit(name)
	p.mu.RLock()
	s, away := p.now[name], p.away[name]
	p.mu.RUnlock()
	if u == nil || away {
		return nil
	}
	if s != nil && s.Unit == u {
		return s
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.now[name]; s != nil && s.Unit == u {
		return s
	}
	s = &Servable{Name: name, Version: u.Manifest.Version, Digest: u.ModelDigest(), Model: u.Model, Unit: u}
	p.now[name] = s
	return s
}

// Load implements Catalog: what a pipeline runs is the pipeline's business, so
// the only version there is is that one.
func (p *Pipelines) Load(_ context.Context, name, version string) error {
	u := p.agent.Unit(name)
	if u == nil {
		return refuse(NotFound, "no pipeline named %.64q has a bundle", name)
	}
	if version != "" && version != u.Manifest.Version {
		return refuse(Conflict, "pipeline %s runs %s: versions come by updates", name, u.Manifest.Version)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.away, name)
	return nil
}

// Unload implements Catalog.
func (p *Pipelines) Unload(name string) error {
	if p.agent.Unit(name) == nil {
		return refuse(NotFound, "no pipeline named %.64q has a bundle", name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away[name] = true
	return nil
}
