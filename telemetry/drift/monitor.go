package drift

// Level says how bad a drift is.
type Level uint8

// The levels. An alarm needs three windows in a row.
const (
	Quiet Level = iota
	Warn
	Alarm
)

const (
	minWindow = 500 // decisions
	inARow    = 3
	warnPSI   = 0.1 // rules of thumb of credit scoring, as are the limits of an alarm
	alarmPSI  = 0.25
	falseRate = 0.001
)

// Finding is a feature that differs from its reference.
type Finding struct {
	Feature Feature
	Level   Level
	PSI, JS float64
	Floor   float64 // PSI that noise reaches once in a thousand windows
}

// Monitor judges window after window against one reference.
type Monitor struct {
	reference *Profile
	streak    [features]int
}

// NewMonitor returns a monitor. The reference is not copied.
func NewMonitor(reference *Profile) *Monitor { return &Monitor{reference: reference} }

// Judge returns what differs in a window: nothing for windows of fewer than
// 500 decisions, which leave streaks as they are.
func (m *Monitor) Judge(window *Profile) []Finding {
	if window.N() < minWindow {
		return nil
	}
	var found []Finding
	for f := range Feature(features) {
		if f == Latency {
			continue
		}
		p, q := window.Counts(f), m.reference.Counts(f)
		_, _, b := used(p, q)
		one := Finding{Feature: f, PSI: PSI(p, q), JS: JS(p, q), Floor: NoiseFloor(falseRate, int(b), total(p), total(q))}
		if one.PSI > max(alarmPSI, one.Floor) {
			m.streak[f]++
		} else {
			m.streak[f] = 0
		}
		switch {
		case m.streak[f] >= inARow:
			one.Level = Alarm
		case one.PSI > max(warnPSI, one.Floor):
			one.Level = Warn
		default:
			continue
		}
		found = append(found, one)
	}
	return found
}
