package action

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
)

// killGrace is how long a killed program's pipes may stay open.
const killGrace = 2 * time.Second

// maxComplaint bounds what is kept of a failing program's standard error.
const maxComplaint = 512

// program runs argv without a shell, once per record, the record on stdin. The
// environment is minimal: no secret of the agent's reaches it.
type program struct {
	path    string
	argv    []string
	timeout time.Duration
}

func newProgram(cfg config.Action) (*program, error) {
	if len(cfg.Argv) == 0 {
		return nil, fmt.Errorf("no program named")
	}
	path, err := exec.LookPath(cfg.Argv[0])
	if err != nil {
		return nil, err
	}
	return &program{path, cfg.Argv, cfg.Timeout}, nil
}

func (p *program) do(ctx context.Context, rec *Record, line []byte) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, p.argv[1:]...)
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
		"DUNLIN_PIPELINE=" + rec.Pipeline,
		"DUNLIN_KIND=" + rec.Kind,
		"DUNLIN_EVENT=" + rec.Event,
		"DUNLIN_LABEL=" + rec.Label,
		"DUNLIN_SCORE=" + strconv.FormatFloat(float64(rec.Score), 'g', -1, 32),
	}
	cmd.Stdin = bytes.NewReader(line)
	var complaint tail
	cmd.Stderr = &complaint
	// A group of its own, so that the program's children go with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killGrace
	err := cmd.Run()
	if ctx.Err() == context.DeadlineExceeded {
		return fmt.Errorf("%s: killed after %s", p.argv[0], p.timeout)
	}
	if err != nil {
		return fmt.Errorf("%s: %w%s", p.argv[0], err, complaint.suffix())
	}
	return nil
}

// tail keeps the last maxComplaint bytes written.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - maxComplaint; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

func (t *tail) suffix() string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.buf), "�"))
	if text == "" {
		return ""
	}
	return ": " + text
}
