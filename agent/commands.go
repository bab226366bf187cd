package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dunlin-edge/dunlin/agent/uplink"
	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota"
)

// errRestart ends a life of a pipeline on request.
var errRestart = errors.New("told to begin anew")

// commands are what the fleet may ask of this device.
func (a *Agent) commands() map[string]uplink.Command {
	return map[string]uplink.Command{
		"ping": {Do: func(context.Context, json.RawMessage, func(any)) (any, error) {
			return map[string]bool{"pong": true}, nil
		}},
		"status":    {Do: a.answerStatus},
		"reload":    {Do: a.answerReload},
		"restart":   {Do: a.restart},
		"rollback":  {Do: a.rollback},
		"self-test": {Do: a.selfTest, Time: 10 * time.Minute},
		"capture":   {Do: a.captureNext, Beside: true},
		"bench":     {Do: a.bench, Beside: true},
		"logs":      {Do: a.answerLogs, Time: longestFollow + time.Minute, Beside: true},
		"log-level": {Do: a.setLogLevel},
		"reboot":    {Do: a.reboot},
	}
}

// readArgs reads a command's arguments into v: an object without unknown keys,
// or nothing. want is its form, for people.
func readArgs(args json.RawMessage, v any, want string) error {
	if len(args) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(args))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("arguments: %w; want %s", err, want)
	}
	return nil
}

// onPipeline reads the arguments {"pipeline": NAME}.
func (a *Agent) onPipeline(args json.RawMessage) (*runner, error) {
	var q struct {
		Pipeline string `json:"pipeline"`
	}
	if err := readArgs(args, &q, `{"pipeline": NAME}`); err != nil {
		return nil, err
	}
	if q.Pipeline == "" {
		return nil, errors.New(`arguments: want {"pipeline": NAME}`)
	}
	return a.runner(q.Pipeline)
}

func (a *Agent) answerReload(ctx context.Context, _ json.RawMessage, _ func(any)) (any, error) {
	return a.Reload(ctx)
}

func (a *Agent) answerStatus(context.Context, json.RawMessage, func(any)) (any, error) {
	return struct {
		Reported  fleet.Reported   `json:"reported"`
		Telemetry *TelemetryStatus `json:"telemetry,omitempty"`
	}{a.describe(), a.records.status()}, nil
}

// restart lets a pipeline begin anew, from fresh state, a second later.
func (a *Agent) restart(_ context.Context, args json.RawMessage, _ func(any)) (any, error) {
	r, err := a.onPipeline(args)
	if err != nil {
		return nil, err
	}
	r.again.Store(true)
	return struct{}{}, nil
}

// rollback lets a pipeline run the bundle of before, and refuse the one it
// runs until somebody publishes another.
func (a *Agent) rollback(ctx context.Context, args json.RawMessage, _ func(any)) (any, error) {
	var q struct{ Pipeline string }
	if json.Unmarshal(args, &q) == nil && q.Pipeline == ota.ProgramSlot && a.updates != nil {
		return struct{}{}, a.updates.rollbackProgram("taken back by a command")
	}
	r, err := a.onPipeline(args)
	if err != nil {
		return nil, err
	}
	if a.updates == nil || !r.cfg.Assigned {
		return nil, fmt.Errorf("pipeline %s: its bundle is not the fleet's to choose", r.cfg.Name)
	}
	return struct{}{}, a.updates.rollback(ctx, r)
}

// A SelfTest is one pipeline's bundle, read and computed again.
type SelfTest struct {
	Pipeline string `json:"pipeline"`
	Bundle   string `json:"bundle"`
	Digest   string `json:"digest"`
	Golden   int    `json:"golden"` // samples exact
	TookMS   int64  `json:"took_ms"`
}

// selfTest reads every bundle from the disk again and computes its golden
// samples, beside the pipelines.
func (a *Agent) selfTest(ctx context.Context, _ json.RawMessage, tell func(any)) (any, error) {
	var out []SelfTest
	for _, r := range a.wired.Load().runners {
		now := r.unit.Load()
		if now == nil {
			continue
		}
		path := r.cfg.Bundle
		if a.updates != nil {
			if active, ok := a.updates.client.Active(r.cfg.Name); ok && active.SHA256 == now.Digest {
				path = active.Path
			}
		}
		began := time.Now()
		u, err := LoadModel(ctx, path, a.engineOptions(), now.model)
		if err != nil {
			return out, fmt.Errorf("pipeline %s: %w", r.cfg.Name, err)
		}
		if u.Digest != now.Digest {
			return out, fmt.Errorf("pipeline %s: the disk holds %.12s, %.12s runs", r.cfg.Name, u.Digest, now.Digest)
		}
		out = append(out, SelfTest{r.cfg.Name, u.Name(), u.Digest, u.Golden, time.Since(began).Milliseconds()})
		tell(out)
	}
	return out, nil
}
