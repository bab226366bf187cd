package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// block describes frames that a clip decoded: lost frames are missing before
// the first of them.
type block struct {
	frames int
	lost   uint64
}

// clip gives the frames of one file, io.EOF at its end. A block never spans a
// gap.
type clip interface {
	next(buf []float32) (block, error)
}

// recording is an open file.
type recording struct {
	clip
	rateHz   float64
	channels int
	names    []string
	start    time.Time // of the first frame, zero if not recorded
	file     io.Closer // nil where everything is in memory
}

// player is the sensor that plays recordings one after the other.
type player struct {
	cfg   Config
	open  func(path string, cfg *Config) (*recording, error)
	items []string
	info  hal.StreamInfo
	pacer *hal.Pacer

	at        int // the next item
	rec       *recording
	rs        *resampler
	raw       []float32 // decoded, all channels
	picked    []float32 // channels kept, of held
	held      block     // frames in picked that wait behind a gap
	fresh     bool      // nothing of this item is delivered yet
	lost      uint64    // before the next frame, at the stream's rate
	delivered int64     // frames of this item, lost ones included
}

// newPlayer lists the recordings and opens the first, which settles rate and
// channels.
func newPlayer(cfg Config, kind string, open func(string, *Config) (*recording, error), extensions ...string) (*player, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	items, err := list(cfg.Path, extensions...)
	if err != nil {
		return nil, err
	}
	if cfg.Kind == "" {
		cfg.Kind = kind
	}
	p := &player{cfg: cfg, open: open, items: items}
	if err := p.nextItem(); err != nil {
		return nil, err
	}
	p.pacer = hal.NewPacer(cfg.Clock, p.info.RateHz, cfg.Realtime)
	return p, nil
}

// Info describes the stream.
func (p *player) Info() hal.StreamInfo { return p.info }

// Halt stops the player.
func (p *player) Halt() error {
	p.pacer.Halt()
	return nil
}

// Read delivers frames of the recordings in order.
func (p *player) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	room := p.pacer.Chunk(len(buf)/p.info.Channels) * p.info.Channels
	if room == 0 {
		return hal.Block{}, fmt.Errorf("read: buffer of %d values is shorter than a frame of %d", len(buf), p.info.Channels)
	}
	for {
		if err := p.pacer.Err(ctx); err != nil {
			return hal.Block{}, p.stopped(err)
		}
		if p.rec == nil {
			if err := p.nextItem(); err != nil {
				return hal.Block{}, err
			}
		}
		if n := p.rs.pull(buf[:room]); n > 0 {
			return p.deliver(ctx, n)
		}
		if err := p.feed(); err != nil {
			err = fmt.Errorf("%s: %w", p.items[p.at-1], err)
			p.close()
			return hal.Block{}, err
		}
	}
}

// deliver describes n frames and waits until they are due.
func (p *player) deliver(ctx context.Context, n int) (hal.Block, error) {
	p.pacer.Skip(p.lost)
	p.delivered += int64(p.lost)
	b := hal.Block{Frames: n, Lost: p.lost, Item: p.name(), NewItem: p.fresh}
	at, err := p.pacer.Advance(ctx, n)
	if err != nil {
		return hal.Block{}, p.stopped(err)
	}
	b.Time = at
	if !p.cfg.Realtime && !p.rec.start.IsZero() {
		b.Time = p.rec.start.Add(time.Duration(float64(p.delivered) / p.info.RateHz * float64(time.Second)))
	}
	p.delivered += int64(n)
	p.fresh, p.lost = false, 0
	return b, nil
}

// name is the item's path below the folder played.
func (p *player) name() string { return itemName(p.cfg.Path, p.items[p.at-1]) }

func itemName(root, path string) string {
	if rel, err := filepath.Rel(root, path); err == nil && rel != "." {
		return rel
	}
	return filepath.Base(path)
}

