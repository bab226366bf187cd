// Package audio reads microphones through the recorder of the system's sound
// stack: arecord for ALSA, parec for PulseAudio and PipeWire.
//
// Start with [Open]. The recorders know every card, rate conversion and
// permission that a driver of our own would have to learn again.
package audio

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/proc"
)

// Config says what to record.
type Config struct {
	Program  string // "arecord" or "parec"
	Device   string // "plughw:1,0" or a Pulse source; "" is the default one
	RateHz   int
	Channels int
}

// stallAfter is how long a recorder may be silent. It delivers ten times a
// second or more.
const stallAfter = time.Second

// A Microphone is a sensor of sound. The recorder starts with the first Read,
// and again after an error.
type Microphone struct {
	cfg  Config
	args []string
	raw  []byte
	lost atomic.Uint64 // frames, since the last block

	mu     sync.Mutex
	run    *proc.Reader // nil while none runs
	halted bool
}

// Open returns a microphone; nothing is touched yet.
func Open(cfg Config) (*Microphone, error) {
	if cfg.RateHz < 1000 || cfg.RateHz > 384000 || cfg.Channels < 1 || cfg.Channels > 64 {
		return nil, fmt.Errorf("microphone: %d Hz and %d channels: want 1000 to 384000 Hz and 1 to 64 channels", cfg.RateHz, cfg.Channels)
	}
	m := &Microphone{cfg: cfg}
	rate, channels := strconv.Itoa(cfg.RateHz), strconv.Itoa(cfg.Channels)
	switch cfg.Program {
	case "arecord":
		m.args = []string{"arecord", "-q", "-t", "raw", "-f", "S16_LE", "-r", rate, "-c", channels, "--buffer-time=200000"}
		if cfg.Device != "" {
			m.args = append(m.args, "-D", cfg.Device)
		}
	case "parec":
		m.args = []string{"parec", "--raw", "--format=s16le", "--rate=" + rate, "--channels=" + channels, "--latency-msec=20"}
		if cfg.Device != "" {
			m.args = append(m.args, "--device="+cfg.Device)
		}
	default:
		return nil, fmt.Errorf("microphone: recorder %.40q: want arecord or parec", cfg.Program)
	}
	return m, nil
}

// Info implements hal.Sensor.
func (m *Microphone) Info() hal.StreamInfo {
	return hal.StreamInfo{Kind: hal.KindAudio, Channels: m.cfg.Channels, RateHz: float64(m.cfg.RateHz)}
}

// Read implements hal.Sensor. A block's time is that of its arrival less its
// length: the recorder's own latency, 20 ms to 200 ms, is not known.
func (m *Microphone) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	run, err := m.running()
	if err != nil {
		return hal.Block{}, err
	}
	run.Follow(ctx)
	frames := len(buf) / m.cfg.Channels
	n := frames * m.cfg.Channels
	if len(m.raw) < 2*n {
		m.raw = make([]byte, 2*n)
	}
	if err := run.ReadFull(m.raw[:2*n]); err != nil {
		m.forget()
		return hal.Block{}, err
	}
	for i := range n {
		buf[i] = float32(int16(binary.LittleEndian.Uint16(m.raw[2*i:]))) / 32768
	}
	at := time.Now().Add(-time.Duration(float64(frames) / float64(m.cfg.RateHz) * float64(time.Second)))
	return hal.Block{Frames: frames, Time: at, Lost: m.lost.Swap(0)}, nil
}

var overrun = regexp.MustCompile(`overrun!!! \(at least ([0-9.]{1,12}) ms long\)`)

// overrun counts what arecord says that it lost.
func (m *Microphone) overrun(line string) {
	if found := overrun.FindStringSubmatch(line); found != nil {
		if ms, err := strconv.ParseFloat(found[1], 64); err == nil && ms > 0 {
			m.lost.Add(uint64(math.Ceil(ms / 1000 * float64(m.cfg.RateHz))))
		}
	}
}

func (m *Microphone) running() (*proc.Reader, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.halted {
		return nil, hal.ErrHalted
	}
	if m.run == nil {
		var err error
		if m.run, err = proc.Start(m.args, stallAfter, m.overrun); err != nil {
			return nil, errors.Join(err, hintOf(m.cfg.Program))
		}
	}
	return m.run, nil
}

// hintOf names the package of a recorder.
func hintOf(program string) error {
	if program == "arecord" {
		return errors.New("apt install alsa-utils")
	}
	return errors.New("apt install pulseaudio-utils")
}

func (m *Microphone) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run != nil {
		m.run.Close()
		m.run = nil
	}
}

// Halt implements hal.Sensor.
func (m *Microphone) Halt() error {
	m.mu.Lock()
	m.halted = true
	run := m.run
	m.mu.Unlock()
	if run != nil {
		run.Close()
	}
	return nil
}
