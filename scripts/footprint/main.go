// Command footprint prints the size of every cross-built agent and how many
// bytes of code and data each module puts into the one for this machine.
//
// Symbol sizes come from "go tool nm" on a build with its symbol table; what
// belongs to no package (tables of the linker) is in "other".
//
// Then it starts the agent, as a member of a fleet on this machine, and prints
// what it takes at work; more than the bars is a failure. -work does only that.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

const agent = "./cmd/dunlin"

func main() {
	only := flag.Bool("work", false, "only measure the agent at work")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "footprint:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, onlyWork bool) error {
	if onlyWork {
		return measureWork(ctx)
	}
	if err := printBinaries(); err != nil {
		return err
	}
	modules, err := modules()
	if err != nil {
		return fmt.Errorf("list modules: %w", err)
	}
	sizes, err := symbolSizes(modules)
	if err != nil {
		return fmt.Errorf("read symbols: %w", err)
	}
	printModules(sizes)
	return measureWork(ctx)
}

func printBinaries() error {
	files, err := filepath.Glob("dist/dunlin-*")
	if err != nil {
		return err
	}
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil {
			return err
		}
		fmt.Printf("%-24s %8.2f MB stripped\n", f, float64(st.Size())/1e6)
	}
	return nil
}

// modules maps the import paths that the agent reaches to their modules; the
// standard library is "std".
func modules() (map[string]string, error) {
	const format = `{{.ImportPath}} {{if .Standard}}std{{else}}{{.Module.Path}}{{end}}`
	out, err := exec.Command("go", "list", "-deps", "-f", format, agent).Output()
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, mod, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			m[path] = mod
		}
	}
	return m, nil
}

// symbolSizes adds up the symbols of each module.
func symbolSizes(modules map[string]string) (map[string]int64, error) {
	dir, err := os.MkdirTemp("", "footprint")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "dunlin")
	if out, err := exec.Command("go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-o", bin, agent).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w: %s", err, out)
	}
	out, err := exec.Command("go", "tool", "nm", "-size", "-sort", "address", bin).Output()
	if err != nil {
		return nil, err
	}
	return addUp(string(out), modules), nil
}

// addUp gives the bytes between a symbol and the next to the first of them:
// some symbols of the linker enclose others, so their own sizes do not add up.
func addUp(nm string, modules map[string]string) map[string]int64 {
	sizes := map[string]int64{}
	var last string
	var lastAt, lastSize int64
	for line := range strings.Lines(nm) {
		f := strings.Fields(line) // address size type name
		if len(f) < 4 {
			continue
		}
		if f[3] == "runtime.edata" {
			break // zeroed data, which takes no bytes of the file, follows
		}
		at, err := strconv.ParseInt(f[0], 16, 64)
		size, err2 := strconv.ParseInt(f[1], 10, 64)
		if err != nil || err2 != nil {
			continue
		}
		if last != "" {
			sizes[moduleOf(last, modules)] += min(lastSize, at-lastAt)
		}
		last, lastAt, lastSize = f[3], at, size
	}
	return sizes
}

// moduleOf finds the package at the front of a symbol's name.
func moduleOf(symbol string, modules map[string]string) string {
	slash := strings.LastIndex(symbol, "/") + 1
	if dot := strings.Index(symbol[slash:], "."); dot >= 0 {
		// Dots inside the last path element are escaped as %2e.
		path := strings.ReplaceAll(symbol[:slash+dot], "%2e", ".")
		if m, ok := modules[path]; ok {
			return m
		}
	}
	return "other"
}

func printModules(sizes map[string]int64) {
	names := make([]string, 0, len(sizes))
	for n := range sizes {
		names = append(names, n)
	}
	sort.Slice(names, func(i, j int) bool { return sizes[names[i]] > sizes[names[j]] })
	fmt.Println()
	for _, n := range names {
		fmt.Printf("%-40s %9d bytes\n", n, sizes[n])
	}
}
