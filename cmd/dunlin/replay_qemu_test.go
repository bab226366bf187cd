//go:build qemu

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReplayElsewhere computes what was captured on this machine again with the
// shipped programs of other architectures: every byte must come out the same.
func TestReplayElsewhere(t *testing.T) {
	config, bundles := captureRun(t, "")
	all := export(t, config, bundles)
	for _, to := range []struct{ qemu, arch, arm string }{{"qemu-aarch64-static", "arm64", ""}, {"qemu-arm-static", "arm", "7"}} {
		bin := filepath.Join(t.TempDir(), "dunlin-"+to.arch)
		build := exec.Command("go", "build", "-trimpath", "-o", bin, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+to.arch, "GOARM="+to.arm)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", to.arch, err, out)
		}
		for _, c := range all {
			out, err := exec.Command(to.qemu, bin, "replay", c.file, "--bundle", c.bundle).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "exact") {
				t.Errorf("%s: %s of %s: %v\n%s", to.arch, c.line.ID[:8], c.line.Pipeline, err, out)
			}
		}
	}
}
