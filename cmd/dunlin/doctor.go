package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal/board"
	"github.com/dunlin-edge/dunlin/inference"
)

const doctorUsage = `Usage: dunlin doctor [--config FILE] [--root DIR] [--json]

Looks at everything an agent depends on and says what is wrong, each line with
its fix: board, temperature and power, memory, disk, clock, devices and who may
open them, programs that drivers need, the configuration and the fleet.

It changes nothing. It ends with 1 where a line is a failure.

Examples:
  dunlin doctor
  sudo -u dunlin dunlin doctor --json
`

// Outcomes of a check.
const (
	checkOK      = "ok"
	checkWarning = "warning"
	checkFailure = "failure"
)

// A finding is one line of the doctor.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
}

// doctor collects findings.
type doctor struct {
	root  string
	facts board.Facts
	all   []finding
}

func (d *doctor) say(check, state, fix, format string, args ...any) {
	d.all = append(d.all, finding{check, state, fmt.Sprintf(format, args...), fix})
}

func runDoctor(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "check this `FILE` and the conf.d beside it")
	root := fl.String("root", "", "look below this `DIR` instead of /")
	asJSON := fl.json("a list")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	d := &doctor{root: *root, facts: board.ReadFacts(*root)}
	d.board()
	d.power()
	d.jetson()
	d.memory()
	cfg := d.config(*file)
	d.disk(cfg)
	d.clock()
	d.devices()
	d.chips()
	d.cameras()
	d.programs(cfg)
	d.fleet(cfg)
	if *asJSON {
		if err := e.json(d.all); err != nil {
			return err
		}
	} else {
		e.printFindings(d.all)
	}
	if n := d.count(checkFailure); n > 0 {
		return &cliError{exitFailed, "", fmt.Errorf("%d of %d checks failed", n, len(d.all))}
	}
	return nil
}

func (d *doctor) count(state string) (n int) {
	for _, f := range d.all {
		if f.State == state {
			n++
		}
	}
	return n
}

func (e *env) printFindings(all []finding) {
	mark := map[string]string{checkOK: e.style(green, "ok     "), checkWarning: e.style(yellow, "warning"), checkFailure: e.style(red, "failure")}
	for _, f := range all {
		e.printf("%s  %-8s %s\n", mark[f.State], f.Check, f.Text)
		if f.Fix != "" {
			e.printf("%18s%s\n", "", e.style(dim, f.Fix))
		}
	}
}

func (d *doctor) board() {
	model := d.facts.Model
	if model == "" {
		model = "a board that does not say its name"
	}
	d.say("board", checkOK, "", "%s, kernels: %s", model, inference.Tier())
	hottest, at := 0.0, ""
	for zone, c := range d.facts.Celsius {
		if c > hottest {
			hottest, at = c, zone
		}
	}
	switch {
	case at == "":
	case hottest >= 80:
		d.say("heat", checkWarning, "add a heat sink or a fan: most boards slow down from 80 to 85 °C on", "%.0f °C (%s)", hottest, at)
	default:
		d.say("heat", checkOK, "", "%.0f °C (%s)", hottest, at)
	}
	if g := d.facts.Governor; g == "powersave" {
		d.say("speed", checkWarning, "cpupower frequency-set -g ondemand", "the CPU stays at its lowest frequency (governor powersave)")
	}
}

func (d *doctor) power() {
	t := d.facts.Throttled
	const supply = "use the board's own power supply and a short cable"
	switch {
	case t == nil:
	case t.UnderVoltage:
		d.say("power", checkFailure, supply, "under-voltage now: the board slows down and may corrupt its card")
	case t.UnderVoltageEver:
		d.say("power", checkWarning, supply, "there was under-voltage since the board started")
	case t.Slowed || t.Hot:
		d.say("power", checkWarning, "cool the board", "the CPU is slowed down by heat")
	default:
		d.say("power", checkOK, "", "no under-voltage since the board started")
	}
	for device, steps := range d.facts.Wear {
		if steps >= 9 {
			d.say("wear", checkWarning, "plan to replace it", "eMMC %s has used %d0 %% of its life", device, steps)
		}
	}
}

func (d *doctor) memory() {
	switch free := d.facts.FreeBytes; {
	case free == 0:
	case free < 64<<20:
		d.say("memory", checkWarning, "stop what is not needed, or use a smaller model", "%s can be had", bytesText(free))
	default:
		d.say("memory", checkOK, "", "%s can be had", bytesText(free))
	}
}

// config checks the configuration as config check does.
func (d *doctor) config(file string) *config.Config {
	cfg, err := config.Load(file, agent.Drivers())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.say("config", checkWarning, "write one; cmd/dunlin/demo/agent.yaml in the source tree is an example", "no %s", file)
	case err != nil:
		first, _, more := strings.Cut(err.Error(), "\n")
		if more {
			first += " ..."
		}
		d.say("config", checkFailure, "dunlin config check --config "+file, "%s", first)
	default:
		d.say("config", checkOK, "", "%d sources, %d pipelines", len(cfg.Sources), len(cfg.Pipelines))
	}
	return cfg
}

