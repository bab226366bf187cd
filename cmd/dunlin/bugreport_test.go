package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unpackReport reads a report into a map of its parts.
func unpackReport(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		parts[filepath.Base(h.Name)] = string(text)
	}
}

const secretConfig = `
# the password is hunter2
sources:
  scans: {driver: replay.images, path: %s, realtime: false} # hunter2
pipelines:
  digits:
    source: scans
    bundle: %s
    actions:
      - {webhook: "https://user:hunter2@example.org/hook?key=hunter2#hunter2", on: result}
      - {exec: [/bin/true, "--password", hunter2]}
telemetry: {dir: hold, captures: {key: hunter2.key}}
api: {listen: "127.0.0.1:0"}
`

func TestBugreport(t *testing.T) {
	url, _, stop := runningWith(t, "telemetry: {dir: hold}\n")
	defer stop()
	text := strings.NewReplacer("path: %s", "path: "+demoFile(t, "scans"), "bundle: %s", "bundle: "+demoFile(t, "bundles/digits-1.0.0.dunlin")).Replace(secretConfig)
	file := writeFile(t, "agent.yaml", text)
	hold := filepath.Join(filepath.Dir(file), "hold")
	if err := os.Mkdir(hold, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(hold, "kept"), []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "report.tar.gz")
	got := dunlin(t, "bugreport", "-o", out, "--config", file, "--url", url)
	if got.code != 0 || got.stdout != out+"\n" {
		t.Fatalf("exit code %d: %s %s", got.code, got.stdout, got.stderr)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	parts := unpackReport(t, data)
	for name, want := range map[string]string{
		"about.txt": `"version"`, "config.yaml": "https://redacted@example.org/hook?redacted", "doctor.json": `"check"`,
		"status.json": `"pipelines"`, "metrics.txt": "dunlin_", "files.txt": "hold/kept",
	} {
		if !strings.Contains(parts[name], want) {
			t.Errorf("%s lacks %q:\n%.500s", name, want, parts[name])
		}
	}
	for name, text := range parts {
		if strings.Contains(strings.ReplaceAll(text, "hunter2.key", ""), "hunter2") && name != "doctor.json" {
			t.Errorf("a secret is in %s:\n%s", name, text)
		}
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	wantFailure(t, dunlin(t, "bugreport", "-o", out), exitInput, "exists", "not there yet")
}

// TestBugreportOfTheDead: nothing runs, the configuration is broken.
func TestBugreportOfTheDead(t *testing.T) {
	file := writeFile(t, "agent.yaml", "pipelines: [hunter2")
	got := dunlin(t, "bugreport", "-o", "-", "--config", file, "--url", "http://127.0.0.1:1")
	if got.code != 0 {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	parts := unpackReport(t, []byte(got.stdout))
	if len(parts) != 7 || strings.Contains(parts["config.yaml"], "hunter2") || !strings.Contains(parts["config.yaml"], "not YAML") {
		t.Errorf("%q", parts)
	}
}
