package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/inference"
)

const modelBenchUsage = `Usage: dunlin model bench MODEL [--threads N|auto] [--warmup N]
                          [--runs N] [--json]
       dunlin model bench --peak [--json]

Times a model on this device: opening it (init), the first run, then the
median, 90th percentile and extremes of the runs after the warm-up. Inputs are
zeros. One thread, unless --threads says otherwise; auto takes all CPUs where
opening the model shows that to be faster. The environment variable DUNLIN_CPU
forces an instruction set that this CPU has.

With --peak it measures this core instead: how many multiply-accumulates of
8-bit integers and of floats it can do a second when nothing has to be loaded.

Examples:
  dunlin model bench kws.tflite
  dunlin model bench mobilenet.tflite --runs 20 --json
  DUNLIN_CPU=generic dunlin model bench kws.tflite
  dunlin model bench --peak
`

// benchReport is what bench prints as JSON; times are microseconds.
type benchReport struct {
	InitUS      float64 `json:"init_us"`
	FirstUS     float64 `json:"first_us"`
	MedianUS    float64 `json:"median_us"`
	P90US       float64 `json:"p90_us"`
	MinUS       float64 `json:"min_us"`
	MaxUS       float64 `json:"max_us"`
	Runs        int     `json:"runs"`
	Threads     int     `json:"threads"`
	ArenaBytes  int64   `json:"arena_bytes"`
	PackedBytes int64   `json:"packed_bytes"`
	PeakRSS     int64   `json:"peak_rss_bytes"`
	CPU         string  `json:"cpu"`
	Tier        string  `json:"tier"`
}

func runModelBench(ctx context.Context, e *env, args []string) error {
	fs := e.flags()
	asJSON := fs.json("one object")
	threads := fs.String("threads", "1", "threads of one run: `N` or auto")
	warmup := fs.Int("warmup", 3, "runs before the measurement, `N`")
	runs := fs.Int("runs", 0, "measured runs `N`; 0 takes a second's worth, 5 to 1000")
	peak := fs.Bool("peak", false, "measure this core instead of a model")
	rest, err := fs.parse(args, 0, 1)
	if err != nil {
		return err
	}
	switch {
	case *peak && len(rest) == 0:
		return e.benchPeak(*asJSON)
	case *peak || len(rest) == 0:
		return usageError(fs.seeHelp(), "give a model, or --peak")
	case *warmup < 0 || *runs < 0:
		return usageError(fs.seeHelp(), "--warmup and --runs count from 0")
	}
	data, err := readModel(rest[0])
	if err != nil {
		return err
	}
	n, err := threadsOf(*threads)
	if err != nil {
		return err
	}
	r, err := bench(ctx, data, n, *warmup, *runs)
	if err != nil {
		return modelError(rest[0], err)
	}
	if *asJSON {
		return e.json(r)
	}
	e.printBench(r)
	return nil
}

// peakReport is what bench --peak prints as JSON, in multiply-accumulates a second.
type peakReport struct {
	Int8    float64 `json:"int8"`
	Float32 float64 `json:"float32"`
	CPU     string  `json:"cpu"`
	Tier    string  `json:"tier"`
}

func (e *env) benchPeak(asJSON bool) error {
	r := peakReport{CPU: cpuName(), Tier: inference.Tier()}
	r.Int8, r.Float32 = inference.Peak()
	if asJSON {
		return e.json(r)
	}
	t := e.table()
	t.row("int8", fmt.Sprintf("%.1f GMAC/s", r.Int8/1e9))
	t.row("float32", fmt.Sprintf("%.1f GMAC/s", r.Float32/1e9))
	t.row("cpu", r.CPU)
	t.row("tier", r.Tier)
	t.flush()
	return nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// threadsOf reads the flag of threads.
func threadsOf(text string) (int, error) {
	if text == "auto" {
		return inference.ThreadsAuto, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, usageError("give a number from 1 on, or auto", "--threads %s", text)
	}
	return n, nil
}

func bench(ctx context.Context, data []byte, threads, warmup, runs int) (*benchReport, error) {
	start := time.Now()
	m, err := inference.Open(data, inference.Options{Threads: threads})
	if err != nil {
		return nil, err
	}
	s, err := m.NewSession()
	if err != nil {
		return nil, err
	}
	f := m.Footprint()
	r := &benchReport{InitUS: micros(time.Since(start)), ArenaBytes: f.ArenaBytes, PackedBytes: f.PackedBytes, Threads: m.Threads(),
		CPU: cpuName(), Tier: inference.Tier()}
	start = time.Now()
	if err := s.Run(ctx); err != nil {
		return nil, err
	}
	first := time.Since(start)
	r.FirstUS = micros(first)
	if runs == 0 {
		runs = int(min(max(time.Second/max(first, 1), 5), 1000))
	}
	times := make([]time.Duration, 0, runs)
	for i := range warmup + runs {
		start = time.Now()
		if err := s.Run(ctx); err != nil {
			return nil, err
		}
		if i >= warmup {
			times = append(times, time.Since(start))
		}
	}
	r.fill(times)
	r.PeakRSS = peakRSS()
	return r, nil
}

func (r *benchReport) fill(times []time.Duration) {
	slices.Sort(times)
	n := len(times)
	r.Runs = n
	if n == 0 {
		return
	}
	r.MinUS, r.MaxUS = micros(times[0]), micros(times[n-1])
	r.MedianUS, r.P90US = micros(times[n/2]), micros(times[min(n*9/10, n-1)])
}

func (e *env) printBench(r *benchReport) {
	t := e.table()
	for _, row := range []struct {
		name string
		us   float64
	}{{"init", r.InitUS}, {"first run", r.FirstUS}, {"median", r.MedianUS}, {"p90", r.P90US}, {"min", r.MinUS}, {"max", r.MaxUS}} {
		t.row(row.name, fmt.Sprintf("%.1f µs", row.us))
	}
	t.row("runs", r.Runs)
	t.row("threads", r.Threads)
	t.row("arena", bytesText(r.ArenaBytes))
	t.row("packed weights", bytesText(r.PackedBytes))
	t.row("peak memory", bytesText(r.PeakRSS))
	t.row("cpu", r.CPU)
	t.row("tier", r.Tier)
	t.flush()
}

// peakRSS returns the process's largest resident set so far in bytes, 0 where
// the kernel does not tell.
func peakRSS() int64 {
	v, ok := procField("/proc/self/status", "VmHWM")
	if !ok {
		return 0
	}
	kb, _ := strconv.ParseInt(strings.TrimSuffix(v, " kB"), 10, 64)
	return kb << 10
}

// cpuName says what this device computes with, as the kernel names it.
func cpuName() string {
	if b, err := os.ReadFile("/proc/device-tree/model"); err == nil {
		return strings.TrimRight(string(b), "\x00\n")
	}
	for _, key := range []string{"model name", "Model", "Hardware", "uarch"} {
		if v, ok := procField("/proc/cpuinfo", key); ok {
			return v
		}
	}
	return "unknown"
}

// procField returns the first "key : value" line of a /proc file.
func procField(path, key string) (string, bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		k, v, ok := strings.Cut(s.Text(), ":")
		if ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}
