package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/pixels"
)

// Limits of what a network camera may send.
const (
	maxJPEG   = 16 << 20 // bytes
	maxPixels = 40 << 20
)

// HTTPConfig describes a network camera.
type HTTPConfig struct {
	URL    string        // a JPEG, or a stream of them (multipart/x-mixed-replace)
	RateHz float64       // how often a JPEG is asked for; a stream has its own pace
	Stall  time.Duration // 0: 5 s
}

// An HTTP camera sends JPEG images, one a request or as a stream.
type HTTP struct {
	cfg    HTTPConfig
	client http.Client
	data   bytes.Buffer
	seq    uint64
	next   time.Time // of the next request

	mu     sync.Mutex
	body   io.ReadCloser     // of a stream; nil while there is none
	parts  *multipart.Reader // of the stream
	cancel context.CancelFunc
	halted bool
}

// OpenHTTP returns a network camera; nothing is asked yet.
func OpenHTTP(cfg HTTPConfig) (*HTTP, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("camera: want a URL such as http://camera.local/stream.mjpg") // not the text: it may hold a password
	}
	if cfg.RateHz <= 0 || cfg.RateHz > maxRate {
		return nil, fmt.Errorf("camera: %v images a second: want up to %d", cfg.RateHz, maxRate)
	}
	if cfg.Stall == 0 {
		cfg.Stall = max(5*time.Second, time.Duration(3*float64(time.Second)/cfg.RateHz))
	}
	return &HTTP{cfg: cfg}, nil
}

// Info implements hal.Camera. The size of the images is theirs.
func (c *HTTP) Info() hal.FrameInfo { return hal.FrameInfo{RateHz: c.cfg.RateHz} }

// Capture implements hal.Camera.
func (c *HTTP) Capture(ctx context.Context, f *hal.Frame) error {
	err := c.capture(ctx, f)
	if err == nil {
		return nil
	}
	c.forget()
	c.mu.Lock()
	halted := c.halted
	c.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case halted:
		return hal.ErrHalted
	}
	if e := (*url.Error)(nil); errors.As(err, &e) {
		err = e.Err // the URL may hold a password
	}
	return fmt.Errorf("%w: camera: %w", hal.ErrAbsent, err)
}

func (c *HTTP) capture(ctx context.Context, f *hal.Frame) error {
	stalled := time.AfterFunc(c.cfg.Stall, c.forget) // closes what is being read
	defer stalled.Stop()
	leave := context.AfterFunc(ctx, c.forget)
	defer leave()
	for {
		body, err := c.image(ctx)
		if err != nil {
			return c.late(stalled, err)
		}
		c.data.Reset()
		n, err := io.Copy(&c.data, io.LimitReader(body, maxJPEG+1))
		if err = c.late(stalled, errors.Join(err, body.Close())); err != nil {
			return err
		}
		if n > maxJPEG {
			return fmt.Errorf("image of more than %d bytes", maxJPEG)
		}
		if n > 0 {
			return c.decode(f)
		}
	}
}

// late says so where the wait was too long.
func (c *HTTP) late(t *time.Timer, err error) error {
	if err != nil && !t.Stop() {
		return fmt.Errorf("no image within %s", c.cfg.Stall)
	}
	return err
}

func (c *HTTP) decode(f *hal.Frame) error {
	conf, err := jpeg.DecodeConfig(bytes.NewReader(c.data.Bytes()))
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	if conf.Width*conf.Height > maxPixels {
		return fmt.Errorf("image of %d x %d pixels, limit %d in all", conf.Width, conf.Height, maxPixels)
	}
	var img image.Image
	if img, err = jpeg.Decode(bytes.NewReader(c.data.Bytes())); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	pixels.Fill(f, img)
	f.Time, f.Seq, f.Item = time.Now(), c.seq, ""
	c.seq++
	return nil
}

// image returns the body of the next image.
func (c *HTTP) image(ctx context.Context) (io.ReadCloser, error) {
	c.mu.Lock()
	parts := c.parts
	c.mu.Unlock()
	if parts != nil {
		return nextPart(parts)
	}
	select {
	case <-time.After(time.Until(c.next)):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c.next = time.Now().Add(time.Duration(float64(time.Second) / c.cfg.RateHz))
	return c.ask()
}

func nextPart(parts *multipart.Reader) (io.ReadCloser, error) {
	p, err := parts.NextPart()
	if errors.Is(err, io.EOF) {
		err = errors.New("the stream ended")
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (c *HTTP) ask() (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(context.Background()) // a stream outlives the Capture that began it
	c.mu.Lock()
	if c.halted {
		c.mu.Unlock()
		cancel()
		return nil, hal.ErrHalted
	}
	c.cancel = cancel
	c.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.cfg.URL, nil)
	if err != nil {
		return nil, errors.New("bad URL")
	}
	res, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("it answers %s", res.Status)
	}
	kind, params, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case kind == "image/jpeg":
		return res.Body, nil
	case kind == "multipart/x-mixed-replace" && params["boundary"] != "":
		c.mu.Lock()
		c.body, c.parts = res.Body, multipart.NewReader(res.Body, boundary(params["boundary"]))
		parts := c.parts
		c.mu.Unlock()
		return nextPart(parts)
	}
	res.Body.Close()
	return nil, fmt.Errorf("it sends %.60q, want image/jpeg or multipart/x-mixed-replace", kind)
}

// boundary mends cameras that write the dashes into the header.
func boundary(s string) string {
	if len(s) > 2 && s[:2] == "--" {
		return s[2:]
	}
	return s
}

// forget ends the stream and what is being read of it.
func (c *HTTP) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel()
	}
	if c.body != nil {
		c.body.Close()
	}
	c.body, c.parts, c.cancel = nil, nil, nil
}

// Halt implements hal.Camera.
func (c *HTTP) Halt() error {
	c.mu.Lock()
	c.halted = true
	c.mu.Unlock()
	c.forget()
	return nil
}
