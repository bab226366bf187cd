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

// A tally is what the devices of an assignment have shown, in the order in
// which they decided.
type tally struct {
	N        int     `json:"n"`
	Failures int     `json:"failures"`
	LLR      float64 `json:"llr"`
	Passed   bool    `json:"passed,omitempty"`
	Last     []bool  `json:"last,omitempty"` // up to 10 results: true is a failure
	Stop     string  `json:"stop,omitempty"` // why it has to end, once it has
	Newest   int64   `json:"newest"`         // when the last device of the open wave decided, Unix ms; 0: none has
}

// add takes the next result, of an assignment to so many devices.
func (t *tally) add(failed bool, total int) {
	t.N++
	if failed {
		t.Failures++
		t.LLR += gateFailure
	} else {
		t.LLR += gateSuccess
	}
	t.Passed = t.Passed || t.LLR <= gatePass
	t.Last = append(t.Last, failed)
	t.Last = t.Last[max(0, len(t.Last)-10):]
	recent := 0
	for _, f := range t.Last {
		if f {
			recent++
		}
	}
	if t.Stop != "" {
		return
	}
	switch {
	case t.N <= 10 && t.Failures >= 3:
		t.Stop = fmt.Sprintf("%d of the first %d devices failed", t.Failures, t.N)
	case !t.Passed && t.LLR >= gateStop && total >= smallFleet:
		t.Stop = fmt.Sprintf("%d of %d devices failed: more than a release with %.0f %% of failures explains", t.Failures, t.N, 100*gateGood)
	case recent >= 5:
		t.Stop = fmt.Sprintf("%d of the last 10 devices failed", recent)
	case total < smallFleet && t.Failures >= 2:
		t.Stop = fmt.Sprintf("%d devices failed, and %d are too few to tell bad luck from a bad release", t.Failures, total)
	}
}

// A gate is what a wave has shown.
type gate struct {
	tally
	total  int           // devices of the whole assignment
	open   int           // of the waves so far: undecided, where one at least is connected
	fresh  int           // failures of this wave
	quiet  bool          // nothing of this wave was decided yet
	soaked time.Duration // since the last device of this wave was decided
	soak   time.Duration
}

// judge decides, and says why in words.
func (g gate) judge() (verdict, string) {
	switch {
	case g.Stop != "":
		return abort, g.Stop
	case g.open > 0:
		return hold, fmt.Sprintf("%d devices are at it", g.open)
	case g.quiet:
		return hold, "no device of this wave was heard of yet"
	case g.total < smallFleet && g.fresh == 1:
		return ask, fmt.Sprintf("1 device failed, and %d are too few to tell bad luck from a bad release", g.total)
	case g.soaked < g.soak:
		return hold, "soaks for " + (g.soak - g.soaked).Round(time.Second).String() + " more"
	}
	return promote, fmt.Sprintf("%d of %d devices failed", g.Failures, g.N)
}
