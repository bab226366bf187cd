package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

func demoCommand() *cobra.Command {
	d := demo{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "run a whole fleet on this machine, step by step",
		Long: `Run a whole fleet on this machine: a controller with its broker and database,
one agent process with the models of the demo, and simulated devices, all
enrolled the way real ones are. Then, step by step: cut the link, push a worse
model, kill an agent in the middle of an update.

Machines are simulated, and marked so. Everything else is what ships. The state
is a folder that is removed at the end.`,
		Example: "  dunlin-fleet demo\n  dunlin-fleet demo --auto",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.out, d.in = cmd.OutOrStdout(), bufio.NewReader(cmd.InOrStdin())
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&d.auto, "auto", false, "do not wait for Enter, and end after the last step")
	cmd.Flags().IntVar(&d.sims, "sims", 20, "simulated devices beside the agent")
	cmd.Flags().StringVar(&d.files, "files", "cmd/dunlin/demo", "folder of the demo's configuration and bundles")
	cmd.Flags().StringVar(&d.dunlin, "dunlin", "", "the agent (default: dunlin beside this program)")
	cmd.Flags().StringVar(&d.page, "page", "127.0.0.1:8321", "where the agent's page listens")
	return cmd
}

// A demo is the shipped binaries with the shipped configuration, as processes
// of their own.
type demo struct {
	auto                bool
	sims                int
	files, dunlin, page string
	out                 io.Writer
	in                  *bufio.Reader

	self, dir   string
	serve, unit *process
	all         []*process
	api, device string // addresses of the controller, kept over its restart
	broker      string
}

// A process is one that the demo began.
type process struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // it has ended
}

func (d *demo) run(ctx context.Context) (err error) {
	if d.self, err = os.Executable(); err != nil {
		return err
	}
	if d.dunlin == "" {
		d.dunlin = filepath.Join(filepath.Dir(d.self), "dunlin")
	}
	if _, err := os.Stat(d.dunlin); err != nil {
		return &hinted{err, "build it with make build, or name it with --dunlin"}
	}
	if d.dir, err = os.MkdirTemp("", "dunlin-demo-*"); err != nil {
		return err
	}
	defer func() {
		for _, p := range d.all {
			p.stop(syscall.SIGTERM)
		}
		if err != nil && ctx.Err() == nil {
			d.say("the logs stay in %s", d.dir)
			return
		}
		err = errors.Join(err, os.RemoveAll(d.dir))
	}()
	err = d.story(ctx)
	if ctx.Err() != nil {
		return nil // Ctrl-C ends a demo at any step
	}
	return err
}

func (d *demo) story(ctx context.Context) error {
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"start a controller, an agent and simulated devices, and enrol them", d.begin},
		{"cut the link of every device for 8 seconds", d.cut},
		{"push machine 1.1.0: trained on a wrong sensor gain, signed, its golden samples exact", d.pushBad},
		{"push machine 1.2.0, and kill -9 the agent in the middle of it", d.pushGood},
	} {
		if err := d.wait(ctx, step.title); err != nil {
			return err
		}
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	if d.auto {
		d.say("\nEvery step held.")
		return nil
	}
	d.say("\nThe fleet goes on until Ctrl-C. Look at it from another terminal:\n  %s devices --dir %s\n  %s audit --dir %s\n  the agent's page: http://%s/", d.self, d.state(), d.self, d.state(), d.page)
	<-ctx.Done()
	return nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// wait lets a reader decide when a step begins.
func (d *demo) wait(ctx context.Context, title string) error {
	d.say("\n== %s", title)
	if d.auto {
		return ctx.Err()
	}
	fmt.Fprint(d.out, "   Enter begins ")
	line := make(chan error, 1)
	go func() { _, err := d.in.ReadString('\n'); line <- err }()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-line:
		if errors.Is(err, io.EOF) {
			d.say("")
			return errors.New("nobody is there to press Enter: demo --auto goes on by itself")
		}
		return err
	}
}

func (d *demo) state() string { return filepath.Join(d.dir, "controller") }
func (d *demo) keys() string  { return filepath.Join(d.dir, "keys") }

