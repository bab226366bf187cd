package serve

import (
	"context"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/inference"
)

// A Catalog knows the models that are installed. Its methods may be called
// concurrently.
type Catalog interface {
	// Models lists what is installed, by name.
	Models() []Entry
	// Current is what a model runs on now; nil where it is not loaded or not
	// there. It is asked for every request, and must be quick.
	Current(name string) *Servable
	// Load brings a model, or its newest version, into use; version "" chooses the
	// newest. It never takes the old one away unless the new one works.
	Load(ctx context.Context, name, version string) error
	// Unload takes a model out of use.
	Unload(name string) error
}

// An Entry is one version of an installed model.
type Entry struct {
	Name, Version string
	Ready         bool
	Reason        string // why it is not
}

// A Servable is one version of a model. It is immutable; another version is
// another one.
type Servable struct {
	Name, Version string
	Digest        string // SHA-256 of the model file, hex
	Model         *inference.Model
	Unit          *agent.Unit // the bundle around it; nil for a bare model
}
