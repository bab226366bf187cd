package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/replay"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/inference/vision"
)

// maxImageFile bounds an image file in bytes.
const maxImageFile = 64 << 20

// Span is a decision that held for a while, in seconds from the clip's start.
type Span struct {
	Label  string  `json:"label"`
	Score  float32 `json:"score"`   // the highest while it held
	AtS    float64 `json:"at_s"`    // when it fell: the end of the window that tipped it
	StartS float64 `json:"start_s"` // of that window
	EndS   float64 `json:"end_s"`   // of the last window in which it held
}

// Ranked is one class of an Outcome.
type Ranked struct {
	Label string  `json:"label"`
	Score float32 `json:"score"`
}

// Outcome is what a classifier found in one file.
type Outcome struct {
	Label     string   `json:"label"` // of the strongest decision, otherwise of the highest mean score
	Score     float32  `json:"score"`
	Top       []Ranked `json:"top"`     // mean scores, best first, at most five
	Windows   int      `json:"windows"` // images and rows: one each
	DurationS float64  `json:"duration_s,omitempty"`
	Rows      []Ranked `json:"rows,omitempty"` // of a table: the best class of each row
	Spans     []Span   `json:"spans,omitempty"`
	Boxes     []Box    `json:"boxes,omitempty"` // objects in a picture, best first
	Notes     []string `json:"notes,omitempty"` // what was done to the data first
	LatencyUS int64    `json:"latency_us"`      // of all windows together
}

// Box is an object in a picture, its corners in parts of it.
type Box struct {
	Ranked
	X0 float32 `json:"x0"`
	Y0 float32 `json:"y0"`
	X1 float32 `json:"x1"`
	Y1 float32 `json:"y1"`
}

// An InputError is a file that cannot be classified, with what to do next.
type InputError struct {
	Err  error
	Todo string
}

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

// Hint says what to do next.
func (e *InputError) Hint() string { return e.Todo }

// Classifier runs a unit on files, each from fresh state. It serves one
// goroutine.
type Classifier struct {
	unit     *Unit
	pipe     *pipeline.Pipeline
	res      pipeline.Result
	resample bool
	// OnWindow, if set, sees every window's result, which it must not keep.
	OnWindow func(*pipeline.Result)
	// Samples and Image, if set, change in place what is classified before it
	// is: samples as they are read, or the decoded image.
	Samples func([]float32)
	Image   func(*vision.Image)
}

// NewClassifier makes a classifier. With resample, recordings of another rate
// are converted instead of refused.
func (u *Unit) NewClassifier(resample bool) (*Classifier, error) {
	p, err := u.newPipeline()
	if err != nil {
		return nil, err
	}
	return &Classifier{unit: u, pipe: p, resample: resample}, nil
}

// Detects tells whether the bundle finds boxes in pictures.
func (u *Unit) Detects() bool {
	return slices.ContainsFunc(u.spec.Postprocess, func(s pipeline.Stage) bool { return s.Op == "boxes" })
}

// Kind is what the bundle takes: audio, vibration, samples, image or tensor.
func (u *Unit) Kind() string { return u.source.Kind }

// Labels are the classes that the bundle knows.
func (u *Unit) Labels() []string { return slices.Clone(u.labels) }

// Extensions lists the endings of the files that a unit can classify.
func (u *Unit) Extensions() []string {
	switch u.source.Kind {
	case pipeline.KindImage:
		return []string{".png", ".jpg", ".jpeg", ".bmp", ".gif"}
	case pipeline.KindTensor:
		return []string{".csv"}
	}
	return []string{".wav", ".csv"}
}

// File classifies one file; its ending says what it is. What is wrong with
// the file itself comes as an *InputError.
func (c *Classifier) File(ctx context.Context, path string) (*Outcome, error) {
	ext := strings.ToLower(filepath.Ext(path))
	for _, known := range c.unit.Extensions() {
		if ext != known {
			continue
		}
		if c.unit.source.Kind == pipeline.KindImage {
			return c.imageFile(ctx, path)
		}
		return c.recording(ctx, path, ext)
	}
	return nil, &InputError{
		fmt.Errorf("%s: a bundle for %s does not take %q files", filepath.Base(path), c.unit.source.Kind, ext),
		"it takes " + strings.Join(c.unit.Extensions(), ", "),
	}
}

