package agent

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
)

// ClassifyImage runs a person's own image through a pipeline's bundle, on a
// session of its own: the live pipeline is not disturbed. One such request
// runs at a time; another meanwhile is Busy.
func (a *Agent) ClassifyImage(ctx context.Context, name string, data []byte) (*Outcome, error) {
	return a.classify(name, pipeline.KindImage, func(c *Classifier) (*Outcome, error) { return c.Picture(ctx, data) })
}

// ClassifyWAV does the same with a recording of sound, which is resampled
// where its rate differs.
func (a *Agent) ClassifyWAV(ctx context.Context, name string, wav io.Reader) (*Outcome, error) {
	return a.classify(name, hal.KindAudio, func(c *Classifier) (*Outcome, error) {
		path, err := spool(wav)
		if err != nil {
			return nil, err
		}
		defer os.Remove(path)
		return c.recording(ctx, path, ".wav")
	})
}

func (a *Agent) classify(name, kind string, use func(*Classifier) (*Outcome, error)) (*Outcome, error) {
	r, err := a.runner(name)
	if err != nil {
		return nil, err
	}
	u := r.unit.Load()
	if u == nil {
		return nil, &RequestError{Invalid, "pipeline " + name + " has no bundle yet"}
	}
	if u.source.Kind != kind {
		return nil, &RequestError{Invalid, "pipeline " + name + " takes " + u.source.Kind + ", not " + kind}
	}
	select {
	case a.oneShot <- struct{}{}:
		defer func() { <-a.oneShot }()
	default:
		return nil, &RequestError{Busy, "another file is being classified; try again"}
	}
	c, err := u.NewClassifier(true)
	if err != nil {
		return nil, err
	}
	return use(c)
}

// spool writes r to a temporary file.
func spool(r io.Reader) (path string, err error) {
	f, err := os.CreateTemp("", "dunlin-*.wav")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
