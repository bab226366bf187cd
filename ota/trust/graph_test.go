package trust_test

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/dunlin-edge/dunlin/ota/release"
)

// A node is a delegated role that a test adds to a repository: the roles it
// delegates extra/* to, in order, and whether it lists the file.
type node struct {
	name string
	to   []string
	has  bool
}

// graft makes targets delegate extra/* to the first of nodes, and adds all of
// them, with every signature that the ring can give.
func graft(t *testing.T, dir string, ring release.Ring, nodes []node) {
	t.Helper()
	meta := filepath.Join(dir, "metadata")
	var targets map[string]any
	path := newest(t, meta, "targets")
	load(t, path, &targets)
	delegations := targets["signed"].(map[string]any)["delegations"].(map[string]any)
	like := delegations["roles"].([]any)[0].(map[string]any) // the keys of models
	edge := func(to string) map[string]any {
		return map[string]any{"name": to, "keyids": like["keyids"], "threshold": 1, "terminating": false, "paths": []string{"extra/*"}}
	}
	delegations["roles"] = append(delegations["roles"].([]any), edge(nodes[0].name))
	resign(t, path, targets, ring)
	var snapshot map[string]any
	listed := newest(t, meta, "snapshot")
	load(t, listed, &snapshot)
	all := snapshot["signed"].(map[string]any)["meta"].(map[string]any)
	for _, n := range nodes {
		var roles []any
		for _, to := range n.to {
			roles = append(roles, edge(to))
		}
		files := map[string]any{}
		if n.has {
			files["extra/file"] = map[string]any{"length": 4, "hashes": map[string]any{"sha256": hex.EncodeToString(make([]byte, 32))}}
		}
		doc := map[string]any{"signed": map[string]any{"_type": "targets", "spec_version": "1.0.31", "version": 1, "expires": "2031-01-01T00:00:00Z",
			"targets": files, "delegations": map[string]any{"keys": delegations["keys"], "roles": append([]any{}, roles...)}}}
		resign(t, filepath.Join(meta, "1."+url.PathEscape(n.name)+".json"), doc, ring)
		all[n.name+".json"] = map[string]any{"version": 1}
	}
	free(all["targets.json"])
	resign(t, listed, snapshot, ring)
	var stamp map[string]any
	load(t, filepath.Join(meta, "timestamp.json"), &stamp)
	free(stamp["signed"].(map[string]any)["meta"].(map[string]any)["snapshot.json"])
	resign(t, filepath.Join(meta, "timestamp.json"), stamp, ring)
}

func free(meta any) {
	delete(meta.(map[string]any), "length")
	delete(meta.(map[string]any), "hashes")
}

func newest(t *testing.T, meta, role string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(meta, "*."+role+".json"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	return files[len(files)-1] // few versions: sorted by name
}

func delegateTo(t *testing.T, dir string, ring release.Ring, name string) {
	t.Helper()
	graft(t, dir, ring, []node{{name: name, has: true}})
}

// TestDelegationGraph: roles are visited in pre-order, each once, and not
// without end (CVE-2024-47534).
func TestDelegationGraph(t *testing.T) {
	chain := func(n int) (all []node) {
		for i := range n {
			all = append(all, node{name: fmt.Sprint("c", i), to: []string{fmt.Sprint("c", i+1)}})
		}
		return append(all, node{name: fmt.Sprint("c", n), has: true})
	}
	for name, c := range map[string]struct {
		nodes []node
		found bool
	}{
		"one":             {[]node{{name: "a", has: true}}, true},
		"a cycle":         {[]node{{name: "a", to: []string{"b"}}, {name: "b", to: []string{"a"}}}, false},
		"itself":          {[]node{{name: "a", to: []string{"a"}}}, false},
		"behind a cycle":  {[]node{{name: "a", to: []string{"b", "d"}}, {name: "b", to: []string{"a"}}, {name: "d", has: true}}, true},
		"a long chain":    {chain(20), true},
		"without an end":  {chain(60), false},
		"nobody lists it": {[]node{{name: "a", to: []string{"b"}}, {name: "b"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.publish(v1, "one", 0)
			d := w.device()
			d.from = w.copy()
			graft(t, d.from, w.ring(), c.nodes)
			if _, err := d.find("extra/file"); (err == nil) != c.found {
				t.Errorf("found: %v, want %v: %v", err == nil, c.found, err)
			}
			d.has(v1)
		})
	}
}