// start runs a program, its output in a log of the demo's folder.
func (d *demo) start(name, path string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(d.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{exec.Command(path, args...), log, make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the demo, which stops them in order
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }() // how it ended is in its log
	d.all = append(d.all, p)
	return p, nil
}

func (p *process) stop(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // it may have gone
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	p.log.Close()
}

// tool runs a command of this program to its end.
func (d *demo) tool(ctx context.Context, args ...string) (string, error) {
	d.say("   $ dunlin-fleet %s", strings.Join(args, " "))
	return d.quiet(ctx, args...)
}

func (d *demo) quiet(ctx context.Context, args ...string) (string, error) {
	var out, errs strings.Builder
	if run(ctx, append([]string{"--dir", d.state()}, args...), strings.NewReader(""), &out, &errs) != 0 {
		return out.String(), errors.New(strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// until polls for at most a minute.
func until(ctx context.Context, what string, ok func() bool) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if ok() {
			return nil
		}
	}
	return fmt.Errorf("not within a minute: %s", what)
}

func (d *demo) startController() (err error) {
	d.serve, err = d.start("controller", d.self, "--dir", d.state(), "serve", "--host", "127.0.0.1", "--devices", d.device, "--broker", d.broker, "--api", d.api)
	return err
}

func (d *demo) startAgent() (err error) {
	d.unit, err = d.start("agent", d.dunlin, "run", "--config", filepath.Join(d.dir, "agent", "agent.yaml"))
	return err
}

func (d *demo) begin(ctx context.Context) error {
	if err := errors.Join(os.Mkdir(d.state(), 0o700), d.prepareAgent()); err != nil {
		return err
	}
	for _, args := range [][]string{{"key", "ceremony", d.keys(), "--development"}, {"repository", "create", "--keys", d.keys()}} {
		if out, err := d.tool(ctx, args...); err != nil {
			return err
		} else if strings.Contains(out, "DEVELOPMENT") {
			d.say("     development keys: one person holds them all")
		}
	}
	d.api, d.device, d.broker = freePort(), freePort(), freePort()
	if err := d.startController(); err != nil {
		return err
	}
	var token struct{ URL, Token string }
	if err := until(ctx, "the controller answers", func() bool {
		out, err := d.quiet(ctx, "token", "--uses", fmt.Sprint(d.sims+1), "--json")
		return err == nil && json.Unmarshal([]byte(out), &token) == nil
	}); err != nil {
		return err
	}
	d.say("   $ dunlin enroll %s dunlin-...", token.URL)
	if out, err := exec.CommandContext(ctx, d.dunlin, "enroll", token.URL, token.Token, "--config", filepath.Join(d.dir, "agent", "agent.yaml")).CombinedOutput(); err != nil {
		return fmt.Errorf("enrol: %w: %s", err, out)
	}
	if err := d.startAgent(); err != nil {
		return err
	}
	if _, err := d.start("sims", d.self, "sim", token.URL, token.Token, "-n", fmt.Sprint(d.sims), "--devices", filepath.Join(d.dir, "sims"), "--bundle", d.bundle("1.0.0")); err != nil {
		return err
	}
	if err := until(ctx, "all devices decide", func() bool { return d.count(ctx, "state = online and pipeline.machine.version = 1.0.0") == d.sims+1 }); err != nil {
		return err
	}
	d.say("   %d devices are online: one agent process, %d simulated ones in another. The agent's page: http://%s/", d.sims+1, d.sims, d.page)
	return d.invite(ctx)
}

// count tells how many devices a query chooses.
func (d *demo) count(ctx context.Context, query string) int {
	out, err := d.quiet(ctx, "devices", "--query", query, "--json")
	var all []controller.Device
	if err != nil || json.Unmarshal([]byte(out), &all) != nil {
		return -1
	}
	return len(all)
}

func (d *demo) bundle(version string) string {
	return filepath.Join(d.dir, "agent", "bundles", "machine-"+version+".dunlin")
}

// prepareAgent copies the demo's configuration, with a fleet added, and makes
// version 1.2.0: the model of 1.0.0 under a new number.
func (d *demo) prepareAgent() error {
	if err := os.CopyFS(filepath.Join(d.dir, "agent"), os.DirFS(d.files)); err != nil {
		return &hinted{err, "run it where the source tree is, or name the demo's folder with --files"}
	}
	file := filepath.Join(d.dir, "agent", "agent.yaml")
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const has = "    bundle: bundles/machine-1.0.0.dunlin\n"
	text := strings.NewReplacer(has, has+"    assigned: true\n    capture: {disagree: true}\n", "127.0.0.1:8321", d.page).Replace(string(raw)) +
		"\ntelemetry: {dir: telemetry, max_age: 2s}\nfleet: {dir: fleet}\n"
	return errors.Join(os.WriteFile(file, []byte(text), 0o600), renumber(d.bundle("1.0.0"), d.bundle("1.2.0"), "1.2.0"))
}

// renumber packs a bundle again under another version.
func renumber(from, to, version string) error {
	b, err := bundle.Open(from)
	if err != nil {
		return err
	}
	defer b.Close()
	dir, err := os.MkdirTemp("", "bundle-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m := *b.Manifest()
	for _, x := range m.Files {
		data, err := b.File(x.Name)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, filepath.FromSlash(x.Name)) // the bundle lets no name out of it
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, data, 0o600)); err != nil {
			return err
		}
	}
	m.Version, m.Files = version, nil
	_, err = bundle.PackFile(to, &m, os.DirFS(dir))
	return err
}

