package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/replay"
)

// maxImages bounds a folder of images, as replay does.
const maxImages = replay.MaxFiles

// A Recording is what was written of a source.
type Recording struct {
	Source string `json:"source"`
	Path   string `json:"path"`
	Frames uint64 `json:"frames"` // samples a channel, or images
	Lost   uint64 `json:"lost"`
	Replay string `json:"agent_yaml"`     // the source that plays it
	Full   bool   `json:"full,omitempty"` // it ended early: a recording holds no more
}

// RecordedAs is the file or folder that a source is recorded to where none is
// named: it depends on the kind of stream.
func RecordedAs(cfg config.Source, dir string) (string, error) {
	in, err := openInput(cfg)
	if err != nil {
		return "", err
	}
	defer in.halt()
	switch {
	case in.camera != nil:
		return filepath.Join(dir, cfg.Name), nil
	case in.sensor.Info().Kind == hal.KindAudio:
		return filepath.Join(dir, cfg.Name+".wav"), nil
	}
	return filepath.Join(dir, cfg.Name+".csv"), nil
}

// openInput opens a source of a configuration.
func openInput(cfg config.Source) (*input, error) {
	open, ok := cfg.Settings.(opener)
	if !ok {
		return nil, fmt.Errorf("source %s: driver %s has no opener", cfg.Name, cfg.Driver)
	}
	in, err := open()
	if err != nil {
		return nil, setup(cfg.At, fmt.Errorf("source %s: %w", cfg.Name, err), checkSource)
	}
	return in, nil
}

// Record writes a source to a new file, or a camera to a new folder, for some
// time or until ctx or the recording ends. What is there is never overwritten.
// Played again it gives the same samples, to the bit, at the same places.
func Record(ctx context.Context, cfg config.Source, path string, length time.Duration) (*Recording, error) {
	in, err := openInput(cfg)
	if err != nil {
		return nil, err
	}
	defer in.halt()
	limited, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	r := &Recording{Source: cfg.Name, Path: path}
	if in.camera != nil {
		err = r.images(limited, in.camera)
	} else {
		err = r.samples(limited, in.sensor)
	}
	if errors.Is(err, replay.ErrFull) {
		r.Full, err = true, nil
	}
	if errors.Is(err, io.EOF) || err != nil && limited.Err() != nil {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", cfg.Name, err)
	}
	if r.Frames == 0 {
		return nil, fmt.Errorf("record %s: nothing came in %s", cfg.Name, length)
	}
	return r, nil
}

// sampleWriter is a CSV or a WAV file.
type sampleWriter interface {
	Write(hal.Block, []float32) error
	Flush() error
}

func (r *Recording) samples(ctx context.Context, s hal.Sensor) (err error) {
	info := s.Info()
	f, err := os.OpenFile(r.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var w sampleWriter = replay.NewCSVWriter(f, info)
	r.Replay = fmt.Sprintf("{driver: replay.csv, path: %s, kind: %s", r.Path, info.Kind)
	if info.Unit != "" {
		r.Replay += ", unit: " + info.Unit
	}
	if info.Kind == hal.KindAudio {
		w, r.Replay = replay.NewWAVWriter(f, info), "{driver: replay.wav, path: "+r.Path
	}
	r.Replay += "}"
	buf := make([]float32, max(minBlockFrames, int(info.RateHz/blocksPerSecond))*info.Channels)
	for err == nil {
		var b hal.Block
		b, err = s.Read(ctx, buf)
		if errors.Is(err, hal.ErrNoData) {
			err = nil
			continue
		}
		if err == nil {
			err = w.Write(b, buf[:b.Frames*info.Channels])
		}
		if err == nil {
			r.Frames, r.Lost = r.Frames+uint64(b.Frames), r.Lost+b.Lost
		}
	}
	if flush := w.Flush(); flush != nil {
		return fmt.Errorf("write %s: %w", r.Path, flush)
	}
	return err
}

func (r *Recording) images(ctx context.Context, c hal.Camera) error {
	if err := os.Mkdir(r.Path, 0o755); err != nil {
		return err
	}
	r.Replay = fmt.Sprintf("{driver: replay.images, path: %s, rate: %g}", r.Path, max(c.Info().RateHz, 1))
	var f hal.Frame
	last := uint64(0)
	for r.Frames < maxImages {
		err := c.Capture(ctx, &f)
		if errors.Is(err, hal.ErrNoData) {
			continue
		}
		if err != nil {
			return err
		}
		if r.Frames > 0 && f.Seq > last+1 {
			r.Lost += f.Seq - last - 1
		}
		last = f.Seq
		if err := writeImage(filepath.Join(r.Path, fmt.Sprintf("%06d.png", r.Frames)), &f); err != nil {
			return err
		}
		r.Frames++
	}
	return replay.ErrFull
}

func writeImage(path string, f *hal.Frame) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return replay.WritePNG(file, f)
}
