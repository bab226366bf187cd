package replay

import (
	"bufio"
	"fmt"
	"os"

	"github.com/dunlin-edge/dunlin/hal"
)

// OpenWAV plays a WAVE file, or the *.wav files of a folder, as a sensor.
func OpenWAV(cfg Config) (hal.Sensor, error) {
	p, err := newPlayer(cfg, hal.KindAudio, openWAV, ".wav")
	if err != nil {
		return nil, fmt.Errorf("replay wav: %w", err)
	}
	return p, nil
}

func openWAV(path string, _ *Config) (*recording, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	w, err := newWAV(bufio.NewReaderSize(f, 1<<16), size)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &recording{clip: w, rateHz: float64(w.format.rateHz), channels: w.format.channels, file: f}, nil
}

// OpenCSV plays a CSV file, or the *.csv files of a folder, as a sensor: one
// row per frame, one column per channel, separated by commas, semicolons or
// tabs. A first row that is not numbers names the columns.
//
// A time column is one named time, timestamp or t, with a unit after an
// underscore if it is not seconds (time_ms), or the Config's. Times are
// numbers or RFC 3339. From them come the rate and the gaps: an interval above
// one and a half periods is lost samples. Without times, Config.RateHz is the
// rate. A row with another number of columns, a value that is not a finite
// number, or a time that goes back is an error with its line number.
func OpenCSV(cfg Config) (hal.Sensor, error) {
	p, err := newPlayer(cfg, hal.KindSamples, openCSV, ".csv")
	if err != nil {
		return nil, fmt.Errorf("replay csv: %w", err)
	}
	return p, nil
}

func openCSV(path string, cfg *Config) (*recording, error) {
	f, _, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseCSV(f, cfg)
}

// openFile opens a regular file and returns its size.
func openFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("not a regular file (%s)", st.Mode().Type())
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}
