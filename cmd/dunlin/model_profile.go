package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/inference"
)

const modelProfileUsage = `Usage: dunlin model profile MODEL [--runs N] [--json]

Shows where the time of a run goes: every step in run order with the kernel
and instruction tier that ran it, whose arithmetic it follows, its
multiply-accumulates a second and how much of this core's peak that is (see
model bench --peak), then the sum by operator. Times are medians over the runs.

Examples:
  dunlin model profile person_detect.tflite
  dunlin model profile --runs 50 --json m.tflite
`

// profileReport is what profile prints as JSON.
type profileReport struct {
	Runs  int          `json:"runs"`
	US    float64      `json:"us"`
	Steps []stepReport `json:"steps"`
	Ops   []opTime     `json:"ops"`
}

type stepReport struct {
	Node   int     `json:"node"`
	Op     string  `json:"op"`
	Kernel string  `json:"kernel"`
	Tier   string  `json:"tier"`
	Rule   string  `json:"rule"`
	MACs   int64   `json:"macs"`
	US     float64 `json:"us"`
	Share  float64 `json:"share"`
	Peak   float64 `json:"peak,omitempty"` // share of the core's peak
}

type opTime struct {
	Op    string  `json:"op"`
	Count int     `json:"count"`
	US    float64 `json:"us"`
	Share float64 `json:"share"`
}

func runModelProfile(ctx context.Context, e *env, args []string) error {
	fs := e.flags()
	asJSON := fs.json("one object")
	runs := fs.Int("runs", 11, "runs to take the medians of, `N`")
	rest, err := fs.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if *runs < 1 {
		return usageError(fs.seeHelp(), "--runs counts from 1")
	}
	_, s, err := openModel(rest[0], inference.Options{})
	if err != nil {
		return err
	}
	r, err := profile(ctx, s, *runs)
	if err != nil {
		return fmt.Errorf("profile model: %w", err)
	}
	if *asJSON {
		return e.json(r)
	}
	e.printProfile(r)
	return nil
}

func profile(ctx context.Context, s *inference.Session, runs int) (*profileReport, error) {
	var times [][]time.Duration // by step, then run
	var last []inference.StepProfile
	for range runs + 1 { // the first warms up
		var err error
		if last, err = s.Profile(ctx); err != nil {
			return nil, err
		}
		if times == nil {
			times = make([][]time.Duration, len(last))
			continue
		}
		for i, st := range last {
			times[i] = append(times[i], st.Time)
		}
	}
	r := &profileReport{Runs: runs}
	for i, st := range last {
		slices.Sort(times[i])
		us := micros(times[i][runs/2])
		r.US += us
		r.Steps = append(r.Steps, stepReport{Node: st.Node, Op: st.Op, Kernel: st.Kernel, Tier: st.Tier, Rule: st.Rule, MACs: st.MACs, US: us})
	}
	r.peaks(inference.Peak())
	r.sum()
	return r, nil
}

// peaks fills the shares of the core's peak, given in multiply-accumulates a
// second. Kernels name their elements last.
func (r *profileReport) peaks(bytes, floats float64) {
	for i := range r.Steps {
		s, peak := &r.Steps[i], 0.0
		switch s.Kernel[strings.LastIndex(s.Kernel, "_")+1:] {
		case "qs8", "qu8", "qd8":
			peak = bytes
		case "f32":
			peak = floats
		}
		if peak > 0 && s.US > 0 {
			s.Peak = float64(s.MACs) / s.US * 1e6 / peak
		}
	}
}

// sum fills the shares and the totals by operator, the slowest first.
func (r *profileReport) sum() {
	at := map[string]int{}
	for i := range r.Steps {
		s := &r.Steps[i]
		if r.US > 0 {
			s.Share = s.US / r.US
		}
		k, ok := at[s.Op]
		if !ok {
			k, at[s.Op] = len(r.Ops), len(r.Ops)
			r.Ops = append(r.Ops, opTime{Op: s.Op})
		}
		r.Ops[k].Count++
		r.Ops[k].US += s.US
		r.Ops[k].Share += s.Share
	}
	slices.SortStableFunc(r.Ops, func(a, b opTime) int {
		switch {
		case a.US > b.US:
			return -1
		case a.US < b.US:
			return 1
		}
		return 0
	})
}

func (e *env) printProfile(r *profileReport) {
	e.printf("Run order\n\n")
	t := e.table()
	t.row("NODE", "KERNEL", "TIER", "RULE", "MACS", "US", "%", "CDF%", "GMAC/S", "% OF PEAK")
	cdf := 0.0
	for _, s := range r.Steps {
		cdf += s.Share
		rate, peak := "-", "-"
		if s.MACs > 0 && s.US > 0 {
			rate = fmt.Sprintf("%.2f", float64(s.MACs)/s.US/1e3)
		}
		if s.Peak > 0 {
			peak = fmt.Sprintf("%.0f", 100*s.Peak)
		}
		t.row(s.Node, s.Kernel, s.Tier, s.Rule, countText(s.MACs), fmt.Sprintf("%.1f", s.US),
			fmt.Sprintf("%.1f", 100*s.Share), fmt.Sprintf("%.1f", 100*cdf), rate, peak)
	}
	t.flush()
	e.printf("\nBy operator\n\n")
	t = e.table()
	t.row("OPERATOR", "COUNT", "US", "%", "CDF%")
	cdf = 0
	for _, o := range r.Ops {
		cdf += o.Share
		t.row(o.Op, o.Count, fmt.Sprintf("%.1f", o.US), fmt.Sprintf("%.1f", 100*o.Share), fmt.Sprintf("%.1f", 100*cdf))
	}
	t.flush()
	e.printf("\n%d steps, %.1f µs, medians of %d runs\n", len(r.Steps), r.US, r.Runs)
}
