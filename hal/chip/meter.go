package chip

import (
	"math"
	"time"
)

// anchorTime is how long a rate is measured at least before an older start of
// the measurement is given up.
const anchorTime = time.Minute

// A meter gives samples their times by counting them: a chip's clock is
// steadier than the moments at which its FIFO is read. It learns the chip's rate,
// within 3 % of the nominal one at first, and from then on by count and time of
// a minute or two.
type meter struct {
	nominal time.Duration // of one sample
	period  time.Duration
	began   bool
	newest  time.Time // of the newest sample counted, as estimated
	count   uint64    // samples up to it
	old     anchor    // where the rate is measured from
	mid     anchor    // where it will be measured from
	jitter  float64   // mean deviation of what came from the estimate, seconds
}

type anchor struct {
	at    time.Time
	count uint64
}

func newMeter(rateHz float64) meter {
	p := time.Duration(float64(time.Second) / rateHz)
	return meter{nominal: p, period: p}
}

// restart forgets times, not the rate: the chip stood still.
func (m *meter) restart() { m.began = false }

// missing returns how many samples came between the newest one counted and
// those that are there now, by the clock.
func (m *meter) missing(at time.Time, frames int) uint64 {
	if !m.began {
		return 0
	}
	return uint64(max(0, math.Round(float64(at.Sub(m.newest))/float64(m.period))-float64(frames)))
}

// seen notes that frames samples, after lost ones, were there at a time; unless
// it is sure, only their count is taken.
func (m *meter) seen(at time.Time, frames int, lost uint64, sure bool) {
	n := uint64(frames) + lost
	if !m.began {
		m.began, m.newest, m.count = true, at, n
		m.old = anchor{at, n}
		m.mid = m.old
		return
	}
	m.count += n
	m.newest = m.newest.Add(time.Duration(n) * m.period)
	if !sure {
		return
	}
	off := at.Sub(m.newest)
	m.jitter += (math.Abs(off.Seconds()) - m.jitter) / 64
	m.newest = m.newest.Add(off / 16)
	if span := at.Sub(m.old.at); span > time.Second && m.count > m.old.count {
		p := span / time.Duration(m.count-m.old.count)
		m.period = min(max(p, m.nominal*4/5), m.nominal*5/4)
	}
	if at.Sub(m.mid.at) > anchorTime {
		m.old, m.mid = m.mid, anchor{at, m.count}
	}
}

// timeOf returns the time of the sample that so many newer ones follow.
func (m *meter) timeOf(newer int) time.Time { return m.newest.Add(-time.Duration(newer) * m.period) }

// rateHz returns the measured rate; 0 before there is one.
func (m *meter) rateHz() float64 {
	if !m.began || m.count == m.old.count {
		return 0
	}
	span := m.newest.Sub(m.old.at).Seconds()
	if span < 0.5 {
		return 0
	}
	return float64(m.count-m.old.count) / span
}
