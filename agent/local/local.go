// Package local serves the device's own web page and HTTP interface, for
// people beside the device and for programs on it.
//
// Start with [Listen] and [Serve]. There are no accounts: whoever can reach
// the address may look, inject faults into simulated sources and classify
// files, so it listens on loopback unless the configuration says otherwise.
// Against web pages that try to reach it through a visitor's browser, the Host
// header must name this device and writes must come from the same origin.
//
//	GET  /                                   the page
//	GET  /healthz                            200, or 503 with the reason
//	GET  /api/v1/status                      everything, as agent.Status
//	GET  /api/v1/stream                      the same as server-sent events, at most 10/s
//	GET  /api/v1/pipelines/NAME/frame.png    the last image classified
//	POST /api/v1/pipelines/NAME/classify     an image or wav -> agent.Outcome
//	POST /api/v1/reload                      read the configuration again -> agent.Reloaded
//	POST /api/v1/sources/NAME/inject         {"fault": "bearing", "severity": 0.5}
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
)

// Timeouts of connections. Streams set their own deadline with each event.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	reloadTimeout = 5 * time.Minute // to verify large bundles on a small board
	maxHeader     = 16 << 10
)

// A ListenError is an address that cannot be served on.
type ListenError struct {
	Err  error
	todo string
}

func (e *ListenError) Error() string { return "local page: " + e.Err.Error() }
func (e *ListenError) Unwrap() error { return e.Err }

// Hint says what to do next.
func (e *ListenError) Hint() string { return e.todo }

// Listen opens the address that cfg names; nil without an error means off.
func Listen(ctx context.Context, cfg config.API) (net.Listener, error) {
	if cfg.Listen == "off" {
		return nil, nil
	}
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err == nil && !cfg.AllowRemote && !config.Loopback(host) {
		return nil, &ListenError{fmt.Errorf("%s can be reached from other machines", cfg.Listen), "set api.allow_remote: true if that is meant"}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", cfg.Listen)
	if err == nil {
		return l, nil
	}
	todo := "check api.listen in the configuration"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		todo = "another program has that port, perhaps another dunlin: stop it, or set api.listen to another port (port 0 takes a free one, \"off\" none)"
	case errors.Is(err, syscall.EACCES):
		todo = "ports below 1024 need a privileged user; choose a higher one"
	}
	return nil, &ListenError{err, todo}
}

// Serve answers on l until ctx ends.
func Serve(ctx context.Context, l net.Listener, a *agent.Agent, cfg config.API, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           newHandler(a, cfg),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("local page: %w", err)
	}
	return nil
}
