package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/dunlin-edge/dunlin/"

// pkg is what go list tells of a package.
type pkg struct {
	ImportPath string
	Standard   bool
	Doc        string
	Imports    []string
	Deps       []string
	Module     *struct {
		Path     string
		Main     bool
		Indirect bool
	}
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// root returns the top-level folder of one of our packages, "" for others.
func root(path string) string {
	rest, ours := strings.CutPrefix(path, module)
	if !ours {
		return ""
	}
	top, _, _ := strings.Cut(rest, "/")
	return top
}

// TestLeavesImportNoSibling keeps the parts usable alone: what one needs of
// another comes in as a function or a one-method interface.
func TestLeavesImportNoSibling(t *testing.T) {
	leaf := map[string]bool{"inference": true, "hal": true, "ota": true, "telemetry": true, "fleet": true}
	for _, p := range list(t, module+"...") {
		from := root(p.ImportPath)
		if !leaf[from] || strings.HasPrefix(p.ImportPath, module+"fleet/") {
			continue
		}
		for _, i := range p.Imports {
			if to := root(i); to != "" && to != from {
				t.Errorf("%s imports %s: %s is a leaf; pass what it needs in from agent or cmd", p.ImportPath, i, from)
			}
		}
	}
}

// TestInferenceStaysSmall: an engine that others embed brings nothing along.
func TestInferenceStaysSmall(t *testing.T) {
	for _, p := range list(t, "-deps", module+"inference/...") {
		if p.Standard || root(p.ImportPath) == "inference" {
			continue
		}
		if m := p.Module; m == nil || m.Path != "golang.org/x/sys" && m.Path != "golang.org/x/image" {
			t.Errorf("inference reaches %s: only the standard library, x/sys and x/image", p.ImportPath)
		}
	}
}

// TestAgentStaysLean: each of these costs megabytes on every device and
// belongs to the controller.
func TestAgentStaysLean(t *testing.T) {
	why := map[string]string{
		"html/template":                   "the local page is static; templates are the console's",
		"database/sql":                    "the device keeps its state in bbolt",
		"google.golang.org/grpc":          "gRPC costs 4 MB; the local API speaks REST",
		"github.com/mochi-mqtt/server/v2": "the broker is the controller's child process",
		"google.golang.org/protobuf":      "it is half a megabyte, and nothing on the device speaks it",
		"modernc.org/sqlite":              "the device keeps its state in bbolt",
		module + "fleet/controller":       "the controller is another binary",
		module + "fleet/console":          "the console is another binary",
	}
	direct, all := map[string]bool{}, map[string]bool{}
	for _, p := range list(t, "-deps", module+"cmd/dunlin") {
		for bad, reason := range why {
			if p.ImportPath == bad || strings.HasPrefix(p.ImportPath, bad+"/") {
				t.Errorf("cmd/dunlin reaches %s: %s", p.ImportPath, reason)
			}
		}
		if m := p.Module; m != nil && !m.Main {
			all[m.Path] = true
			if !m.Indirect {
				direct[m.Path] = true
			}
		}
	}
	if len(direct) > 18 {
		t.Errorf("cmd/dunlin uses %d modules, at most 18: %v", len(direct), direct)
	}
	// What these bring along stays out of the agent's binary only while nobody
	// looks away: go-tuf alone brought eight more.
	if len(all) > 20 {
		t.Errorf("cmd/dunlin reaches %d modules with what those bring along, at most 20: %v", len(all), all)
	}
}

// TestPackagesSayWhatTheyAre: a package is one sentence.
func TestPackagesSayWhatTheyAre(t *testing.T) {
	for _, p := range list(t, module+"...") {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
