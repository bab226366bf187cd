package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/inference"
)

// What is asked of automatic threads: models that take so long, rounds of both in
// turn, of so long each, and how much longer than one thread their median may take.
const (
	threadsWorth  = time.Millisecond
	threadsRounds = 21
	threadsRound  = 50 * time.Millisecond
	threadsLimit  = 1.05
)

// compareThreads times one thread and automatic ones in turn, in this process.
func compareThreads(c config) error {
	models, err := findModels(c)
	if err != nil {
		return err
	}
	fmt.Printf("load %s\n%-52s %8s %8s %8s %6s  %s\n", loadAverage(), "model", "threads", "one us", "auto us", "ratio", "rounds, lowest to highest")
	var errs []error
	for _, path := range models {
		name := strings.TrimPrefix(path, c.folder+"/")
		t, err := timeThreads(path)
		if err != nil || t == nil { // refused, or too fast to matter
			continue
		}
		one, auto, ratio := t.median(0), t.median(1), t.median(1)/t.median(0)
		v := slices.Sorted(slices.Values(t.ratios))
		fmt.Printf("%-52s %8d %8s %8s %6.2f  %.2f to %.2f\n", name, t.threads, us(one), us(auto), ratio, v[0], v[len(v)-1])
		if t.threads > 1 && ratio > threadsLimit { // else both are the same
			errs = append(errs, fmt.Errorf("%s: automatic threads take %.2f times as long as one", name, ratio))
		}
	}
	fmt.Printf("load %s\n", loadAverage())
	return errors.Join(errs...)
}

// threadTimes are the rounds of one thread and of automatic ones, in microseconds a
// run.
type threadTimes struct {
	times   [2][]float64
	ratios  []float64
	threads int // that Open chose
}

func (t *threadTimes) median(i int) float64 {
	v := slices.Sorted(slices.Values(t.times[i]))
	return v[len(v)/2]
}

// timeThreads returns nil for a model that takes less than is worth sharing.
func timeThreads(path string) (*threadTimes, error) {
	t := &threadTimes{}
	var sessions [2]*inference.Session
	for i, threads := range []int{1, inference.ThreadsAuto} {
		m, err := inference.OpenFile(path, inference.Options{Threads: threads})
		if err != nil {
			return nil, err
		}
		if sessions[i], err = m.NewSession(); err != nil {
			return nil, err
		}
		t.threads = m.Threads()
	}
	first, err := perRun(sessions[0], threadsRound)
	if err != nil || first < threadsWorth {
		return nil, err
	}
	for n := range threadsRounds {
		var round [2]float64
		for k := range sessions {
			i := (n + k) % 2 // each goes first in turn
			d, err := perRun(sessions[i], threadsRound)
			if err != nil {
				return nil, err
			}
			round[i] = micros(d)
			t.times[i] = append(t.times[i], round[i])
		}
		t.ratios = append(t.ratios, round[1]/round[0])
	}
	return t, nil
}

// perRun returns the median of the runs that fit into total.
func perRun(s *inference.Session, total time.Duration) (time.Duration, error) {
	var runs []time.Duration
	for end := time.Now().Add(total); len(runs) == 0 || time.Now().Before(end); {
		start := time.Now()
		if err := s.Run(context.Background()); err != nil {
			return 0, err
		}
		runs = append(runs, time.Since(start))
	}
	slices.Sort(runs)
	return runs[len(runs)/2], nil
}

func loadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(data))[0]
}
