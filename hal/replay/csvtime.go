package replay

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// timeColumn says where a row's time stands; index -1 means nowhere.
type timeColumn struct {
	index int
	unit  float64 // seconds per unit
}

// findTime chooses the time column by name, or takes a first column of dates.
func (t *table) findTime() error {
	unit := t.cfg.TimeUnit
	for i, name := range t.names {
		base, suffix, _ := strings.Cut(strings.ToLower(name), "_")
		byName := t.cfg.TimeColumn == "" && i == 0 && isTimeName(base, suffix)
		if name != t.cfg.TimeColumn && !byName {
			continue
		}
		if unit == "" {
			unit = suffix
		}
		t.time = timeColumn{index: i, unit: unitSeconds(unit)}
		return nil
	}
	if t.cfg.TimeColumn != "" {
		return fmt.Errorf("no column is named %q", t.cfg.TimeColumn)
	}
	if t.names == nil {
		if _, err := time.Parse(time.RFC3339Nano, t.fields[0]); err == nil {
			t.time = timeColumn{index: 0, unit: 1}
		}
	}
	return nil
}

func isTimeName(base, suffix string) bool {
	return slices.Contains([]string{"time", "timestamp", "t"}, base) && slices.Contains([]string{"", "s", "ms", "us"}, suffix)
}

func unitSeconds(unit string) float64 {
	switch unit {
	case "ms":
		return 1e-3
	case "us":
		return 1e-6
	}
	return 1
}

// addTime takes a row's time: RFC 3339, or a number in the column's unit,
// which counts from 1970 where it is later than 2000, otherwise from anywhere.
func (t *table) addTime(field string) error {
	at, err := t.parseTime(field)
	if err != nil {
		return err
	}
	if n := len(t.times); n > 0 && at < t.times[n-1] {
		return fmt.Errorf("time %s is before that of the row above", field)
	}
	t.times = append(t.times, at)
	return nil
}

func (t *table) parseTime(field string) (float64, error) {
	const year2000 = 946684800
	if abs, err := time.Parse(time.RFC3339Nano, field); err == nil {
		if len(t.times) == 0 {
			t.epoch0 = abs
		}
		if t.epoch0.IsZero() {
			return 0, fmt.Errorf("time %s is a date, those above are numbers", field)
		}
		return abs.Sub(t.epoch0).Seconds(), nil
	}
	v, err := strconv.ParseFloat(field, 64)
	if err != nil || math.Abs(v) > 1e18 || v != v {
		return 0, fmt.Errorf("time %q: want a number or an RFC 3339 date", field)
	}
	v = float64(v * t.time.unit)
	if len(t.times) == 0 && v > year2000 && v < 1e11 {
		sec := math.Floor(v)
		t.epoch0 = time.Unix(int64(sec), int64((v-sec)*1e9)).UTC()
	}
	return v, nil
}

// rate estimates the recorded rate in Hz, and the longest interval in seconds
// that is no gap: one and a half periods, or steps of a coarse clock. The mean over the intervals without the gaps is good
// even where the clock is coarser than the period. A rate within one part in a
// thousand of Config.RateHz is that.
func (t *table) rate() (hz, longest float64, err error) {
	steps := make([]float64, 0, len(t.times))
	for i := 1; i < len(t.times); i++ {
		steps = append(steps, t.times[i]-t.times[i-1])
	}
	if len(steps) == 0 {
		return 0, 0, errors.New("one row gives no rate")
	}
	slices.Sort(steps)
	median := steps[len(steps)/2]
	sum, n := 0.0, 0
	for _, s := range steps {
		if s <= 1.5*median {
			sum += s
			n++
		}
	}
	if !(sum > 0) {
		return 0, 0, errors.New("times hardly advance: they need a finer resolution")
	}
	hz = math.Round(float64(n)/sum*1000) / 1000
	if !(hz >= 0.001 && hz <= MaxRateHz) {
		return 0, 0, fmt.Errorf("rate of %v Hz by its times, want 0.001 to %v", hz, float64(MaxRateHz))
	}
	if want := t.cfg.RateHz; math.Abs(hz-want) <= want/1000 {
		hz = want
	}
	return hz, 1.5 * max(median, sum/float64(n)), nil
}
