package controller

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestGateRules(t *testing.T) {
	bad, good := true, false
	many := func(n int, at ...int) []bool {
		r := make([]bool, n)
		for _, i := range at {
			r[i] = true
		}
		return r
	}
	for name, c := range map[string]struct {
		results []bool
		g       gate
		want    verdict
	}{
		"nobody yet":                     {nil, gate{total: 10, quiet: true}, hold},
		"some at it":                     {[]bool{good}, gate{total: 10, open: 2}, hold},
		"soaks":                          {[]bool{good}, gate{total: 10, soak: time.Hour, soaked: time.Minute}, hold},
		"small, clean, soaked":           {[]bool{good}, gate{total: 10, soak: time.Hour, soaked: time.Hour}, promote},
		"small, one failure":             {[]bool{good, bad, good}, gate{total: 10, fresh: 1}, ask},
		"small, two failures":            {[]bool{good, bad, good, bad}, gate{total: 40, open: 3}, abort},
		"large, two early failures":      {[]bool{bad, good, bad}, gate{total: 2000}, promote},
		"large, three of the first ten":  {[]bool{bad, good, bad, good, bad}, gate{total: 2000, open: 5}, abort},
		"large, one of twenty":           {many(20, 3), gate{total: 2000}, promote},
		"large, a cluster after it held": {many(500, 495, 496, 497, 498, 499), gate{total: 2000}, abort},
		"large, a cluster a while ago":   {many(500, 395, 396, 397, 398, 399), gate{total: 2000}, abort},
	} {
		for _, failed := range c.results {
			c.g.add(failed, c.g.total)
		}
		if got, why := c.g.judge(); got != c.want {
			t.Errorf("%s: %s (%s), want %s", name, got, why, c.want)
		}
	}
}

// stopped runs releases whose devices fail with probability p through the
// gate in five waves, and returns the share that it stops or asks about.
func stopped(rng *rand.Rand, devices int, p float64, runs int) (aborted, asked float64) {
	for range runs {
		g := gate{total: devices}
	release:
		for _, upTo := range []int{max(1, devices/100), devices / 20, devices / 5, devices / 2, devices} {
			g.fresh = 0
			for g.N < upTo {
				failed := rng.Float64() < p
				g.add(failed, g.total)
				if failed {
					g.fresh++
				}
				g.open = upTo - g.N
				switch v, _ := g.judge(); v {
				case abort:
					aborted++
					break release
				case ask:
					asked++
					break release
				}
			}
		}
	}
	return aborted / float64(runs), asked / float64(runs)
}

// The bars: fewer than 1 % of good releases (1 % of devices fail) are stopped
// and more than 94 % of bad ones (5 %), with 2,000 devices.
func TestGateAcrossReleases(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	const runs = 2000
	good, _ := stopped(rng, 2000, 0.01, runs)
	bad, _ := stopped(rng, 2000, 0.05, runs)
	awful, _ := stopped(rng, 2000, 0.3, runs)
	t.Logf("2,000 devices: stopped %.2f %% at 1 %% failures, %.2f %% at 5 %%, %.2f %% at 30 %%", 100*good, 100*bad, 100*awful)
	if good >= 0.01 || bad <= 0.94 || awful < 1 {
		t.Errorf("stopped %.4f of good, %.4f of bad, %.4f of awful releases", good, bad, awful)
	}
	for _, n := range []int{10, 40} {
		a, q := stopped(rng, n, 0.01, runs)
		b, r := stopped(rng, n, 0.3, runs)
		t.Logf("%d devices: 1 %% failures: %.1f %% stopped, %.1f %% asked about; 30 %%: %.1f %% and %.1f %%", n, 100*a, 100*q, 100*b, 100*r)
		if a+q > 0.4 || b+r < 0.95 {
			t.Errorf("%d devices: good %.3f+%.3f, awful %.3f+%.3f", n, a, q, b, r)
		}
	}
}
