package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
)

const sensorsWatchUsage = `Usage: dunlin sensors watch SOURCE [--every TIME] [--config FILE] [--json]

Shows what one configured source delivers, live, with no pipeline behind it:
rate, losses and the range of every channel, until Ctrl-C.

Examples:
  dunlin sensors watch accelerometer
  dunlin sensors watch adc --every 5s --json >> adc.jsonl
`

func runSensorsWatch(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "read this `FILE` and the conf.d beside it")
	every := fl.Duration("every", time.Second, "show what came in each `TIME`")
	asJSON := fl.json("one object a line")
	rest, err := fl.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if *every < 50*time.Millisecond || *every > time.Hour {
		return usageError("name a time such as 1s", "--every %s", *every)
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	source, err := sourceNamed(cfg, rest[0])
	if err != nil {
		return err
	}
	return agent.Watch(ctx, source, *every, func(r *agent.Reading) {
		if *asJSON {
			_ = e.jsonLine(r)
			return
		}
		e.printf("%s  %s\n", time.Now().Format(time.TimeOnly), readingLine(r))
	})
}

// readingLine is a reading in one line.
func readingLine(r *agent.Reading) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.1f Hz", r.GotHz)
	if r.Lost > 0 {
		fmt.Fprintf(&b, ", %d lost", r.Lost)
	}
	if r.Kind == "image" {
		fmt.Fprintf(&b, ", %d x %d", r.Width, r.Height)
	}
	for _, c := range r.Channels {
		fmt.Fprintf(&b, "  %s %.4g..%.4g mean %.4g %s", c.Name, c.Min, c.Max, c.Mean, c.Unit)
	}
	return strings.TrimRight(b.String(), " ")
}