// feed moves the recording on: more input, over a gap, or to its end.
func (p *player) feed() error {
	if p.rs.finished() {
		if p.held.frames == 0 {
			p.close()
			return nil
		}
		p.rs.reset()
		p.lost = uint64(math.Round(float64(p.held.lost) * p.info.RateHz / p.rec.rateHz))
		p.rs.push(p.picked)
		p.held = block{}
		return nil
	}
	b, err := p.rec.next(p.raw)
	if err == io.EOF {
		p.rs.finish()
		return nil
	}
	if err != nil {
		return err
	}
	p.pick(b.frames)
	if b.lost == 0 {
		p.rs.push(p.picked)
		return nil
	}
	p.held = b
	p.rs.finish()
	return nil
}

// pick keeps the channels wanted of the frames in raw.
func (p *player) pick(frames int) {
	p.picked = p.picked[:0]
	all := p.rec.channels
	for i := range frames {
		frame := p.raw[i*all:][:all]
		if p.cfg.Mono {
			p.picked = append(p.picked, mean(frame, p.cfg.Channels))
			continue
		}
		if p.cfg.Channels == nil {
			p.picked = append(p.picked, frame...)
			continue
		}
		for _, c := range p.cfg.Channels {
			p.picked = append(p.picked, frame[c])
		}
	}
}

// mean averages the chosen values of a frame, all for nil.
func mean(frame []float32, chosen []int) float32 {
	sum := 0.0
	if chosen == nil {
		for _, v := range frame {
			sum += float64(v)
		}
		return float32(sum / float64(len(frame)))
	}
	for _, c := range chosen {
		sum += float64(frame[c])
	}
	return float32(sum / float64(len(chosen)))
}

// nextItem opens the next recording.
func (p *player) nextItem() error {
	if p.at == len(p.items) {
		if !p.cfg.Loop {
			return io.EOF
		}
		p.at = 0
	}
	path := p.items[p.at]
	p.at++
	rec, err := p.open(path, &p.cfg)
	if err != nil {
		return fmt.Errorf("%s: %w", path, trimPath(err))
	}
	p.rec = rec
	if err := p.begin(); err != nil {
		p.close()
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// trimPath takes out the path that os puts into its errors; the item is named
// anyway.
func trimPath(err error) error {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err
	}
	return err
}

// begin fits the stream to the first recording, and later ones to the stream.
func (p *player) begin() error {
	kept := p.rec.channels
	for _, c := range p.cfg.Channels {
		if c >= p.rec.channels {
			return fmt.Errorf("channel %d: the recording has %d, counted from 0", c, p.rec.channels)
		}
	}
	if p.cfg.Channels != nil {
		kept = len(p.cfg.Channels)
	}
	if p.cfg.Mono {
		kept = 1
	}
	if p.info.Channels == 0 {
		p.describe(kept)
	}
	if kept != p.info.Channels {
		return fmt.Errorf("%d channels, the recordings before have %d", kept, p.info.Channels)
	}
	rs, err := newResampler(p.rec.rateHz, p.info.RateHz, kept)
	if err != nil {
		return err
	}
	p.rs, p.fresh, p.lost, p.delivered, p.held = rs, true, 0, 0, block{}
	if need := wavFrames * p.rec.channels; len(p.raw) != need {
		p.raw = make([]float32, need)
	}
	return nil
}

func (p *player) describe(kept int) {
	p.info = hal.StreamInfo{Kind: p.cfg.Kind, Channels: kept, RateHz: p.cfg.RateHz, Unit: p.cfg.Unit}
	if p.info.RateHz == 0 {
		p.info.RateHz = p.rec.rateHz
	}
	if p.cfg.Mono || p.rec.names == nil {
		return
	}
	p.info.Names = p.rec.names
	if p.cfg.Channels != nil {
		p.info.Names = nil
		for _, c := range p.cfg.Channels {
			p.info.Names = append(p.info.Names, p.rec.names[c])
		}
	}
}

// stopped lets go of the file once the player is halted.
func (p *player) stopped(err error) error {
	if errors.Is(err, hal.ErrHalted) {
		p.close()
	}
	return err
}

// close ends the current recording.
func (p *player) close() {
	if p.rec != nil && p.rec.file != nil {
		p.rec.file.Close()
	}
	p.rec = nil
}
