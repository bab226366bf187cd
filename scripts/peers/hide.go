package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dunlin-edge/dunlin/inference"
)

// limit makes both sides run as on a CPU of a tier, and returns a copy of the peer's
// library for it.
func limit(tier, library, dir string) (string, error) {
	if tier != "avx2" && tier != "avxvnni" {
		return "", fmt.Errorf("-tier %s: want avx2 or avxvnni", tier)
	}
	os.Setenv("DUNLIN_CPU", tier)
	os.Setenv("PEER_TIER", tier)
	if inference.Tier() != tier {
		return "", fmt.Errorf("-tier %s: this CPU does not have it", tier)
	}
	return hide(library, dir)
}

// hide writes a copy of the peer's library that has UD2 where it asks the CPU what it
// can; litert/cpuid.c answers. The code picks its kernels by that alone.
func hide(library, dir string) (string, error) {
	list, err := exec.Command("objdump", "-d", "--no-show-raw-insn", library).Output()
	if err != nil {
		return "", fmt.Errorf("disassemble %s: %w", library, err)
	}
	code, err := os.ReadFile(library)
	if err != nil {
		return "", err
	}
	f, err := elf.Open(library)
	if err != nil {
		return "", err
	}
	defer f.Close()
	n := 0
	for line := range strings.Lines(string(list)) {
		at, text, _ := strings.Cut(strings.TrimSpace(line), ":")
		if strings.TrimSpace(text) != "cpuid" {
			continue
		}
		address, err := strconv.ParseUint(at, 16, 64)
		if err != nil {
			return "", fmt.Errorf("read the disassembly: %w", err)
		}
		place, ok := fileOffset(f, address)
		if !ok || code[place] != 0x0F || code[place+1] != 0xA2 {
			return "", fmt.Errorf("no CPUID at %#x of %s", address, library)
		}
		code[place+1] = 0x0B
		n++
	}
	if n == 0 {
		return "", errors.New("the library never asks the CPU")
	}
	out := filepath.Join(dir, filepath.Base(library))
	return out, os.WriteFile(out, code, 0o600)
}

// fileOffset returns where an address of a loaded file is in it.
func fileOffset(f *elf.File, address uint64) (uint64, bool) {
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && address >= p.Vaddr && address+2 <= p.Vaddr+p.Filesz {
			return address - p.Vaddr + p.Off, true
		}
	}
	return 0, false
}
