package controller

import (
	"fmt"
	"math"
	"time"
)

// The gate tells a release that fails on 1 % of its devices from one that
// fails on 5 %, each wrongly in at most so many cases (Wald's sequential
// probability ratio test). The unit is the device.
const (
	gateGood  = 0.01 // share of failing devices
	gateBad   = 0.05
	gateAlpha = 0.01 // of good releases stopped
	gateBeta  = 0.05 // of bad ones let through
)

var (
	gateFailure = math.Log(gateBad / gateGood)
	gateSuccess = math.Log((1 - gateBad) / (1 - gateGood))
	gateStop    = math.Log((1 - gateBeta) / gateAlpha)
	gatePass    = math.Log(gateBeta / (1 - gateAlpha))
)

// smallFleet is the number of devices below which even a release without a
// single failure cannot pass the test: a rule of counts decides there.
var smallFleet = int(math.Ceil(gatePass / gateSuccess))

// A verdict is what a gate says.
type verdict string

const (
	hold    verdict = "hold"    // more devices, or more time
	promote verdict = "promote" // the next wave may begin
	abort   verdict = "abort"
	ask     verdict = "ask" // somebody has to decide
)

// A gate is what a wave has shown.
type gate struct {
	results []bool        // of all waves in the order they came: true is a failure
	total   int           // devices of the whole assignment
	open    int           // of the waves so far, heard of and undecided
	fresh   int           // failures of this wave
	quiet   bool          // nothing of this wave was decided yet
	soaked  time.Duration // since the last device of this wave was decided
	soak    time.Duration
}

// judge decides, and says why in words.
func (g gate) judge() (verdict, string) {
	failures, recent := 0, 0
	llr, passed := 0.0, false
	for i, failed := range g.results {
		if failed {
			failures++
			llr += gateFailure
		} else {
			llr += gateSuccess
		}
		passed = passed || llr <= gatePass
		switch {
		case i < 10 && failures >= 3:
			return abort, fmt.Sprintf("%d of the first %d devices failed", failures, i+1)
		case !passed && llr >= gateStop && g.total >= smallFleet:
			return abort, fmt.Sprintf("%d of %d devices failed: more than a release with %.0f %% of failures explains", failures, i+1, 100*gateGood)
		}
	}
	for _, failed := range g.results[max(0, len(g.results)-10):] {
		if failed {
			recent++
		}
	}
	switch {
	case recent >= 5:
		return abort, fmt.Sprintf("%d of the last 10 devices failed", recent)
	case g.total < smallFleet && failures >= 2:
		return abort, fmt.Sprintf("%d devices failed, and %d are too few to tell bad luck from a bad release", failures, g.total)
	case g.open > 0:
		return hold, fmt.Sprintf("%d devices are at it", g.open)
	case g.quiet:
		return hold, "no device of this wave was heard of yet"
	case g.total < smallFleet && g.fresh == 1:
		return ask, fmt.Sprintf("1 device failed, and %d are too few to tell bad luck from a bad release", g.total)
	case g.soaked < g.soak:
		return hold, "soaks for " + (g.soak - g.soaked).Round(time.Second).String() + " more"
	}
	return promote, fmt.Sprintf("%d of %d devices failed", failures, len(g.results))
}
