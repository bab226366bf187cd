package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/inference"
)

// timeOurs prints the same line as peer.c, then the share of the time that
// portable kernels took and the tier. args are OUT_DIR INPUT...
func timeOurs(path string, seconds float64, args []string) error {
	ctx := context.Background()
	start := time.Now()
	m, err := inference.OpenFile(path, inference.Options{})
	if err != nil {
		return err
	}
	s, err := m.NewSession()
	if err != nil {
		return err
	}
	init := time.Since(start)
	for i, name := range args[1:] {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		copy(s.Input(i).Bytes(), data)
	}
	start = time.Now()
	if err := s.Run(ctx); err != nil {
		return err
	}
	first := time.Since(start)
	for i := range s.Outputs() {
		name := filepath.Join(args[0], fmt.Sprintf("out%d.bin", i))
		if err := os.WriteFile(name, s.Output(i).Bytes(), 0o600); err != nil {
			return err
		}
	}
	median, err := medianRun(ctx, s, time.Duration(seconds*float64(time.Second)))
	if err != nil {
		return err
	}
	rss := peakRSS()
	share, err := genericShare(ctx, s)
	if err != nil {
		return err
	}
	fmt.Printf("%f %f %f %d 1 %f %s\n", micros(init), micros(first), micros(median), rss, share, inference.Tier())
	return nil
}

// medianRun warms up for a fifth of total and returns the median time of one
// run, over batches of at least 200 us.
func medianRun(ctx context.Context, s *inference.Session, total time.Duration) (time.Duration, error) {
	runs := 0
	start := time.Now()
	for time.Since(start) < total/5 {
		if err := s.Run(ctx); err != nil {
			return 0, err
		}
		runs++
	}
	per := int(200*time.Microsecond/max(time.Since(start)/time.Duration(max(runs, 1)), 1)) + 1
	var batches []time.Duration
	for end := time.Now().Add(total); len(batches) == 0 || time.Now().Before(end); {
		t := time.Now()
		for range per {
			if err := s.Run(ctx); err != nil {
				return 0, err
			}
		}
		batches = append(batches, time.Since(t)/time.Duration(per))
	}
	slices.Sort(batches)
	return batches[len(batches)/2], nil
}

// computing are kernels that compute, by a rule that is the same everywhere.
var computing = map[string]bool{"arg_max": true, "top_k": true, "where": true, "one_hot": true, "cast": true, "select": true, "dequantize_16": true, "max_pool_16": true}

// genericShare returns the part of a run spent in portable kernels that compute;
// those that only move bytes (concatenation, variables) are the runtime's
// memmove on any CPU.
func genericShare(ctx context.Context, s *inference.Session) (float64, error) {
	var total, generic time.Duration
	for range 20 {
		steps, err := s.Profile(ctx)
		if err != nil {
			return 0, err
		}
		for _, st := range steps {
			total += st.Time
			if st.Tier == "generic" && (st.Rule != "exact" || computing[st.Kernel]) {
				generic += st.Time
			}
		}
	}
	return float64(generic) / float64(max(total, 1)), nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// peakRSS returns the largest resident set so far in KiB.
func peakRSS() int64 {
	data, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(data)) {
		var kb int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d", &kb); err == nil {
			return kb
		}
	}
	return 0
}
