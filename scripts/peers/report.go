package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
)

// ratios returns LiteRT's time over ours: the median of the rounds' ratios,
// the lowest and the highest.
func (r *result) ratios() (median, lo, hi float64) {
	paired := make([]sample, len(r.ours))
	for i := range paired {
		paired[i].median = r.theirs[i].median / r.ours[i].median
	}
	return medianOf(paired, func(s sample) float64 { return s.median })
}

func (r *result) progress() string {
	if r.refused != "" {
		return fmt.Sprintf("%-52s not compared: %s", r.name, r.refused)
	}
	q, lo, hi := r.ratios()
	return fmt.Sprintf("%-52s %.2f (%.2f to %.2f) %s", r.name, q, lo, hi, r.outputs)
}

func report(c config, results []result) {
	format, rule := "%-44s %-8s %10s %10s %-20s %6s %9s %9s %7s %7s  %s\n", ""
	if c.table {
		format = "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n"
		rule = "|" + strings.Repeat("---|", 11) + "\n"
	}
	fmt.Printf(format, "model", "type", "dunlin us", "LiteRT us", "ratio (min, max)", "portab", "init ms", "LiteRT", "RSS MB", "LiteRT", "outputs")
	fmt.Print(rule)
	logs := map[string][]float64{}
	for _, r := range results {
		if r.refused != "" {
			fmt.Fprintf(os.Stderr, "%s: not compared: %s\n", r.name, r.refused)
			continue
		}
		ours, _, _ := medianOf(r.ours, func(s sample) float64 { return s.median })
		theirs, _, _ := medianOf(r.theirs, func(s sample) float64 { return s.median })
		init, _, _ := medianOf(r.ours, func(s sample) float64 { return s.init + s.first })
		peerInit, _, _ := medianOf(r.theirs, func(s sample) float64 { return s.init + s.first })
		rss, _, _ := medianOf(r.ours, func(s sample) float64 { return s.rss })
		peerRSS, _, _ := medianOf(r.theirs, func(s sample) float64 { return s.rss })
		generic, _, _ := medianOf(r.ours, func(s sample) float64 { return s.generic })
		q, lo, hi := r.ratios()
		fmt.Printf(format, r.name, r.kind, us(ours), us(theirs), fmt.Sprintf("%.2f (%.2f, %.2f)", q, lo, hi),
			fmt.Sprintf("%.1f %%", 100*generic), us(init/1e3), us(peerInit/1e3), us(rss/1024), us(peerRSS/1024), r.outputs)
		if theirs > 20 {
			logs[r.kind] = append(logs[r.kind], math.Log(q))
		}
	}
	for _, k := range []string{"int8", "uint8", "int16", "float32", "dynamic", "other"} {
		if v := logs[k]; len(v) > 0 {
			sum := 0.0
			for _, x := range v {
				sum += x
			}
			fmt.Printf("%s: geometric mean %.2f over %d models above 20 us\n", k, math.Exp(sum/float64(len(v))), len(v))
		}
	}
	if len(results) > 0 {
		fmt.Printf("tier %s; init is open to first output; RSS is the process's peak\n", results[len(results)-1].tier)
	}
}

// us prints three digits.
func us(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// verdict fails on wrong outputs and on portable kernels that weigh.
func verdict(results []result) error {
	var errs []error
	for _, r := range results {
		if r.refused != "" {
			continue
		}
		var worst float64
		if strings.Contains(r.outputs, "differs") {
			errs = append(errs, fmt.Errorf("%s: %s", r.name, r.outputs))
		} else if _, err := fmt.Sscanf(r.outputs, "within %g", &worst); err == nil && worst > floatLimit && r.kind != "dynamic" {
			errs = append(errs, fmt.Errorf("%s: outputs %s", r.name, r.outputs))
		}
		if generic, _, _ := medianOf(r.ours, func(s sample) float64 { return s.generic }); r.tier != "generic" && generic > genericLimit {
			errs = append(errs, fmt.Errorf("%s: portable kernels take %.1f %% of the time", r.name, 100*generic))
		}
	}
	return errors.Join(errs...)
}
