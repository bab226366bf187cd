package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// latencyRuns is how often the model runs to measure its latency here.
const latencyRuns = 9

// requirements refuses a bundle that this board cannot serve: more memory than
// there is, or a model that is slower here than its publisher allows.
func (u *Unit) requirements(ctx context.Context, b *bundle.Bundle) error {
	r := u.Manifest.Requires
	if r == nil {
		return nil
	}
	if total := totalMemory(); total > 0 && r.RAMBytes > total {
		return fmt.Errorf("requires %d bytes of memory, this board has %d", r.RAMBytes, total)
	}
	if r.MaxLatencyMS == 0 {
		return nil
	}
	took, err := u.latency(ctx, b)
	if err != nil {
		return fmt.Errorf("measure latency: %w", err)
	}
	if limit := time.Duration(r.MaxLatencyMS * float64(time.Millisecond)); took > limit {
		return fmt.Errorf("the model takes %v a window on this board, the bundle allows %v", took, limit)
	}
	return nil
}

// newerAgent tells that a bundle needs a later agent than this version. A
// build without a version, as developers make them, takes any.
func (u *Unit) newerAgent(version string) error {
	r := u.Manifest.Requires
	if r == nil || r.MinAgent == "" {
		return nil
	}
	have := "v" + strings.TrimPrefix(version, "v")
	if semver.IsValid(have) && semver.Compare(have, "v"+r.MinAgent) < 0 {
		return fmt.Errorf("it needs agent %s, this one is %s: update the agent first", r.MinAgent, version)
	}
	return nil
}

// latency is the median time of the model on its first golden sample.
func (u *Unit) latency(ctx context.Context, b *bundle.Bundle) (time.Duration, error) {
	if len(u.Manifest.Golden) == 0 {
		return 0, errors.New("the bundle has no golden sample to measure with")
	}
	in, _, err := b.Golden(0)
	if err != nil {
		return 0, err
	}
	s, err := u.Model.NewSession()
	if err != nil {
		return 0, err
	}
	for k, data := range in {
		copy(s.Input(k).Bytes(), data)
	}
	times := make([]time.Duration, latencyRuns)
	for i := range times {
		start := time.Now()
		if err := s.Run(ctx); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[latencyRuns/2], nil
}

// totalMemory is the board's memory in bytes, 0 where the kernel does not tell.
func totalMemory() int64 {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}
