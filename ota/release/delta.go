package release

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/dunlin-edge/dunlin/ota/delta"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// DeltaVersions is how many released versions of a bundle get a delta to a
// new one. A device that has none of them fetches the whole.
const DeltaVersions = 3

// Deltas makes what brings devices from the newest released versions of a
// bundle to a new one, in files below dir. One that is not a half of the
// whole at most is left out.
func (r *Repo) Deltas(a Artifact, dir string) ([]Artifact, error) {
	next, err := os.ReadFile(a.File)
	if err != nil {
		return nil, fmt.Errorf("make deltas: %w", err)
	}
	sum := sha256.Sum256(next)
	to := hex.EncodeToString(sum[:])
	var out []Artifact
	for _, from := range r.before(a, to) {
		file, err := r.File(from)
		if err != nil {
			return nil, fmt.Errorf("make deltas: %w", err)
		}
		old, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("make deltas: %w", err)
		}
		var d bytes.Buffer
		if err := delta.Make(&d, old, next); err != nil {
			return nil, err
		}
		if 2*d.Len() > len(next) {
			continue
		}
		path := filepath.Join(dir, from.SHA256+"-"+to)
		if err := os.WriteFile(path, d.Bytes(), 0o600); err != nil {
			return nil, fmt.Errorf("make deltas: %w", err)
		}
		out = append(out, Artifact{Path: trust.DeltaPath(a.Path, from.SHA256), File: path,
			Custom: trust.Custom{Kind: "delta", From: from.SHA256, To: to, ToLength: int64(len(next))}})
	}
	return out, nil
}

// before lists the newest released versions of an artifact's name.
func (r *Repo) before(a Artifact, digest string) []Released {
	var all []Released
	for _, old := range r.Released() {
		if !trust.IsCanary(old.Path) && old.Custom.Kind == a.Custom.Kind && old.Custom.Name == a.Custom.Name && old.SHA256 != digest {
			all = append(all, old)
		}
	}
	slices.SortStableFunc(all, func(a, b Released) int {
		return semver.Compare("v"+b.Custom.Version, "v"+a.Custom.Version)
	})
	return all[:min(len(all), DeltaVersions)]
}

// companions lists what was released with a target: its report, and the
// deltas that make it.
func companions[T any](targets map[string]T, target string) []string {
	var paths []string
	for p := range targets {
		if strings.HasPrefix(p, target+".from-") || p == target+".report" {
			paths = append(paths, p)
		}
	}
	return paths
}
