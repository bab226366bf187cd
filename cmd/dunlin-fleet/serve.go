package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/cmd/internal/logs"
	"github.com/dunlin-edge/dunlin/fleet/broker"
	"github.com/dunlin-edge/dunlin/fleet/console"
	"github.com/dunlin-edge/dunlin/fleet/controller"
)

type serveOptions struct {
	dir, name, devices, broker, api, store string
	hosts                                  []string
	keep                                   time.Duration
	captures                               int64 // MiB
}

func serveCommand() *cobra.Command {
	o := serveOptions{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "run the controller",
		Long: `Run the controller of a fleet: enrolment and renewal over HTTPS, the embedded
MQTT broker, telemetry ingest, commands, and the REST interface on loopback.

On its first start it makes its state folder: the database, the CA of the
fleet and the key that signs what devices obey. Back that folder up.

Several controllers on one Postgres database and one broker of your own are one:
one of them works, and another takes over within seconds when it dies. Each has
a copy of the state folder, or all share it.`,
		Example: `  dunlin-fleet serve --host fleet.example.org
  dunlin-fleet serve --dir ./state --host 192.168.1.10
  dunlin-fleet serve --host fleet.example.org --store postgres://dunlin@db/fleet --broker tls://mqtt.example.org:8883
  dunlin-fleet token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.dir, _ = cmd.Flags().GetString("dir")
			return serve(cmd.Context(), o, cmd)
		},
	}
	cmd.Flags().StringVar(&o.name, "name", "default", "name of the fleet, fixed by the first start")
	cmd.Flags().StringSliceVar(&o.hosts, "host", nil, "name or address by which devices reach this machine (default its host name)")
	cmd.Flags().StringVar(&o.devices, "devices", ":8443", "where devices enrol, HTTPS")
	cmd.Flags().StringVar(&o.broker, "broker", ":8883", "where the embedded broker listens, MQTT over TLS; or tls://HOST:PORT of one of your own")
	cmd.Flags().StringVar(&o.store, "store", os.Getenv("DUNLIN_STORE"), "postgres://... that several controllers share, also from DUNLIN_STORE (default SQLite in the state folder)")
	cmd.Flags().DurationVar(&o.keep, "keep", 90*24*time.Hour, "erase telemetry and ended commands after so long")
	cmd.Flags().Int64Var(&o.captures, "captures", 1024, "MiB for captures that devices upload, a tenth of it for one device")
	cmd.Flags().StringVar(&o.api, "api", "127.0.0.1:8480", "where the REST interface listens, loopback only")
	return cmd
}

func serve(ctx context.Context, o serveOptions, cmd *cobra.Command) error {
	log := logs.New(cmd.ErrOrStderr(), slog.LevelInfo)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if len(o.hosts) == 0 {
		name, err := os.Hostname()
		if err != nil {
			return &hinted{err, "name this machine with --host"}
		}
		o.hosts = []string{name}
	}
	cfg := controller.Config{Dir: o.dir, Fleet: o.name, Hosts: o.hosts, Broker: o.broker, Child: []string{self, "broker"}, Store: o.store, Keep: o.keep, Captures: o.captures << 20, Log: log, Version: version}
	if strings.Contains(o.broker, "://") {
		cfg.Broker, cfg.External = "", o.broker
	}
	c, err := controller.Open(ctx, cfg)
	if err != nil {
		return err
	}
	err = listenAndRun(ctx, c, o, cmd, log)
	return errors.Join(err, c.Close())
}

func listenAndRun(ctx context.Context, c *controller.Controller, o serveOptions, cmd *cobra.Command, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	config, err := c.ServerTLS()
	if err != nil {
		return err
	}
	devices, err := net.Listen("tcp", o.devices)
	if err != nil {
		return fmt.Errorf("listen for devices: %w", err)
	}
	api, err := net.Listen("tcp", o.api)
	if err != nil {
		devices.Close()
		return fmt.Errorf("listen for the interface: %w", err)
	}
	if host, _, _ := net.SplitHostPort(api.Addr().String()); !net.ParseIP(host).IsLoopback() {
		return errors.Join(&hinted{errors.New("the interface would listen beyond this machine without TLS"), "use --api 127.0.0.1:8480 and a proxy that signs people in"}, devices.Close(), api.Close())
	}
	address := func(l net.Listener) string {
		_, port, _ := net.SplitHostPort(l.Addr().String())
		return net.JoinHostPort(o.hosts[0], port)
	}
	if err := os.WriteFile(filepath.Join(o.dir, "api.url"), []byte("http://"+api.Addr().String()), 0o600); err != nil {
		return errors.Join(err, devices.Close(), api.Close())
	}
	if err := os.WriteFile(filepath.Join(o.dir, "devices.url"), []byte("https://"+address(devices)), 0o600); err != nil {
		return errors.Join(err, devices.Close(), api.Close())
	}
	pages, err := console.New(console.Config{Controller: c, Devices: "https://" + address(devices), Dir: o.dir, Log: log})
	if err != nil {
		return errors.Join(err, devices.Close(), api.Close())
	}
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // every port scan is a TLS error
	servers := []*http.Server{
		{Handler: c.DeviceHandler(), TLSConfig: config, ReadTimeout: 20 * time.Second, WriteTimeout: 20 * time.Second, MaxHeaderBytes: 16 << 10, ErrorLog: quiet},
		{Handler: operators(c, pages), ReadTimeout: 20 * time.Second, WriteTimeout: 60 * time.Second, MaxHeaderBytes: 16 << 10},
	}
	var all sync.WaitGroup
	failed := make(chan error, 3)
	all.Go(func() { failed <- servers[0].ServeTLS(devices, "", "") })
	all.Go(func() { failed <- servers[1].Serve(api) })
	all.Go(func() { failed <- c.Run(ctx) })
	log.Info("serving", "devices", "https://"+address(devices), "api", "http://"+api.Addr().String(), "dir", o.dir)
	fmt.Fprintf(cmd.OutOrStdout(), "console, for one person within an hour: http://%s/login?invite=%s\n", api.Addr(), c.Invite())
	fmt.Fprintf(cmd.OutOrStdout(), "devices enrol at https://%s; make them a token with: dunlin-fleet token --dir %s\n", address(devices), o.dir)
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	cancel()
	end, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	for _, s := range servers {
		_ = s.Shutdown(end) // what is not done in 5 s is cut
	}
	all.Wait()
	return err
}

// operators serves the console and the REST interface on one port.
func operators(c *controller.Controller, pages *console.Console) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle("/api/", c.API())
	return mux
}

func consoleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "console", Short: "print a link that signs one person in to the console", Args: cobra.NoArgs,
		Long: `Print a link that signs one person in to the console, once, within an hour.
The console listens on this machine only; from another one, forward its port:
  ssh -L 8480:127.0.0.1:8480 HOST`,
		Example: "  dunlin-fleet console --dir ./state",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var invitation struct{ Path string }
			if err := c.do(cmd.Context(), "POST", "/invitations", nil, &invitation); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), c.base+invitation.Path)
			return nil
		},
	}
}

func brokerCommand() *cobra.Command {
	return &cobra.Command{
		Use: "broker", Hidden: true, Args: cobra.NoArgs, // started by serve
		RunE: func(cmd *cobra.Command, _ []string) error {
			return broker.Run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), logs.New(cmd.ErrOrStderr(), slog.LevelInfo))
		},
	}
}

// freePort is an address on loopback that nobody listens on now.
func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}
