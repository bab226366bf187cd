// Package replay plays recordings as if they were sensors: WAV and CSV files
// and folders of images, at the pace they were made or as fast as they are
// read.
//
// Start with [OpenWAV], [OpenCSV] and [OpenImages]; [DecodeWAV] reads one clip
// into memory. All of them take a file or a folder (its files in the order of
// their paths, folders within included).
//
// A file that cannot be read gives one error that names it; reading on goes to
// the next. Gaps in a CSV's times are reported as lost samples, never filled.
package replay

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/hal"
)

// Limits of what is read.
const (
	MaxChannels  = 64
	MaxRateHz    = 1e6
	MaxFiles     = 100_000  // in a folder
	MaxCSVValues = 16 << 20 // in one file; it is held in memory
	MaxClip      = 64 << 20 // values DecodeWAV returns
)

// Config chooses a recording and how it is played.
type Config struct {
	Path string // a file, or a folder of them
	// RateHz is the rate of the stream: recordings of another rate are
	// resampled. 0 keeps the first recording's. A CSV without times needs it.
	// For images it is the pace in images per second, 0 meaning one.
	RateHz   float64
	Kind     string // of stream; empty is audio for WAV, samples for CSV
	Unit     string // of the values
	Channels []int  // channels to keep, from 0; nil keeps all
	Mono     bool   // mix the channels kept down to their mean
	Realtime bool   // no faster than recorded
	Loop     bool   // begin again at the end
	Clock    hal.Clock

	TimeColumn string // CSV: name of the time column; empty finds it
	TimeUnit   string // CSV: "s", "ms" or "us"; empty goes by the column's name
}

func (c *Config) validate() error {
	if !(c.RateHz >= 0 && c.RateHz <= MaxRateHz) {
		return fmt.Errorf("rate: %v Hz, want 0 to %v", c.RateHz, float64(MaxRateHz))
	}
	for _, ch := range c.Channels {
		if ch < 0 || ch >= MaxChannels {
			return fmt.Errorf("channel %d: want 0 to %d", ch, MaxChannels-1)
		}
	}
	switch c.TimeUnit {
	case "", "s", "ms", "us":
		return nil
	}
	return fmt.Errorf("time unit %q: want s, ms or us", c.TimeUnit)
}
