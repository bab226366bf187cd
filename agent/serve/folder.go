package serve

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/semver"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// bareVersion is that of a model file without a bundle around it.
const bareVersion = "1"

// savedModel is the file that makes a folder a SavedModel.
const savedModel = "saved_model.pb"

// maxInstalled bounds the files of a folder.
const maxInstalled = 256

// Folder is the catalog of a folder of bundles (*.dunlin), by their own names and
// versions, and of bare models, by the name of the file: *.tflite, and folders of
// SavedModels.
type Folder struct {
	dir   string
	o     inference.Options
	saved OpenSaved

	loading sync.Mutex // one load at a time
	mu      sync.RWMutex
	files   []*installed
	now     map[string]*Servable
}

// installed is one file of the folder.
type installed struct {
	Entry
	path string
}

// OpenSaved opens the SavedModel of a folder; signature "" is the usual one.
type OpenSaved func(dir, signature string) (*inference.Model, error)

// NewFolder reads a folder and loads the newest version of every model in it.
// What cannot be loaded is listed with the reason; the error is that of the
// folder itself.
func NewFolder(ctx context.Context, dir string, o inference.Options, saved OpenSaved) (*Folder, error) {
	f := &Folder{dir: dir, o: o, saved: saved, now: map[string]*Servable{}}
	if err := f.scan(); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, e := range f.Models() {
		if !seen[e.Name] {
			seen[e.Name] = true
			if err := f.Load(ctx, e.Name, ""); err != nil && ctx.Err() != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

// scan lists the folder.
func (f *Folder) scan() error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return fmt.Errorf("folder of models: %w", err)
	}
	var files []*installed
	for _, e := range entries {
		if len(files) == maxInstalled {
			return fmt.Errorf("folder of models: more than %d in %s", maxInstalled, f.dir)
		}
		if x, ok := look(filepath.Join(f.dir, e.Name()), e); ok {
			files = append(files, x)
		}
	}
	slices.SortFunc(files, func(a, b *installed) int { // newest first
		return cmp.Or(cmp.Compare(a.Name, b.Name), semver.Compare("v"+b.Version, "v"+a.Version))
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range files { // reasons outlive a look at the folder
		for _, old := range f.files {
			if old.path == files[i].path && files[i].Reason == "" {
				files[i].Reason = old.Reason
			}
		}
	}
	f.files = files
	return nil
}

// look tells what a file of the folder is; false where it is nothing to list.
func look(path string, e fs.DirEntry) (*installed, bool) {
	ext := filepath.Ext(e.Name())
	x := &installed{path: path, Entry: Entry{Name: strings.TrimSuffix(e.Name(), ext), Version: bareVersion, Reason: "not loaded"}}
	if e.IsDir() {
		x.Name = e.Name()
		_, err := os.Stat(filepath.Join(path, savedModel))
		return x, err == nil
	}
	if !e.Type().IsRegular() {
		return x, false
	}
	switch ext {
	case ".tflite":
		return x, true
	case ".dunlin":
		b, err := bundle.Open(path)
		if err != nil {
			x.Reason = err.Error()
			return x, true
		}
		defer b.Close()
		x.Name, x.Version = b.Manifest().Name, b.Manifest().Version
		return x, true
	}
	if hint := inference.ExportHint(e.Name(), nil); hint != "" {
		x.Reason = hint
		return x, true
	}
	return x, false
}

// Models implements Catalog.
func (f *Folder) Models() []Entry {
	f.mu.RLock()
	defer f.mu.RUnlock()
	all := make([]Entry, len(f.files))
	for i, x := range f.files {
		all[i] = x.Entry
		if s := f.now[x.Name]; s != nil && s.Version == x.Version {
			all[i].Ready, all[i].Reason = true, ""
		}
	}
	return all
}

// Current implements Catalog.
func (f *Folder) Current(name string) *Servable {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.now[name]
}

// Load implements Catalog. The folder is read anew, so that a file may have come
// or changed.
func (f *Folder) Load(ctx context.Context, name, version string) error {
	f.loading.Lock()
	defer f.loading.Unlock()
	if err := f.scan(); err != nil {
		return err
	}
	x, err := f.choose(name, version)
	if err != nil {
		return err
	}
	s, err := f.open(ctx, x)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.note(x.path, err.Error())
		if errors.Is(err, inference.ErrMemory) {
			return refuse(Memory, "model %s: %v", name, err)
		}
		return refuse(Invalid, "model %s: %v", name, err)
	}
	f.note(x.path, "not loaded")
	f.now[name] = s
	return nil
}

func (f *Folder) note(path, reason string) {
	for i := range f.files {
		if f.files[i].path == path {
			f.files[i].Reason = reason
		}
	}
}

func (f *Folder) choose(name, version string) (*installed, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, x := range f.files {
		if x.Name == name && (version == "" || x.Version == version) {
			return x, nil
		}
	}
	if version != "" {
		return nil, refuse(NotFound, "no version %.64q of a model %.64q is in the folder", version, name)
	}
	return nil, refuse(NotFound, "no model %.64q is in the folder", name)
}

func (f *Folder) open(ctx context.Context, x *installed) (*Servable, error) {
	if filepath.Ext(x.path) == ".dunlin" {
		u, err := agent.Load(ctx, x.path, f.o)
		if err != nil {
			return nil, err
		}
		return &Servable{Name: x.Name, Version: x.Version, Digest: u.ModelDigest(), Model: u.Model, Unit: u}, nil
	}
	if hint := inference.ExportHint(x.path, nil); hint != "" {
		return nil, errors.New(hint)
	}
	open := func() (*inference.Model, error) { return inference.OpenFile(x.path, f.o) }
	if info, err := os.Stat(x.path); err == nil && info.IsDir() {
		open = func() (*inference.Model, error) { return f.saved(x.path, "") }
	}
	m, err := open()
	if err != nil {
		return nil, err
	}
	sum := m.Digest()
	return &Servable{Name: x.Name, Version: x.Version, Digest: hex.EncodeToString(sum[:]), Model: m}, nil
}

// Unload implements Catalog.
func (f *Folder) Unload(name string) error {
	if _, err := f.choose(name, ""); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now[name] == nil {
		return refuse(Conflict, "model %s is not loaded", name)
	}
	delete(f.now, name)
	return nil
}