func (d *doctor) disk(cfg *config.Config) {
	dirs := []string{filepath.Dir(defaultGuard)}
	if cfg != nil {
		dirs = []string{cfg.Telemetry.Dir, cfg.Fleet.Dir}
	}
	seen := map[string]bool{}
	for _, dir := range dirs {
		for dir != "" && dir != "/" {
			if _, err := os.Stat(dir); err == nil {
				break
			}
			dir = filepath.Dir(dir)
		}
		var st unix.Statfs_t
		if dir == "" || seen[dir] || unix.Statfs(dir, &st) != nil {
			continue
		}
		seen[dir] = true
		free := int64(st.Bavail) * int64(st.Bsize) // of 32 bits on arm
		state, fix := checkOK, ""
		switch {
		case unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK, unix.AT_EACCESS) != nil:
			state, fix = checkWarning, "run this as the agent's user: sudo -u dunlin dunlin doctor"
		case free < 32<<20:
			state, fix = checkFailure, "make room: updates and telemetry need it"
		case free < 256<<20:
			state, fix = checkWarning, "make room: an update of a large model may not fit"
		}
		d.say("disk", state, fix, "%s: %s free", dir, bytesText(free))
	}
}

func (d *doctor) clock() {
	switch year := time.Now().Year(); {
	case year < 2026:
		d.say("clock", checkFailure, "timedatectl set-ntp true, or a battery for the clock: certificates and updates need the time", "it says %s", time.Now().Format(time.DateOnly))
	case !clockSynced():
		d.say("clock", checkWarning, "timedatectl set-ntp true", "not synchronized: records are marked, updates wait")
	default:
		d.say("clock", checkOK, "", "synchronized")
	}
}

// devices lists what there is, and what this user may not open.
func (d *doctor) devices() {
	counts := map[string]int{}
	var kinds []string
	for _, f := range scanDevices(d.root) {
		if counts[f.Kind] == 0 {
			kinds = append(kinds, f.Kind)
		}
		counts[f.Kind]++
		if f.Problem != "" {
			d.say("access", checkWarning, fixOf(f.Problem), "%s", f.Device)
		}
	}
	if len(kinds) == 0 {
		d.say("devices", checkWarning, d.enable(), "no sensor, camera, sound card, bus or GPIO chip")
		return
	}
	for i, k := range kinds {
		kinds[i] = fmt.Sprintf("%d %s", counts[k], k)
	}
	d.say("devices", checkOK, "", "%s", strings.Join(kinds, ", "))
	if d.raspberry() && counts["I2C buses"] == 0 {
		d.say("i2c", checkWarning, d.enable(), "no I2C bus")
	}
}

// fixOf is what follows the reason of a device's problem.
func fixOf(problem string) string {
	if i := strings.LastIndex(problem, "; "); i >= 0 {
		return problem[i+2:]
	}
	return problem
}

func (d *doctor) raspberry() bool {
	return slices.ContainsFunc(d.facts.Compatible, func(c string) bool { return strings.HasPrefix(c, "raspberrypi,") })
}

func (d *doctor) enable() string {
	if d.raspberry() {
		return "sudo raspi-config nonint do_i2c 0; for SPI do_spi 0; then restart"
	}
	return "connect one; on boards with a device tree its overlay may have to be enabled"
}

// needs are the programs behind drivers.
var needs = []struct{ driver, program, fix string }{
	{"audio.alsa", "arecord", "apt install alsa-utils"},
	{"audio.pulse", "parec", "apt install pulseaudio-utils"},
	{"camera.rpicam", "rpicam-vid", "apt install rpicam-apps"},
	{"camera.gstreamer", "gst-launch-1.0", "apt install gstreamer1.0-tools gstreamer1.0-plugins-base"},
	{"camera.usb", "ffmpeg", "apt install ffmpeg"},
	{"camera.rtsp", "ffmpeg", "apt install ffmpeg"},
}

// programs are looked for where a configured source needs them.
func (d *doctor) programs(cfg *config.Config) {
	if cfg == nil {
		return
	}
	for _, s := range cfg.Sources {
		for _, n := range needs {
			if s.Driver != n.driver {
				continue
			}
			if path, err := exec.LookPath(n.program); err != nil {
				d.say("program", checkFailure, n.fix, "source %s needs %s, which is not installed", s.Name, n.program)
			} else {
				d.say("program", checkOK, "", "source %s: %s", s.Name, path)
			}
		}
	}
}

func (d *doctor) fleet(cfg *config.Config) {
	if cfg == nil || cfg.Fleet.Dir == "" {
		return
	}
	id, err := agent.Membership(cfg)
	switch {
	case err != nil:
		d.say("fleet", checkWarning, "dunlin enroll URL TOKEN", "%v", err)
	case time.Until(id.NotAfter) < 0:
		d.say("fleet", checkFailure, "dunlin enroll URL TOKEN, with a new token", "the certificate of %s expired on %s", id.Device, id.NotAfter.Format(time.DateOnly))
	default:
		d.say("fleet", checkOK, "", "%s of fleet %s, certificate until %s", id.Device, id.Fleet, id.NotAfter.Format(time.DateOnly))
		if !id.Updates {
			d.say("updates", checkWarning, "dunlin-fleet repository create, then enrol this device again", "the controller had no repository when this device enrolled")
		}
		if guardDir() == "" {
			d.say("updates", checkWarning, "let dunlin-guard start the agent; scripts/systemd/dunlin.service does", "the agent's own program cannot be updated")
		}
	}
}
