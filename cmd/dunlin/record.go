package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
)

const recordUsage = `Usage: dunlin record SOURCE... [-o PATH] [--for TIME] [--config FILE] [--json]

Writes what configured sources deliver, side by side: samples as CSV with their
times, sound as WAV, a camera as a folder of PNG images. PATH is the file, or
the folder for a camera and for several sources; without it they are named after
the sources. Ctrl-C ends a recording and keeps it.

A recording is a source itself, by the line that is printed, and plays the same
samples to the bit: dunlin classify runs a bundle on it, and sensors read and
record take it as any other.

Examples:
  dunlin record accelerometer -o knocks.csv --for 30s
  dunlin record mic camera -o visit --config agent.yaml
`

func runRecord(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "read this `FILE` and the conf.d beside it")
	out := fl.String("o", "", "write to this `PATH`")
	length := fl.Duration("for", 10*time.Second, "record for this `TIME`")
	asJSON := fl.json("a list")
	names, err := fl.parse(args, 1, -1)
	if err != nil {
		return err
	}
	if *length <= 0 || *length > 24*time.Hour {
		return usageError("name a time such as 30s", "--for %s", *length)
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	var sources []config.Source
	for _, name := range names {
		s, err := sourceNamed(cfg, name)
		if err != nil {
			return err
		}
		sources = append(sources, s)
	}
	paths, err := recordPaths(sources, *out)
	if err != nil {
		return err
	}
	all, err := recordSources(ctx, sources, paths, *length)
	if err != nil {
		return err
	}
	if *asJSON {
		return e.json(all)
	}
	for _, r := range all {
		e.printf("%s  %d of %s, %d lost\n  %s\n", e.style(bold, r.Path), r.Frames, r.Source, r.Lost, e.style(dim, r.Replay))
		if r.Full {
			e.printf("  %s\n", e.style(yellow, "it ended early: a recording holds no more"))
		}
	}
	return nil
}

// sourceNamed finds one of a configuration's sources.
func sourceNamed(cfg *config.Config, name string) (config.Source, error) {
	names := ""
	for _, s := range cfg.Sources {
		if s.Name == name {
			return s, nil
		}
		names += " " + s.Name
	}
	return config.Source{}, usageError("there is:"+names, "no source is named %q", name)
}

// recordPaths places recordings: one at out, several below it.
func recordPaths(sources []config.Source, out string) ([]string, error) {
	if len(sources) == 1 && out != "" {
		return []string{out}, nil
	}
	if out != "" {
		if err := os.MkdirAll(out, 0o755); err != nil {
			return nil, fmt.Errorf("record: %w", err)
		}
	}
	var paths []string
	for _, s := range sources {
		path, err := agent.RecordedAs(s, out)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func recordSources(ctx context.Context, sources []config.Source, paths []string, length time.Duration) ([]*agent.Recording, error) {
	all, errs := make([]*agent.Recording, len(sources)), make([]error, len(sources))
	var wait sync.WaitGroup
	for i := range sources {
		wait.Go(func() { all[i], errs[i] = agent.Record(ctx, sources[i], paths[i], length) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, inputError(err, "nothing is overwritten: name another PATH, or see dunlin sensors read")
	}
	return all, nil
}
