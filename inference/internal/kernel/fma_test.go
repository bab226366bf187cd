package kernel

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// TestNoFusedMultiplyAdd reads what is compiled for the targets where Go
// fuses x*y + z: a product without its conversion shows here.
func TestNoFusedMultiplyAdd(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil || testing.Short() {
		t.Skip("needs the go command")
	}
	fused := regexp.MustCompile(`(?m)^.*\b(FN?M(ADD|SUB)[SD]?|VFN?M(ADD|SUB)\w+)\b.*$`)
	for _, env := range [][]string{{"GOARCH=arm64"}, {"GOARCH=riscv64"}, {"GOARCH=amd64", "GOAMD64=v3"}} {
		// Generic kernels are compiled into the package that uses them, and
		// results must agree from the front ends to the boxes.
		for _, dir := range []string{".", "../graph", "../fmath", "../micro", "../../signal", "../../vision", "../../pipeline", "../.."} {
			for _, m := range fused.FindAll(assembly(t, goTool, dir, env), -1) {
				if !bytes.Contains(m, []byte("fma32")) { // which is meant to be one
					t.Errorf("%v: %s", env, m)
				}
			}
		}
	}
}

// assembly compiles the package in dir and returns the compiler's listing.
func assembly(t *testing.T, goTool, dir string, env []string) []byte {
	t.Helper()
	build := exec.Command(goTool, "build", "-gcflags=-S", "-o", os.DevNull, dir)
	build.Env = append(append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0"), env...)
	out, err := build.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("TEXT")) {
		t.Fatalf("%s %v: compile: %v, %d bytes", dir, env, err, len(out))
	}
	return out
}
