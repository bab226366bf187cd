package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
)

const sensorsReadUsage = `Usage: dunlin sensors read SOURCE [--for TIME] [--config FILE] [--json]

Reads one configured source for a while, with no pipeline behind it: the rate
that comes, how evenly, what is lost, and the range of every channel.

The agent may run meanwhile where the device lets two programs read it.

Examples:
  dunlin sensors read mic
  dunlin sensors read accelerometer --for 10s --config agent.yaml
`

func runSensorsRead(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "read this `FILE` and the conf.d beside it")
	length := fl.Duration("for", 3*time.Second, "read for this `TIME`")
	asJSON := fl.json("one object")
	rest, err := fl.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if *length <= 0 || *length > time.Hour {
		return usageError("name a time such as 5s", "--for %s", *length)
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	source, err := sourceNamed(cfg, rest[0])
	if err != nil {
		return err
	}
	r, err := agent.Probe(ctx, source, *length)
	if err != nil {
		return err
	}
	if *asJSON {
		return e.json(r)
	}
	e.printReading(r)
	return nil
}

func (e *env) printReading(r *agent.Reading) {
	what := r.Kind
	if r.Simulated {
		what += ", simulated"
	}
	e.printf("%s  %s, %s\n", e.style(bold, r.Source), r.Driver, what)
	unit := "samples"
	if r.Kind == "image" {
		unit = fmt.Sprintf("images of %d x %d", r.Width, r.Height)
	}
	e.printf("  %d %s, %d lost\n", r.Frames, unit, r.Lost)
	if r.GotHz > 0 {
		e.printf("  %.2f Hz, %.2f wanted; 95 %% of the blocks within %.2f ms of an even pace\n", r.GotHz, r.WantHz, r.JitterMS)
	}
	if r.ChipHz > 0 {
		e.printf("  %.2f Hz by the chip's own clock\n", r.ChipHz)
	}
	if len(r.Channels) == 0 {
		return
	}
	t := e.table()
	t.row("  CHANNEL", "MIN", "MEAN", "MAX", "RMS", "UNIT")
	for _, c := range r.Channels {
		t.row("  "+c.Name, fmt.Sprintf("%.5g", c.Min), fmt.Sprintf("%.5g", c.Mean), fmt.Sprintf("%.5g", c.Max), fmt.Sprintf("%.5g", c.RMS), c.Unit)
	}
	t.flush()
}
