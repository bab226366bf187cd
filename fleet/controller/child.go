package controller

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/fleet/broker"
)

const controllerName = "controller"

// child is the broker's process. It is kept apart because nothing that a
// client sends to it may take the controller down with it.
type child struct {
	mu    sync.Mutex
	addr  string // what it listens on, the same over restarts
	stdin io.WriteCloser
	at    int // process id
	done  chan error
}

func (p *child) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr
}

func (p *child) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

// startBroker starts it and waits until it listens.
func (c *Controller) startBroker(ctx context.Context) error {
	cfg, err := c.brokerConfig(ctx)
	if err != nil {
		return fmt.Errorf("start broker: %w", err)
	}
	cmd := exec.CommandContext(ctx, c.cfg.Child[0], c.cfg.Child[1:]...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start broker: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start broker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start broker: %w", err)
	}
	ready, err := introduce(stdin, stdout, cfg)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	if err != nil {
		stdin.Close()
		return fmt.Errorf("start broker: %w", errors.Join(err, <-done))
	}
	c.child.mu.Lock()
	defer c.child.mu.Unlock()
	c.child.addr, c.child.stdin, c.child.done, c.child.at = ready.Address, stdin, done, cmd.Process.Pid
	c.log.Info("broker started", "address", ready.Address, "pid", cmd.Process.Pid)
	return nil
}

// introduce hands over the configuration and waits for the first answer; the
// child's death ends the wait.
func introduce(stdin io.Writer, stdout io.Reader, cfg broker.Config) (broker.Ready, error) {
	var ready broker.Ready
	if err := json.NewEncoder(stdin).Encode(cfg); err != nil {
		return ready, err
	}
	line, err := bufio.NewReaderSize(stdout, 4<<10).ReadSlice('\n')
	if err != nil {
		return ready, fmt.Errorf("it did not start: %w", err)
	}
	return ready, json.Unmarshal(line, &ready)
}

func (c *Controller) brokerConfig(ctx context.Context) (broker.Config, error) {
	cert, key, err := c.brokerPair()
	if err != nil {
		return broker.Config{}, err
	}
	revoked, err := c.revokedSerials(ctx)
	if err != nil {
		return broker.Config{}, err
	}
	listen := c.cfg.Broker
	if at := c.child.address(); at != "" {
		listen = at
	}
	return broker.Config{Listen: listen, Prefix: c.cfg.Prefix, Certificate: cert, Key: key, CA: string(c.ca.pem()), Revoked: revoked}, nil
}

// serverHosts are the names that our server certificates stand for.
func (c *Controller) serverHosts() []string {
	hosts := append([]string{}, c.cfg.Hosts...)
	for _, h := range []string{"localhost", "127.0.0.1", "::1"} {
		if !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// superviseBroker starts it again whenever it dies, until ctx ends.
func (c *Controller) superviseBroker(ctx context.Context) {
	delay := 50 * time.Millisecond
	for ctx.Err() == nil {
		begun := time.Now()
		c.child.mu.Lock()
		done := c.child.done
		c.child.mu.Unlock()
		err := <-done // also by ctx
		if ctx.Err() != nil {
			return
		}
		c.log.Error("broker died", "err", err)
		if time.Since(begun) > time.Minute {
			delay = 50 * time.Millisecond
		}
		for pauseFor(ctx, delay); ctx.Err() == nil; pauseFor(ctx, delay) {
			delay = min(2*delay, 5*time.Second)
			if err := c.startBroker(ctx); err == nil {
				break
			} else {
				c.log.Error("broker", "err", err)
			}
		}
	}
}

// brokerRevoke tells the broker which certificates no longer count.
func (c *Controller) brokerRevoke(ctx context.Context) {
	if err := c.updateBroker(ctx, broker.Update{}); err != nil {
		c.log.Error("tell the broker of a revocation", "err", err) // its next start reads them all
	}
}

// updateBroker sends an update, with all revoked certificates.
func (c *Controller) updateBroker(ctx context.Context, u broker.Update) error {
	var err error
	if u.Revoked, err = c.revokedSerials(ctx); err != nil {
		return err
	}
	c.child.mu.Lock()
	defer c.child.mu.Unlock()
	if c.child.stdin == nil {
		return nil
	}
	return json.NewEncoder(c.child.stdin).Encode(u)
}

// clientTLS is for the controller's own link.
func (c *Controller) clientTLS() (*tls.Config, error) {
	pair, err := c.ca.pair(controllerName, broker.RoleController, nil)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(c.ca.cert)
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: []tls.Certificate{pair}}, nil
}

// ServerTLS is for the listener that devices enrol and renew at.
func (c *Controller) ServerTLS() (*tls.Config, error) {
	if err := c.renewServer(); err != nil {
		return nil, err
	}
	now := func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{*c.server},
			ClientAuth: tls.RequestClientCert, // renewal checks it, with its own rule for expired ones
		}, nil
	}
	config, err := now(nil)
	if err == nil {
		config.GetConfigForClient = now
	}
	return config, err
}
