package agent

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
)

// PipelineNames lists the pipelines in the order of the configuration.
func (a *Agent) PipelineNames() []string {
	var names []string
	for _, r := range a.wired.Load().runners {
		names = append(names, r.cfg.Name)
	}
	return names
}

// Unit returns what a pipeline runs at this moment; nil where it has nothing
// yet, or is not there. The pipeline may change it at any time.
func (a *Agent) Unit(pipeline string) *Unit {
	r, err := a.runner(pipeline)
	if err != nil {
		return nil
	}
	return r.unit.Load()
}

// ModelDigest is the SHA-256 of the model file, hex.
func (u *Unit) ModelDigest() string { return u.model }

// Data classifies a file that came over some wire, whose media is image, audio
// or csv. What is wrong with it comes as an *InputError.
func (c *Classifier) Data(ctx context.Context, media string, data []byte) (*Outcome, error) {
	kind := c.unit.source.Kind
	switch {
	case media == "image" && kind == pipeline.KindImage:
		return c.Picture(ctx, data)
	case media == "audio" && kind == hal.KindAudio:
		return c.spooled(ctx, data, ".wav")
	case media == "csv" && kind != pipeline.KindImage:
		return c.spooled(ctx, data, ".csv")
	}
	return nil, &InputError{&RequestError{Invalid, "the bundle takes " + kind + ", not " + media}, "send what the bundle takes"}
}

// spooled classifies a recording through a file, which the readers of
// recordings seek in.
func (c *Classifier) spooled(ctx context.Context, data []byte, ext string) (*Outcome, error) {
	path, err := spool(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer os.Remove(path)
	out, err := c.recording(ctx, path, ext)
	var wrong *InputError
	if errors.As(err, &wrong) { // the file is nobody's but ours
		err = &InputError{errors.New(strings.ReplaceAll(wrong.Error(), path, "what was sent")), wrong.Todo}
	}
	return out, err
}
