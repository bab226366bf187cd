package ship

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/telemetry"
)

// Link is what a connection costs.
type Link uint8

// The kinds of link.
const (
	Unmetered Link = iota
	Metered

	links = int(Metered) + 1
)

// String returns the word for the link.
func (l Link) String() string { return [links]string{"unmetered", "metered"}[l] }

// Budget bounds the bytes sent over a kind of link; 0 is no bound. Events may
// use all of it; results, health and captures stop at 90, 70 and 50 % of
// either.
type Budget struct {
	Hour  int64 // in any hour by the device's clock since boot
	Month int64 // in a calendar month (UTC); without a true clock the last known goes on
}

// shares are the percents of a budget that a kind may fill.
var shares = [...]int64{
	telemetry.KindEvent: 100, telemetry.KindResult: 90, telemetry.KindHealth: 70, telemetry.KindCapture: 50, telemetry.KindGap: 100,
}

const (
	overhead = 64 // bytes a message: MQTT, TLS and TCP around it
	slots    = 13 // of five minutes: an hour and the one that runs
)

// Meter counts the bytes that leave over each kind of link, by purpose, and
// says when a budget is used up. Bytes of the month live in a small file,
// rounded up before they are spent: a power cut never lends any. Its methods
// may be called concurrently.
type Meter struct {
	path    string
	clock   telemetry.Clock
	budgets [links]Budget

	mu       sync.Mutex
	month    string
	used     [links]int64 // of the month
	saved    [links]int64 // of the month, on disk; not below used
	hours    [links][slots]int64
	slot     int64 // five minutes since boot
	purposes map[string]int64
	err      error // of the last save
}

// state is the file.
type state struct {
	Month string       `json:"month"` // 2006-01
	Used  [links]int64 `json:"used"`  // by Link
}

// NewMeter reads what was spent from the file at path. A file that cannot be
// read or parsed counts as nothing spent; the error tells, and the meter works.
func NewMeter(path string, clock telemetry.Clock, unmetered, metered Budget) (*Meter, error) {
	m := &Meter{path: path, clock: clock, budgets: [links]Budget{unmetered, metered}, purposes: map[string]int64{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	var s state
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return m, fmt.Errorf("read spent bytes: %w", err)
	}
	m.month = s.Month
	for i, n := range s.Used {
		m.used[i] = max(n, 0)
	}
	m.saved = m.used
	return m, nil
}

// Spend counts bytes that left for a purpose other than telemetry, such as an
// update or an answer. They fill the budget but are never held back.
func (m *Meter) Spend(l Link, purpose string, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn()
	m.spend(l, purpose, bytes)
}

// admit counts a chunk if it stays within its kind's share.
func (m *Meter) admit(l Link, kind telemetry.Kind, bytes int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn()
	if !m.within(l, kind, int64(bytes)+overhead) {
		return false
	}
	m.spend(l, kind.String(), int64(bytes)+overhead)
	return true
}

// lowest returns the lowest kind that the budget still lets through; any is
// false when it lets none.
func (m *Meter) lowest(l Link) (lowest telemetry.Kind, any bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn()
	const typical = 4<<10 + overhead
	for kind := telemetry.KindEvent; kind <= telemetry.KindCapture && m.within(l, kind, typical); kind++ {
		lowest, any = kind, true
	}
	return lowest, any
}

func (m *Meter) within(l Link, kind telemetry.Kind, bytes int64) bool {
	b := m.budgets[l]
	var hour int64
	for _, n := range m.hours[l] {
		hour += n
	}
	fits := func(used, budget int64) bool { return budget == 0 || used+bytes <= budget/100*shares[kind] }
	return fits(hour, b.Hour) && fits(m.used[l], b.Month)
}

func (m *Meter) spend(l Link, purpose string, bytes int64) {
	m.purposes[purpose] += bytes
	m.hours[l][m.slot%slots] += bytes
	m.used[l] += bytes
	if b := m.budgets[l].Month; b > 0 && m.used[l] > m.saved[l] {
		m.saved[l] = m.used[l] + max(b/64, 16<<10)
		m.err = m.save()
	}
}

// turn moves to the current five minutes and month.
func (m *Meter) turn() {
	now := int64(m.clock.Mono() / (5 * time.Minute))
	for s := max(m.slot+1, now-slots+1); s <= now; s++ {
		for l := range m.hours {
			m.hours[l][s%slots] = 0
		}
	}
	m.slot = now
	wall, synced := m.clock.Wall()
	month := wall.UTC().Format("2006-01")
	if !synced || month <= m.month {
		return
	}
	if m.month != "" { // else what was sent before the clock was true counts for this month
		m.used, m.saved = [links]int64{}, [links]int64{}
	}
	m.month = month
}

func (m *Meter) save() error {
	data, err := json.Marshal(state{m.month, m.saved})
	if err != nil {
		return err
	}
	next := m.path + ".next"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, m.path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(m.path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Spent returns the bytes since start by purpose, those of the month by link,
// and the error of the last write of the file.
func (m *Meter) Spent() (purposes map[string]int64, month map[Link]int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn()
	purposes, month = map[string]int64{}, map[Link]int64{}
	for p, n := range m.purposes {
		purposes[p] = n
	}
	for l, n := range m.used {
		month[Link(l)] = n
	}
	return purposes, month, m.err
}