// cut stops controller and broker, and starts them again.
func (d *demo) cut(ctx context.Context) error {
	before := d.windows(ctx)
	d.serve.stop(syscall.SIGTERM)
	d.say("   controller and broker are gone; the devices decide and keep their records")
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(8 * time.Second):
	}
	if err := d.startController(); err != nil {
		return err
	}
	if err := until(ctx, "everybody is back", func() bool { return d.count(ctx, "state = online") == d.sims+1 }); err != nil {
		return err
	}
	after := d.windows(ctx)
	if after <= before {
		return fmt.Errorf("the agent had decided %d windows before the cut and %d after", before, after)
	}
	d.say("   back: the agent decided %d windows meanwhile", after-before)
	var ledger string
	err := until(ctx, "the ledger balances", func() bool {
		out, err := d.quiet(ctx, "devices", "demo")
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "telemetry") {
				ledger = strings.TrimSpace(line)
			}
		}
		var delivered uint64
		if i := strings.Index(ledger, ": "); i >= 0 {
			_, _ = fmt.Sscan(ledger[i+2:], &delivered) // 0 where it says nothing
		}
		return err == nil && delivered >= after && strings.Contains(ledger, "none lost, complete")
	})
	d.say("   %s", ledger)
	if err != nil {
		return err
	}
	return d.invite(ctx) // the restart has signed everybody out
}

// invite prints a link to the console.
func (d *demo) invite(ctx context.Context) error {
	link, err := d.quiet(ctx, "console")
	d.say("   The console: %s", strings.TrimSpace(link))
	return err
}

// windows tells how many windows the agent's machine pipeline has decided.
func (d *demo) windows(ctx context.Context) (n uint64) {
	out, err := exec.CommandContext(ctx, d.dunlin, "status", "--url", "http://"+d.page, "--json").Output()
	var s struct {
		Pipelines []struct {
			Name    string
			Windows uint64
		}
	}
	if err != nil || json.Unmarshal(out, &s) != nil {
		return 0
	}
	for _, p := range s.Pipelines {
		if p.Name == "machine" {
			n = p.Windows
		}
	}
	return n
}

func (d *demo) pushBad(ctx context.Context) error {
	if _, err := d.tool(ctx, "publish", d.bundle("1.0.0"), d.bundle("1.1.0"), d.bundle("1.2.0"), "--keys", d.keys()); err != nil {
		return err
	}
	out, err := d.tool(ctx, "assign", "models/machine/1.1.0.dunlin", "--waves", "2,50%,100%", "--soak", "2s", "--wait")
	d.say("%s", indent(out))
	if err == nil {
		return errors.New("the wrong gain went through")
	}
	d.say("%s", indent(err.Error()))
	if n := d.count(ctx, "pipeline.machine.version = 1.1.0"); n != 0 {
		return fmt.Errorf("%d devices run the wrong gain", n)
	}
	d.say("   no device runs it; each decided in its shadow what the old model would have, and compared")
	return d.replay(ctx)
}

func (d *demo) pushGood(ctx context.Context) error {
	if _, err := d.tool(ctx, "assign", "models/machine/1.2.0.dunlin", "--query", "id = demo", "--waves", "100%", "--soak", "1s"); err != nil {
		return err
	}
	if err := until(ctx, "the trial begins", func() bool { return d.count(ctx, "id = demo and state = updating") == 1 }); err != nil {
		return err
	}
	d.unit.stop(syscall.SIGKILL)
	began := time.Now()
	if err := d.startAgent(); err != nil {
		return err
	}
	if err := until(ctx, "it decides again", func() bool { return d.windows(ctx) > 0 }); err != nil {
		return err
	}
	d.say("   killed in the middle; started again, it decided after %v", time.Since(began).Round(10*time.Millisecond))
	if err := until(ctx, "the agent converges", func() bool { return d.count(ctx, "id = demo and pipeline.machine.version = 1.2.0") == 1 }); err != nil {
		return err
	}
	d.say("   left alone, it went on with the update and runs 1.2.0")
	out, err := d.tool(ctx, "assign", "models/machine/1.2.0.dunlin", "--waves", "1,25%,100%", "--soak", "2s", "--wait")
	d.say("%s", indent(out))
	if err != nil {
		return err
	}
	if n := d.count(ctx, "pipeline.machine.version = 1.2.0"); n != d.sims+1 {
		return fmt.Errorf("%d of %d devices run it", n, d.sims+1)
	}
	d.say("   all %d devices run 1.2.0", d.sims+1)
	return nil
}

func indent(text string) string {
	return "     " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n     ")
}