func (c *Classifier) imageFile(ctx context.Context, path string) (*Outcome, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxImageFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxImageFile {
		return nil, &InputError{fmt.Errorf("%s: more than %d bytes", filepath.Base(path), maxImageFile), "scale the image down first"}
	}
	out, err := c.Picture(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

// Picture classifies one encoded image.
func (c *Classifier) Picture(ctx context.Context, data []byte) (*Outcome, error) {
	img, err := vision.Decode(data)
	if err != nil {
		return nil, &InputError{err, "send a whole png, jpeg, bmp or gif"}
	}
	if c.Image != nil {
		c.Image(&img)
	}
	c.pipe.Reset()
	if err := c.pipe.Image(ctx, img, &c.res); err != nil {
		return nil, err
	}
	t := newTally(c.unit.labels, 0)
	c.note(t)
	out := t.outcome()
	for _, b := range c.res.Boxes {
		out.Boxes = append(out.Boxes, Box{Ranked{labelOf(c.unit.labels, b.Class), b.Score}, b.X0, b.Y0, b.X1, b.Y1})
	}
	return out, nil
}

// note takes the result of one window.
func (c *Classifier) note(t *tally) {
	t.add(&c.res)
	if c.OnWindow != nil {
		c.OnWindow(&c.res)
	}
}

// recording classifies a wav or csv file.
func (c *Classifier) recording(ctx context.Context, path, ext string) (*Outcome, error) {
	s, notes, err := c.open(path, ext)
	if err != nil {
		return nil, err
	}
	defer closeRecording(s)
	var out *Outcome
	if c.unit.source.Kind == pipeline.KindTensor {
		out, err = c.rows(ctx, s)
	} else {
		out, err = c.stream(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	out.Notes = append(notes, out.Notes...)
	return out, nil
}

// open opens a recording as the bundle wants it: a first look tells the rate
// and the channels it has, a second opening converts them.
func (c *Classifier) open(path, ext string) (hal.Sensor, []string, error) {
	open, todo := replay.OpenWAV, "give a whole PCM or float WAV file"
	if ext == ".csv" {
		open, todo = replay.OpenCSV, "give rows of numbers, all of one length"
	}
	want := c.unit.source
	cfg := replay.Config{Path: path, Kind: want.Kind, Unit: want.Unit}
	if want.Kind == pipeline.KindTensor {
		cfg.Kind, cfg.RateHz = hal.KindSamples, 1 // rows, not time
		s, err := open(cfg)
		return s, nil, asInput(err, todo)
	}
	s, err := open(cfg)
	if err != nil && ext == ".csv" { // without times it has no rate of its own
		cfg.RateHz = want.Rate
		s, err = open(cfg)
	}
	if err != nil {
		return nil, nil, asInput(err, todo)
	}
	notes, err := c.convert(&cfg, s.Info())
	if err == nil && notes == nil {
		return s, nil, nil
	}
	closeRecording(s)
	if err != nil {
		return nil, nil, err
	}
	s, err = open(cfg)
	return s, notes, asInput(err, todo)
}

// convert sets what must be done to a recording, and says so; nil is nothing.
func (c *Classifier) convert(cfg *replay.Config, have hal.StreamInfo) (notes []string, err error) {
	want, name := c.unit.source, filepath.Base(cfg.Path)
	if have.Channels != want.Channels {
		if want.Channels != 1 {
			return nil, &InputError{
				fmt.Errorf("%s: %d channels, the bundle wants %d", name, have.Channels, want.Channels),
				"record all the channels the bundle was made for",
			}
		}
		cfg.Mono = true
		notes = append(notes, fmt.Sprintf("mixed %d channels to one", have.Channels))
	}
	if have.RateHz != want.Rate {
		if !c.resample {
			return nil, &InputError{
				fmt.Errorf("%s: %g Hz, the bundle wants %g Hz", name, have.RateHz, want.Rate),
				"allow the conversion with --resample; results may differ a little from a recording at the right rate",
			}
		}
		cfg.RateHz = want.Rate
		notes = append(notes, fmt.Sprintf("resampled from %g Hz", have.RateHz))
	}
	return notes, nil
}

// asInput marks an error of a file's contents, but not of its absence.
func asInput(err error, todo string) error {
	if err == nil || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return err
	}
	return &InputError{err, todo}
}

// closeRecording halts a recording and lets it close its file.
func closeRecording(s hal.Sensor) {
	s.Halt()
	buf := make([]float32, s.Info().Channels)
	s.Read(context.Background(), buf)
}

// stream runs every complete window. A clip shorter than one window is
// followed by silence.
func (c *Classifier) stream(ctx context.Context, s hal.Sensor) (*Outcome, error) {
	rate := c.unit.source.Rate
	t := newTally(c.unit.labels, rate)
	c.pipe.Reset()
	info := s.Info()
	buf := make([]float32, max(minBlockFrames, int(rate/blocksPerSecond))*info.Channels)
	var frames int64
	window := func() error { c.note(t); return nil }
	for {
		b, err := s.Read(ctx, buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, asInput(err, "check the recording")
		}
		if b.Lost > 0 {
			c.pipe.Gap(int(b.Lost))
			t.notes = append(t.notes, fmt.Sprintf("%d samples are missing at %.2f s", b.Lost, float64(frames)/rate))
			frames += int64(b.Lost)
		}
		frames += int64(b.Frames)
		got := buf[:b.Frames*info.Channels]
		if c.Samples != nil {
			c.Samples(got)
		}
		if err := feedWindows(ctx, c.pipe, info.Channels, got, &c.res, window); err != nil {
			return nil, asInput(err, "check the recording")
		}
	}
	if err := c.pad(ctx, t, buf, rate, window); err != nil {
		return nil, err
	}
	t.end(frames)
	return t.outcome(), nil
}

// maxPadS bounds the silence after a short clip, in seconds.
const maxPadS = 60

// pad completes the first window of a clip that was too short for one.
func (c *Classifier) pad(ctx context.Context, t *tally, buf []float32, rate float64, window func() error) error {
	clear(buf)
	channels := c.unit.source.Channels
	added := 0
	for t.windows == 0 {
		if float64(added) > maxPadS*rate {
			return &InputError{errors.New("shorter than one window"), "give a longer recording"}
		}
		if err := feedWindows(ctx, c.pipe, channels, buf, &c.res, window); err != nil {
			return err
		}
		added += len(buf) / channels
	}
	if added > 0 {
		t.notes = append(t.notes, fmt.Sprintf("shorter than one window: up to %.2f s of silence added", float64(added)/rate))
	}
	return nil
}

// rows runs each row of a table as one input.
func (c *Classifier) rows(ctx context.Context, s hal.Sensor) (*Outcome, error) {
	t := newTally(c.unit.labels, 0)
	c.pipe.Reset()
	width := s.Info().Channels
	if n := c.unit.Model.Inputs()[0].Elements(); n != width {
		return nil, &InputError{fmt.Errorf("%d values per row, the model wants %d", width, n), "give one input per row"}
	}
	buf := make([]float32, width)
	for {
		_, err := s.Read(ctx, buf)
		if errors.Is(err, io.EOF) {
			return t.outcome(), nil
		}
		if err == nil && c.Samples != nil {
			c.Samples(buf)
		}
		if err == nil {
			err = c.pipe.Tensors(ctx, buf, &c.res)
		}
		if err != nil {
			return nil, asInput(err, "check the recording")
		}
		c.note(t)
		t.rows = append(t.rows, Ranked{labelOf(c.unit.labels, c.res.Class), c.res.Score})
	}
}

// feedWindows writes interleaved samples to a pipeline and calls window after
// each window they complete.
func feedWindows(ctx context.Context, p *pipeline.Pipeline, channels int, samples []float32, res *pipeline.Result, window func() error) error {
	for {
		n := p.Write(samples)
		samples = samples[n*channels:]
		ran := false
		for {
			ok, err := p.Next(ctx, res)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			ran = true
			if err := window(); err != nil {
				return err
			}
		}
		if len(samples) == 0 {
			return nil
		}
		if n == 0 && !ran {
			return errors.New("the pipeline takes no more samples and completes no window")
		}
	}
}
