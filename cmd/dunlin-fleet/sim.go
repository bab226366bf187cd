package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/uplink"
	"github.com/dunlin-edge/dunlin/cmd/internal/logs"
	"github.com/dunlin-edge/dunlin/fleet"
)

// simConfig is the configuration of a simulated device: the agent as it is,
// on a simulated machine of its own.
const simConfig = `device:
  name: %s
  labels: {site: %s}
sources:
  vibration: {driver: sim.machine, seed: %d, rate: 3200, gain: 1}
pipelines:
  machine: {source: vibration, bundle: %q, assigned: true}
telemetry: {dir: telemetry, max_bytes: 1MiB, max_age: 10s, health: 1m}
fleet: {dir: fleet}
api: {listen: "off"}
`

func simCommand() *cobra.Command {
	n, bundle, dir := 0, "", ""
	cmd := &cobra.Command{
		Use:   "sim URL TOKEN",
		Short: "run simulated devices in one process, to try a controller out",
		Long: `Run simulated devices in one process. Each is the agent itself, with its real
session, store and updates, on a simulated machine of its own; what it reports
is marked as simulated. They enrol with the token, which must have enough uses,
under the names sim-01, sim-02, ...`,
		Example: "  dunlin-fleet sim https://127.0.0.1:8443 dunlin-... -n 20 --bundle machine-1.0.0.dunlin --devices ./sim",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := fleet.ParseToken(args[1])
			if err != nil {
				return &hinted{err, "copy the whole token that dunlin-fleet token printed"}
			}
			if bundle, err = filepath.Abs(bundle); err != nil {
				return err
			}
			s := sims{dir: dir, url: args[0], token: token, bundle: bundle, log: logs.New(cmd.ErrOrStderr(), slog.LevelInfo)}
			return s.run(cmd.Context(), n)
		},
	}
	cmd.Flags().IntVarP(&n, "number", "n", 20, "devices")
	cmd.Flags().StringVar(&bundle, "bundle", "", "bundle for a vibration source that they begin with")
	cmd.Flags().StringVar(&dir, "devices", "sim", "folder for their state")
	_ = cmd.MarkFlagRequired("bundle") // it exists
	return cmd
}

type sims struct {
	dir, url, bundle string
	token            fleet.Token
	log              *slog.Logger
}

func (s *sims) run(ctx context.Context, n int) error {
	var all sync.WaitGroup
	failed := make(chan error, n)
	for i := range n {
		a, err := s.device(ctx, i+1)
		if err != nil {
			return errors.Join(err, ctx.Err())
		}
		all.Go(func() { failed <- a.Run(ctx) })
	}
	s.log.Info("simulated devices run", "devices", n)
	all.Wait()
	close(failed)
	var err error
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

// device enrols a simulated device, or takes up one of before.
func (s *sims) device(ctx context.Context, i int) (*agent.Agent, error) {
	name := fmt.Sprintf("sim-%02d", i)
	dir := filepath.Join(s.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	file, err := filepath.Abs(filepath.Join(dir, "agent.yaml"))
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(simConfig, name, [2]string{"north", "south"}[i%2], i, s.bundle)
	cfg, err := config.Parse(file, []byte(text), agent.Drivers())
	if err != nil {
		return nil, err
	}
	if _, err := uplink.Load(cfg.Fleet.Dir); errors.Is(err, uplink.ErrNotEnrolled) {
		if _, err := uplink.Enroll(ctx, cfg.Fleet.Dir, s.url, s.token, name); err != nil {
			return nil, hintOf(err)
		}
	}
	return agent.New(ctx, cfg, agent.Options{Log: s.log, Version: version})
}
