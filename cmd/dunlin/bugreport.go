package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dunlin-edge/dunlin/agent/config"
)

const bugreportUsage = `Usage: dunlin bugreport [-o FILE] [--config FILE] [--url URL]

Collects what a maintainer needs to understand a fault: build, system, the
configuration, status and metrics of the running agent, the doctor's findings,
the last log lines, and names and sizes of the files the agent keeps. What
cannot be read is said in the report, so it works beside a dead agent too.

No secret is in it: no key, no token, of addresses no user and no query, of
programs no arguments, and no recorded window. Names of device, sources and
labels are. Look into it before you send it: tar -xzOf FILE | less

Examples:
  sudo dunlin bugreport
  dunlin bugreport -o - | ssh admin@office 'cat > report.tar.gz'
`

// Bounds of what is collected.
const (
	reportLogLines = "2000"
	reportPart     = 8 << 20
	reportTimeout  = 15 * time.Second
)

func runBugreport(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	out := fl.String("o", "", "write this `FILE`, - for standard output; without it dunlin-report-TIME.tar.gz")
	file := fl.String("config", defaultConfig, "report on this `FILE` and the conf.d beside it")
	at := fl.agentURL()
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	now := time.Now()
	name := cmp.Or(*out, now.Format("dunlin-report-20060102-150405.tar.gz"))
	var w io.Writer = e.stdout
	if name != "-" {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return inputError(err, "name a file that is not there yet, with -o FILE")
		}
		defer f.Close()
		w = f
	} else if isTerminal(e.stdout) {
		return usageError("send it on: dunlin bugreport -o - | ...", "standard output is a terminal")
	}
	r := &bugreport{now: now, config: *file, url: *at}
	if err := r.write(ctx, w); err != nil {
		return fmt.Errorf("bugreport: %w", err)
	}
	for _, p := range r.parts {
		e.notef("%-16s %8s  %s", p.name, bytesText(int64(len(p.data))), p.note)
	}
	if name != "-" {
		e.printf("%s\n", name)
	}
	return nil
}

// A bugreport is the parts of a report.
type bugreport struct {
	now         time.Time
	config, url string
	parts       []reportPartData
}

type reportPartData struct {
	name, note string
	data       []byte
}

// write collects everything and writes it as a tar.gz.
func (r *bugreport) write(ctx context.Context, w io.Writer) error {
	r.add("about.txt", r.about)
	r.add("config.yaml", r.configuration)
	r.add("doctor.json", func() ([]byte, error) { return r.command(ctx, "doctor", "--json", "--config", r.config) })
	r.add("status.json", func() ([]byte, error) { return r.fetch(ctx, "/api/v1/status") })
	r.add("metrics.txt", func() ([]byte, error) { return r.fetch(ctx, "/metrics") })
	r.add("log.txt", func() ([]byte, error) { return journal(ctx) })
	r.add("files.txt", r.files)
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, p := range r.parts {
		h := &tar.Header{Name: "dunlin-report/" + p.name, Mode: 0o600, Size: int64(len(p.data)), ModTime: r.now.Truncate(time.Second)}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(p.data); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// add collects one part; why it is not there is its content then.
func (r *bugreport) add(name string, collect func() ([]byte, error)) {
	data, err := collect()
	p := reportPartData{name: name, data: data[:min(len(data), reportPart)]}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		p.note = "not whole: " + first
		p.data = fmt.Appendf(p.data, "\n%s\n", p.note)
	}
	r.parts = append(r.parts, p)
}

func (r *bugreport) about() ([]byte, error) {
	var b bytes.Buffer
	v, err := json.MarshalIndent(readVersion(), "", "  ")
	fmt.Fprintf(&b, "%s\n%s\n", r.now.Format(time.RFC3339), v)
	var u unix.Utsname
	if uerr := unix.Uname(&u); uerr == nil {
		fmt.Fprintf(&b, "kernel %s %s %s\n", unix.ByteSliceToString(u.Sysname[:]), unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:]))
	}
	release, rerr := os.ReadFile("/etc/os-release")
	b.Write(release)
	return b.Bytes(), errors.Join(err, rerr)
}

// configuration is every file of it, without secrets, and what is wrong.
func (r *bugreport) configuration() ([]byte, error) {
	var b bytes.Buffer
	more, err := filepath.Glob(filepath.Join(filepath.Dir(r.config), "conf.d", "*.yaml"))
	for _, file := range append([]string{r.config}, more...) {
		fmt.Fprintf(&b, "# %s\n", file)
		raw, rerr := os.ReadFile(file)
		if rerr == nil {
			raw, rerr = config.Redact(raw)
		}
		b.Write(raw)
		err = errors.Join(err, rerr)
	}
	_, lerr := loadConfig(r.config)
	return b.Bytes(), errors.Join(err, lerr)
}

func (r *bugreport) fetch(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	body, err := get(ctx, r.url, path)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, reportPart))
}

// command runs a command of this program, in a process of its own: whatever is
// wrong on this device must not end the report.
func (r *bugreport) command(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, self, args...).Output()
	if len(out) > 0 {
		err = nil // it ends with 1 where it found something
	}
	return out, err
}

// journal is the service's last log lines, where there is a journal to read.
func journal(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "journalctl", "-u", "dunlin.service", "-n", reportLogLines, "-o", "short-iso", "--no-pager", "-q").Output()
	if err == nil && len(out) == 0 {
		err = errors.New("the journal of dunlin.service is empty, or not yours to read: try with sudo")
	}
	return out, err
}

// files lists what the agent keeps: names and sizes, no contents.
func (r *bugreport) files() ([]byte, error) {
	cfg, err := loadConfig(r.config)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, dir := range []string{cfg.Telemetry.Dir, cfg.Fleet.Dir} {
		if dir == "" {
			continue
		}
		err = errors.Join(err, filepath.WalkDir(dir, func(path string, d fs.DirEntry, werr error) error {
			if werr != nil {
				fmt.Fprintf(&b, "%s: %v\n", path, werr)
				return nil
			}
			if info, ierr := d.Info(); ierr == nil && !d.IsDir() {
				fmt.Fprintf(&b, "%s %10d %s %s\n", info.Mode(), info.Size(), info.ModTime().Format(time.RFC3339), path)
			}
			return nil
		}))
	}
	return b.Bytes(), err
}
