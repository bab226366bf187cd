package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
)

// A Reading is what a source delivered for a while.
type Reading struct {
	Source    string    `json:"source"`
	Driver    string    `json:"driver"`
	Kind      string    `json:"kind"` // audio, vibration, samples or image
	Simulated bool      `json:"simulated"`
	Frames    uint64    `json:"frames"` // samples a channel, or images
	Lost      uint64    `json:"lost"`
	WantHz    float64   `json:"want_hz,omitempty"`
	GotHz     float64   `json:"got_hz"`            // from the first block to the last
	JitterMS  float64   `json:"jitter_ms"`         // 95th percentile of how far blocks come from their even pace
	ChipHz    float64   `json:"chip_hz,omitempty"` // of a sensor with a clock of its own
	Width     int       `json:"width,omitempty"`
	Height    int       `json:"height,omitempty"`
	Channels  []Channel `json:"channels,omitempty"`
	Ended     bool      `json:"ended,omitempty"` // the recording was over
}

// A Channel is the range of one channel's values, in the source's unit.
type Channel struct {
	Name string  `json:"name"`
	Unit string  `json:"unit,omitempty"`
	Min  float32 `json:"min"`
	Mean float64 `json:"mean"`
	Max  float32 `json:"max"`
	RMS  float64 `json:"rms"` // without the mean
}

// Probe reads one source of a configuration for a while, with nothing behind
// it, and tells what came.
func Probe(ctx context.Context, cfg config.Source, length time.Duration) (*Reading, error) {
	in, err := openInput(cfg)
	if err != nil {
		return nil, err
	}
	defer in.halt()
	p := prober{r: Reading{Source: cfg.Name, Driver: cfg.Driver, Simulated: in.simulated()}, length: length}
	if err := p.run(ctx, in); err != nil {
		return nil, fmt.Errorf("source %s: %w", cfg.Name, err)
	}
	p.finish()
	return &p.r, nil
}

// Watch reads one source until ctx or the recording ends, and shows what came of
// each interval. Readings are valid until show returns.
func Watch(ctx context.Context, cfg config.Source, every time.Duration, show func(*Reading)) error {
	in, err := openInput(cfg)
	if err != nil {
		return err
	}
	defer in.halt()
	p := prober{r: Reading{Source: cfg.Name, Driver: cfg.Driver, Simulated: in.simulated()}, length: every, show: show}
	if err := p.run(ctx, in); err != nil {
		return fmt.Errorf("source %s: %w", cfg.Name, err)
	}
	return nil
}

// run reads to the end of the time, of ctx or of the recording.
func (p *prober) run(ctx context.Context, in *input) (err error) {
	if in.camera != nil {
		err = p.images(ctx, in.camera)
	} else {
		err = p.samples(ctx, in.sensor)
	}
	if errors.Is(err, io.EOF) {
		p.r.Ended, err = true, nil
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// prober collects what comes.
type prober struct {
	r      Reading
	length time.Duration
	show   func(*Reading) // where it goes on after length; nil ends it
	first  time.Time      // when the first block had come
	blocks []arrival
	sums   []sums    // of the channels
	paced  hal.Paced // nil unless the sensor has a clock of its own
}

// sums are what mean and spread of a channel are computed of.
type sums struct{ n, sum, squares float64 }

type arrival struct {
	at     time.Duration // since first
	frames uint64        // up to then, lost ones included
}

// more notes a block; false ends the reading.
func (p *prober) more(frames, lost uint64) bool {
	now := time.Now()
	if p.first.IsZero() {
		p.first = now
	}
	p.r.Frames += frames
	p.r.Lost += lost
	if len(p.blocks) < 1<<20 {
		p.blocks = append(p.blocks, arrival{now.Sub(p.first), p.r.Frames + p.r.Lost})
	}
	if now.Sub(p.first) < p.length {
		return true
	}
	if p.show == nil {
		return false
	}
	p.finish()
	p.show(&p.r)
	p.begin(now)
	return true
}

// begin starts an interval at the block that ended the one before.
func (p *prober) begin(now time.Time) {
	p.r.Frames, p.r.Lost = 0, 0
	p.first, p.blocks = now, append(p.blocks[:0], arrival{})
	clear(p.sums)
	for i := range p.r.Channels {
		p.r.Channels[i].Min, p.r.Channels[i].Max = math.MaxFloat32, -math.MaxFloat32
	}
}

// finish computes what an interval was.
func (p *prober) finish() {
	for i, s := range p.sums {
		c := &p.r.Channels[i]
		if s.n == 0 {
			c.Min, c.Max = 0, 0
			continue
		}
		c.Mean = s.sum / s.n
		c.RMS = math.Sqrt(max(0, s.squares/s.n-c.Mean*c.Mean))
	}
	if p.paced != nil {
		p.r.ChipHz = p.paced.Pace().RateHz
	}
	p.rates()
}

func (p *prober) images(ctx context.Context, c hal.Camera) error {
	p.r.Kind, p.r.WantHz = "image", c.Info().RateHz
	var f hal.Frame
	last := uint64(0)
	for {
		err := c.Capture(ctx, &f)
		if errors.Is(err, hal.ErrNoData) {
			continue
		}
		if err != nil {
			return err
		}
		lost := uint64(0)
		if p.r.Frames > 0 && f.Seq > last+1 {
			lost = f.Seq - last - 1
		}
		last = f.Seq
		p.r.Width, p.r.Height = f.Width, f.Height
		if !p.more(1, lost) {
			return nil
		}
	}
}

func (p *prober) samples(ctx context.Context, s hal.Sensor) error {
	info := s.Info()
	p.r.Kind, p.r.WantHz = info.Kind, info.RateHz
	p.sums = make([]sums, info.Channels)
	p.paced, _ = s.(hal.Paced)
	for i := range info.Channels {
		c := Channel{Name: fmt.Sprint(i), Unit: info.Unit, Min: math.MaxFloat32, Max: -math.MaxFloat32}
		if i < len(info.Names) {
			c.Name = info.Names[i]
		}
		p.r.Channels = append(p.r.Channels, c)
	}
	buf := make([]float32, max(minBlockFrames, int(info.RateHz/blocksPerSecond))*info.Channels)
	for {
		b, err := s.Read(ctx, buf)
		if errors.Is(err, hal.ErrNoData) {
			continue
		}
		if err != nil {
			return err
		}
		for i, v := range buf[:b.Frames*info.Channels] {
			k := i % info.Channels
			c, s := &p.r.Channels[k], &p.sums[k]
			c.Min, c.Max = min(c.Min, v), max(c.Max, v)
			s.n, s.sum, s.squares = s.n+1, s.sum+float64(v), s.squares+float64(v)*float64(v)
		}
		if !p.more(uint64(b.Frames), b.Lost) {
			return nil
		}
	}
}

// rates computes pace and jitter: each block against the straight line from
// the first to the last.
func (p *prober) rates() {
	if len(p.blocks) < 2 {
		return
	}
	a, z := p.blocks[0], p.blocks[len(p.blocks)-1]
	seconds := (z.at - a.at).Seconds()
	if seconds <= 0 || z.frames == a.frames {
		return
	}
	p.r.GotHz = float64(z.frames-a.frames) / seconds
	var off []float64
	for _, b := range p.blocks {
		even := float64(b.frames-a.frames) / p.r.GotHz
		off = append(off, math.Abs((b.at-a.at).Seconds()-even)*1000)
	}
	slices.Sort(off)
	p.r.JitterMS = off[len(off)*95/100]
}
