package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/rest"
	"github.com/dunlin-edge/dunlin/agent/serve"
	"github.com/dunlin-edge/dunlin/cmd/internal/logs"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/tensorflow"
)

const serveUsage = `Usage: dunlin serve DIR [--config FILE] [--socket FILE]
                        [--listen ADDRESS] [--anonymous]

Serves the bundles (*.dunlin) and models (*.tflite; SavedModels in builds with
libtensorflow) of a folder to programs, with no sensors and no pipelines: Open
Inference Protocol, TensorFlow Serving, TorchServe, SageMaker, Vertex AI, Azure
ML, and plain files. The page at / has a command line for each. A running agent
serves its pipelines the same way, with serve: in its agent.yaml.

--config reads serve: from a file, where clients, tokens and limits stand. With
none of --config, --socket and --listen the socket is dunlin-serve.sock in DIR.

--listen alone takes no tokens, so it is for loopback and for containers whose
platform guards the port, and wants --anonymous. In such a container
AIP_HTTP_PORT, AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE are obeyed.

Examples:
  dunlin serve models/
  dunlin serve models/ --listen 127.0.0.1:8500 --anonymous
  dunlin serve models/ --config serve.yaml
  curl --unix-socket models/dunlin-serve.sock http://device/v2/models/machine
`

func runServe(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", "", "read serve: and limits: from this `FILE`")
	socket := fl.String("socket", "", "listen on this Unix `SOCKET`")
	listen := fl.String("listen", "", "listen on this `ADDRESS`, host:port")
	anonymous := fl.Bool("anonymous", false, "let whoever reaches --listen use everything")
	args, err := fl.parse(args, 1, 1)
	if err != nil {
		return err
	}
	cfg := &config.Config{Serve: config.Serve{MaxBody: config.DefaultMaxBody}}
	cfg.Limits.Drain = serveDrain
	if *file != "" {
		if cfg, err = loadConfig(*file); err != nil {
			return err
		}
	}
	if err := serveFlags(&cfg.Serve, args[0], *socket, *listen, *anonymous, os.Getenv); err != nil {
		return err
	}
	folder, err := serve.NewFolder(ctx, args[0], inference.Options{MaxMemory: cfg.Limits.Memory}, tensorflow.Open)
	if err != nil {
		return inputError(err, "name a folder of *.dunlin and *.tflite files")
	}
	log := logs.New(e.stderr, slog.LevelInfo)
	for _, m := range folder.Models() {
		log.Info("model", "name", m.Name, "version", m.Version, "ready", m.Ready, "reason", m.Reason)
	}
	s, err := newServing(ctx, cfg, folder, nil, log)
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// serveDrain is the time for requests in hand at the end.
const serveDrain = 10 * time.Second

// serveFlags joins what the command line and the platform of a container say to
// a configuration.
func serveFlags(s *config.Serve, dir, socket, listen string, anonymous bool, getenv func(string) string) error {
	if socket != "" {
		s.Socket = socket
	}
	if port := getenv("AIP_HTTP_PORT"); port != "" && listen == "" {
		listen, anonymous = net.JoinHostPort("", port), true // the platform guards it
	}
	s.HealthRoute, s.PredictRoute = getenv("AIP_HEALTH_ROUTE"), getenv("AIP_PREDICT_ROUTE")
	if listen != "" {
		s.Listen, s.Anonymous = listen, s.Anonymous || anonymous
		if !s.Anonymous && len(s.Clients) == 0 {
			return usageError("name clients in a file and give it with --config, or add --anonymous if whoever reaches the port may use the models", "serve: --listen %s and nobody who may use it", listen)
		}
	}
	if !s.On() {
		s.Socket = dir + "/dunlin-serve.sock"
	}
	return nil
}

// newServing opens the addresses of a configuration for the models of a catalog.
func newServing(ctx context.Context, cfg *config.Config, models serve.Catalog, a *agent.Agent, log *slog.Logger) (*rest.Server, error) {
	c := cfg.Serve
	rc := rest.Config{
		Serve: c, Version: readVersion().Version, Log: log, Drain: cfg.Limits.Drain,
		Models: serve.New(serve.Config{Catalog: models, Workers: c.Workers, Queue: c.Queue, Timeout: c.Timeout, Memory: c.Memory}),
	}
	if a != nil {
		rc.Results = a
	}
	s, err := rest.New(ctx, rc)
	if err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	for _, addr := range s.Addrs() {
		log.Info("serving models", "on", addr.Network()+":"+addr.String())
	}
	return s, nil
}
