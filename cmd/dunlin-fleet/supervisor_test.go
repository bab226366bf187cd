package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A supervisor does for the agent what systemd does with dunlin.service:
// Restart=always, TimeoutStartSec=, WatchdogSec= and ExecStopPost=, with
// shorter times.
type supervisor struct {
	t        *testing.T
	dir      string // of the socket and the log
	start    []string
	post     []string
	ready    time.Duration // TimeoutStartSec
	watchdog time.Duration // WatchdogSec
	again    time.Duration // RestartSec

	stop  chan struct{}
	ended sync.WaitGroup
	mu    sync.Mutex
	child *exec.Cmd
}

func (s *supervisor) run() {
	s.stop = make(chan struct{})
	s.ended.Go(func() {
		for i := 0; ; i++ {
			result := s.once(i)
			post := exec.Command(s.post[0], s.post[1:]...)
			post.Env = append(os.Environ(), "SERVICE_RESULT="+result)
			if out, err := post.CombinedOutput(); err != nil {
				s.t.Errorf("%v: %v %s", s.post, err, out)
			}
			select {
			case <-s.stop:
				return
			case <-time.After(s.again):
			}
		}
	})
}

// end stops the service.
func (s *supervisor) end() {
	close(s.stop)
	s.ended.Wait()
}

// kill kills the main process.
func (s *supervisor) kill(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.child.Process.Signal(sig)
}

// once runs the service once and returns systemd's word for how it ended.
func (s *supervisor) once(n int) string {
	path := filepath.Join(s.dir, fmt.Sprint("notify", n))
	sock, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		s.t.Error(err)
		return "resources"
	}
	defer sock.Close()
	log, err := os.OpenFile(filepath.Join(s.dir, "agent.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Error(err)
		return "resources"
	}
	defer log.Close()
	c := exec.Command(s.start[0], s.start[1:]...)
	c.Stdout, c.Stderr = log, log
	c.Env = append(os.Environ(), "NOTIFY_SOCKET="+path, fmt.Sprintf("WATCHDOG_USEC=%d", s.watchdog.Microseconds()))
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.mu.Lock()
	err, s.child = c.Start(), c
	s.mu.Unlock()
	if err != nil {
		s.t.Error(err)
		return "exec"
	}
	fed := make(chan bool, 16) // true: READY
	go func() {
		b := make([]byte, 4096)
		for {
			k, err := sock.Read(b)
			if err != nil {
				return
			}
			if text := string(b[:k]); strings.Contains(text, "READY=1") || strings.Contains(text, "WATCHDOG=1") {
				fed <- strings.Contains(text, "READY=1")
			}
		}
	}()
	exited := make(chan error, 1)
	go func() { exited <- c.Wait() }()
	return s.follow(c, fed, exited)
}

func (s *supervisor) follow(c *exec.Cmd, fed <-chan bool, exited <-chan error) string {
	// systemd ends the whole control group with the main process.
	defer func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }()
	limit, late := time.NewTimer(s.ready), "timeout"
	for {
		select {
		case ready := <-fed:
			if ready {
				late = "watchdog"
			}
			limit.Reset(s.watchdog)
		case <-limit.C:
			_ = c.Process.Signal(syscall.SIGABRT)
			<-exited
			return late
		case err := <-exited:
			if err != nil {
				return "exit-code"
			}
			return "success"
		case <-s.stop:
			_ = c.Process.Signal(syscall.SIGTERM)
			<-exited
			return "success"
		}
	}
}
