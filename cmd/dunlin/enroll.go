package main

import (
	"context"
	"errors"
	"time"

	"github.com/dunlin-edge/dunlin/agent/uplink"
	"github.com/dunlin-edge/dunlin/fleet"
)

const enrollUsage = `Usage: dunlin enroll URL TOKEN [--config FILE] [--device NAME] [--json]

Makes this device a member of a fleet: makes its key, which never leaves it, and
gets a certificate from the controller at URL. The token, from "dunlin-fleet
token", says which controller is the right one; no other is believed. The
folder is fleet.dir of the configuration; restart the agent afterwards.

If the answer is lost on the way, run the same command again.

Examples:
  dunlin enroll https://fleet.example.org:8443 dunlin-AbCd...
  dunlin enroll https://192.168.1.10:8443 dunlin-AbCd... --device press-7
`

func runEnroll(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "read this `FILE` and the conf.d beside it")
	device := fl.String("device", "", "enrol under this `NAME` (default: device.name)")
	asJSON := fl.json("who this device is now")
	rest, err := fl.parse(args, 2, 2)
	if err != nil {
		return err
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	if cfg.Fleet.Dir == "" {
		return &cliError{exitConfig, "add  fleet: {dir: /var/lib/dunlin/fleet}  to " + cfg.File, errors.New("the configuration names no folder for the identity")}
	}
	if *device == "" {
		*device = cfg.Device.Name
	}
	token, err := fleet.ParseToken(rest[1])
	if err != nil {
		return usageError("copy the whole line that dunlin-fleet token printed", "%v", err)
	}
	id, err := uplink.Enroll(ctx, cfg.Fleet.Dir, rest[0], token, *device)
	if err != nil {
		if r := (*fleet.Refusal)(nil); errors.As(err, &r) {
			return &cliError{exitFailed, r.Hint, err}
		}
		return err
	}
	if *asJSON {
		return e.json(map[string]string{"device": id.Device, "fleet": id.Fleet, "broker": id.Broker, "dir": cfg.Fleet.Dir})
	}
	leaf, err := id.Leaf()
	if err != nil {
		return err
	}
	e.printf("%s is a member of fleet %s. Broker %s, certificate until %s, renewed by itself.\nRestart the agent to connect.\n", id.Device, id.Fleet, id.Broker, leaf.NotAfter.Format(time.DateOnly))
	return nil
}
