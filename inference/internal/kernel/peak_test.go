package kernel

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestPeak(t *testing.T) {
	for _, tier := range Tiers() {
		t.Setenv(TierVariable, tier)
		bytes, floats := Peak()
		t.Logf("%s: %.1f and %.1f GMAC/s", tier, bytes/1e9, floats/1e9)
		if vector := tier != TierGeneric && runtime.GOARCH != "arm"; (bytes > 0) != vector || (floats > 0) != vector {
			t.Errorf("%s: peaks %g and %g", tier, bytes, floats)
		}
	}
}

// TestMeasureGivesTime: a core that is faster at the last try gets as many once more,
// and what is hardly faster none.
func TestMeasureGivesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, rounds := 0, 0
		best := measure(peakLoop{macs: 7, run: func(n int) {
			calls++
			rounds = n
			switch {
			case calls < peakTries:
				time.Sleep(2 * time.Second)
			case calls == peakTries:
				time.Sleep(time.Second)
			default:
				time.Sleep(time.Second * 998 / 1000)
			}
		}})
		if want := 2*peakTries - 1; calls != want {
			t.Errorf("%d tries, want %d", calls, want)
		}
		if want := float64(7 * rounds); best != want {
			t.Errorf("%g a second, want %g", best, want)
		}
	})
	if got := measure(peakLoop{}); got != 0 {
		t.Errorf("%g a second of nothing", got)
	}
}
