package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVPDPBUSD has the encodings read back by objdump of binutils.
func TestVPDPBUSD(t *testing.T) {
	var code []byte
	var want []string
	for i := range 16 {
		for j := range 16 {
			b := vpdpbusd(i, j, (i+3*j)%16)
			code = append(code, b[:]...)
			want = append(want, fmt.Sprintf("{vex} vpdpbusd %%ymm%d,%%ymm%d,%%ymm%d", i, j, (i+3*j)%16))
		}
	}
	file := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(file, code, 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := exec.Command("objdump", "-D", "-b", "binary", "-m", "i386:x86-64", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(list)) {
		if _, text, ok := strings.Cut(line, "{vex}"); ok {
			got = append(got, "{vex} "+strings.TrimSpace(text))
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("objdump reads %v, want %v", got, want)
	}
}
