package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

const replayUsage = `Usage: dunlin replay CAPTURE --bundle BUNDLE [--json]

Computes a captured window again, from the samples or the input and the state it
began with, and compares the model's input and output with what the device had,
byte by byte. It gives the same on every kind of CPU. Exit code 6 says that
something came out otherwise, or that another bundle made the capture.

dunlin capture export gives the file. What dunlin record writes is no capture:
it is a source again (replay.csv, replay.wav, replay.images), and dunlin
classify runs a bundle on it.

Examples:
  dunlin replay 3f9a41c2.capture --bundle kws-1.2.0.dunlin
`

// replayed is what replay prints.
type replayed struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time"`
	Device   string    `json:"device"`
	Pipeline string    `json:"pipeline"`
	Bundle   string    `json:"bundle"`
	Label    string    `json:"label"`
	Class    int       `json:"class"`
	Score    float32   `json:"score"`
	Scores   []float32 `json:"scores"`
	Input    string    `json:"input_sha256"`
	Output   string    `json:"output_sha256"`
	Exact    bool      `json:"exact"`
}

func runReplay(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	path := fl.String("bundle", "", "the `BUNDLE` that made it")
	asJSON := fl.json("one object")
	rest, err := fl.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if *path == "" {
		return usageError("name the bundle with --bundle FILE", "replay: no bundle")
	}
	data, err := readCapture(rest[0])
	if err != nil {
		return err
	}
	c, err := capture.Decode(data)
	if errors.Is(err, capture.ErrSealed) {
		return inputError(fmt.Errorf("replay: %w", err), "on the device: dunlin capture export ID > FILE")
	}
	if err != nil {
		return inputError(fmt.Errorf("replay: %w", err), "copy the file again")
	}
	u, r, err := replayOne(ctx, *path, c)
	if err != nil {
		return err
	}
	out := &replayed{
		capture.ID(data), c.Time, c.Device, c.Pipeline, u.Name(), r.Label, r.Class, r.Score, r.Scores, digest(c.Input), digest(c.Output), true,
	}
	if *asJSON {
		return e.json(out)
	}
	t := e.table()
	t.row("capture", out.ID)
	t.row("made", timeText(out.Time)+" by "+out.Device+", pipeline "+out.Pipeline+", because of "+c.Why.String())
	t.row("decision", fmt.Sprintf("%s %.4f", out.Label, out.Score))
	t.row("input", fmt.Sprintf("%d bytes, exact", len(c.Input)))
	t.row("output", fmt.Sprintf("%d bytes, exact, sha256 %s", len(c.Output), out.Output))
	t.flush()
	return nil
}

// replayOne finds the model of the bundle that made a capture.
func replayOne(ctx context.Context, path string, c *capture.Capture) (u *agent.Unit, r *pipeline.Result, err error) {
	all, err := agent.LoadAll(ctx, path, inference.Options{})
	if err != nil {
		return nil, nil, fmt.Errorf("replay: %w", err)
	}
	for i := len(all) - 1; i >= 0; i-- { // where none did, the first tells
		if r, err = all[i].Replay(ctx, c); err == nil {
			return all[i], r, nil
		}
	}
	return nil, nil, err
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// readCapture reads a file of bounded size.
func readCapture(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	defer f.Close()
	const most = 17 << 20 // more than Decode takes
	data, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	return data, nil
}
