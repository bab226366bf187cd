package main

import (
	"context"
	"fmt"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
)

const sensorsUsage = `Usage: dunlin sensors COMMAND

Looks at the sources of data there are.

Examples:
  dunlin sensors scan
  dunlin sensors list
  dunlin sensors read mic --config agent.yaml
`

const sensorsListUsage = `Usage: dunlin sensors list [--config FILE] [--json]

Lists the drivers of this binary; with --config also the sources configured
there.

Examples:
  dunlin sensors list
  dunlin sensors list --config agent.yaml
`

func sensorsCommands() []command {
	return []command{
		{"scan", "what the kernel has on this device", sensorsScanUsage, runSensorsScan},
		{"list", "drivers, and the sources configured", sensorsListUsage, runSensorsList},
		{"read", "read one source: rate, jitter, losses, ranges", sensorsReadUsage, runSensorsRead},
		{"watch", "the same of one source, live", sensorsWatchUsage, runSensorsWatch},
	}
}

func runSensors(ctx context.Context, e *env, args []string) error {
	return e.dispatch(ctx, "sensors", sensorsCommands(), args)
}

// sensorList is what sensors list prints as JSON.
type sensorList struct {
	Drivers []driverInfo `json:"drivers"`
	Sources []sourceInfo `json:"sources,omitempty"`
}

type driverInfo struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
}

type sourceInfo struct {
	Name      string   `json:"name"`
	Driver    string   `json:"driver"`
	Pipelines []string `json:"pipelines"`
}

func runSensorsList(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", "", "also list the sources in this `FILE`")
	asJSON := fl.json("one object")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	var list sensorList
	for _, d := range agent.Drivers() {
		list.Drivers = append(list.Drivers, driverInfo{d.Name, d.Summary})
	}
	if *file != "" {
		cfg, err := loadConfig(*file)
		if err != nil {
			return err
		}
		list.Sources = listSources(cfg)
	}
	if *asJSON {
		return e.json(list)
	}
	t := e.table()
	t.row("DRIVER", "WHAT IT IS")
	for _, d := range list.Drivers {
		t.row(d.Name, d.Summary)
	}
	t.flush()
	if list.Sources != nil {
		e.printf("\n")
		t.row("SOURCE", "DRIVER", "PIPELINES")
		for _, s := range list.Sources {
			t.row(s.Name, s.Driver, fmt.Sprint(s.Pipelines))
		}
		t.flush()
	}
	return nil
}

func listSources(cfg *config.Config) []sourceInfo {
	var list []sourceInfo
	for _, s := range cfg.Sources {
		info := sourceInfo{Name: s.Name, Driver: s.Driver, Pipelines: []string{}}
		for _, p := range cfg.Pipelines {
			if p.Source == s.Name {
				info.Pipelines = append(info.Pipelines, p.Name)
			}
		}
		list = append(list, info)
	}
	return list
}
