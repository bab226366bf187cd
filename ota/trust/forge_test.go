package trust_test

import (
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/dunlin-edge/dunlin/ota/release"
)

// forge rewrites a repository so that the role lists v2, with every signature
// that the ring can give and none it cannot. Snapshot and timestamp are signed
// with its keys, as they should be.
func forge(t *testing.T, dir, role string, ring release.Ring) {
	t.Helper()
	meta := filepath.Join(dir, "metadata")
	files, err := filepath.Glob(filepath.Join(meta, "*."+role+".json"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	last := slices.Max(files)
	var doc map[string]any
	load(t, last, &doc)
	s := doc["signed"].(map[string]any)
	if role == "root" {
		s["version"] = s["version"].(float64) + 1
		for _, r := range s["roles"].(map[string]any) {
			r.(map[string]any)["threshold"] = 1
		}
		last = filepath.Join(meta, "2.root.json")
	} else {
		s["targets"] = map[string]any{v2: map[string]any{"length": 4, "hashes": map[string]any{"sha256": hex.EncodeToString(make([]byte, 32))}}}
	}
	resign(t, last, doc, ring)
	if role == "root" {
		return
	}
	snapshots, _ := filepath.Glob(filepath.Join(meta, "*.snapshot.json"))
	snapshot := slices.Max(snapshots)
	var snap, stamp map[string]any
	load(t, snapshot, &snap)
	listed := snap["signed"].(map[string]any)["meta"].(map[string]any)[role+".json"].(map[string]any)
	delete(listed, "length")
	delete(listed, "hashes")
	resign(t, snapshot, snap, ring)
	load(t, filepath.Join(meta, "timestamp.json"), &stamp)
	listed = stamp["signed"].(map[string]any)["meta"].(map[string]any)["snapshot.json"].(map[string]any)
	delete(listed, "length")
	delete(listed, "hashes")
	resign(t, filepath.Join(meta, "timestamp.json"), stamp, ring)
}

func load(t *testing.T, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func resign(t *testing.T, path string, doc map[string]any, ring release.Ring) {
	t.Helper()
	payload, err := cjson.EncodeCanonical(doc["signed"])
	if err != nil {
		t.Fatal(err)
	}
	var sigs []any
	for _, k := range ring {
		sig, err := k.Sign(rand.Reader, payload, crypto.Hash(0))
		if err != nil {
			t.Fatal(err)
		}
		key, err := metadata.KeyFromPublicKey(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		id, err := key.ID()
		if err != nil {
			t.Fatal(err)
		}
		sigs = append(sigs, map[string]any{"keyid": id, "sig": hex.EncodeToString(sig)})
	}
	doc["signatures"] = sigs
	data, err := json.Marshal(doc)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
