package telemetry

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Clock tells the time. Both methods may be called concurrently.
type Clock interface {
	// Mono returns the time since boot; it never falls.
	Mono() time.Duration
	// Wall returns the wall time, and whether it came from a time source.
	Wall() (now time.Time, synced bool)
}

// Config configures a Log.
type Config struct {
	Path     string             // of the store; its folder exists
	Identity string             // of the device: a store with another one is set aside
	Boot     [16]byte           // id of this boot
	Clock    Clock              // required
	MaxBytes int64              // cap of the file; 0: 64 MiB, at least 1 MiB
	MaxAge   time.Duration      // a record waits at most so long in RAM; 0: 60 s
	Logger   *slog.Logger       // nil: silent
	Check    func(string) error // checks the store at a path before it is opened: CheckIn, or Check where a crash is no harm
}

func (cfg *Config) validate() error {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 64 << 20
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = time.Minute
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.Path == "":
		return errors.New("no path for telemetry")
	case cfg.Clock == nil:
		return errors.New("no clock for telemetry")
	case cfg.Check == nil:
		return errors.New("no check for telemetry")
	case cfg.MaxBytes < minBytes || cfg.MaxBytes > 1<<30:
		return fmt.Errorf("%d bytes for telemetry, want %d to %d", cfg.MaxBytes, minBytes, 1<<30)
	case cfg.MaxAge < time.Second:
		return fmt.Errorf("%v between commits, at least 1 s", cfg.MaxAge)
	}
	return nil
}
