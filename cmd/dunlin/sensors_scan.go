package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dunlin-edge/dunlin/hal/board"
	"github.com/dunlin-edge/dunlin/hal/bus"
	"github.com/dunlin-edge/dunlin/hal/camera"
	"github.com/dunlin-edge/dunlin/hal/hwmon"
	"github.com/dunlin-edge/dunlin/hal/iio"
)

const sensorsScanUsage = `Usage: dunlin sensors scan [--root DIR] [--json]

Lists what the kernel has on this device that a source or an action can use:
IIO sensors, cameras, sound cards, GPIO lines, PWM, serial ports and buses,
and who answers on I2C; each with the line for agent.yaml where it takes one.

What this user may not open is listed with what to do about it.

Examples:
  dunlin sensors scan
  sudo dunlin sensors scan --json
`

// A foundDevice is one line of the list.
type foundDevice struct {
	Kind    string `json:"kind"`
	Device  string `json:"device"`
	What    string `json:"what,omitempty"`
	Line    string `json:"agent_yaml,omitempty"` // for agent.yaml
	Problem string `json:"problem,omitempty"`
}

func runSensorsScan(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	root := fl.String("root", "", "look below this `DIR` instead of /")
	asJSON := fl.json("a list")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	all := append(scanDevices(*root), scanChips(*root)...)
	if *asJSON {
		return e.json(all)
	}
	if len(all) == 0 {
		e.printf("Nothing here that a source could use. dunlin doctor says what may be missing.\n")
		return nil
	}
	kind := ""
	for _, d := range all {
		if d.Kind != kind {
			kind = d.Kind
			e.printf("%s\n", e.style(bold, kind))
		}
		e.printf("  %s  %s\n", d.Device, d.What)
		if d.Line != "" {
			e.printf("    %s\n", e.style(dim, d.Line))
		}
		if d.Problem != "" {
			e.printf("    %s\n", e.style(yellow, d.Problem))
		}
	}
	return nil
}

// scanChips asks who is on the I2C buses, with a line for every driver that an
// address could be for.
func scanChips(root string) []foundDevice {
	var all []foundDevice
	for _, b := range board.Buses(root, "/dev/i2c-*") {
		name := filepath.Base(b.Path)
		found, err := bus.Linux{Root: root}.Scan(name)
		if err != nil {
			continue // the list of buses says why
		}
		for _, f := range found {
			d := foundDevice{Kind: "chips on I2C", Device: name + " " + f.String()}
			var lines []string
			for _, m := range couldBe(f) {
				lines = append(lines, fmt.Sprintf("{driver: %s, bus: %s, address: 0x%02x, rate: %g}", m.Name, name, f.Address, m.RateHz))
			}
			d.Line = strings.Join(lines, " or ")
			all = append(all, d)
		}
	}
	return all
}

func scanDevices(root string) []foundDevice {
	all := []foundDevice{}
	for _, d := range iio.List(root) {
		all = append(all, foundDevice{Kind: "sensors (IIO)", Device: d.Name + " (" + d.ID + ")", What: strings.Join(d.Channels, " "), Line: iioLine(d)})
	}
	for _, d := range hwmon.List(root) {
		all = append(all, hwmonDevice(d))
	}
	opened := map[string]bool{}
	for _, d := range camera.Devices(root) {
		if opened[d.Path] = true; d.Captures {
			all = append(all, foundDevice{Kind: "cameras", Device: d.Path, What: d.Name, Line: "{driver: camera.v4l2, device: " + d.Path + "}"})
		}
	}
	for _, b := range board.Buses(root, "/dev/video*") {
		if b.Err != nil && !opened[b.Path] {
			all = append(all, foundDevice{Kind: "cameras", Device: b.Path, Problem: b.Err.Error()})
		}
	}
	for _, c := range board.SoundCards(root) {
		all = append(all, foundDevice{Kind: "sound cards", Device: c.Path, What: c.Name, Line: "{driver: audio.alsa, device: \"plughw:" + c.Path + "\", rate: 16000}"})
	}
	all = append(all, scanLines(root)...)
	for _, b := range []struct{ kind, pattern string }{
		{"PWM", "/sys/class/pwm/pwmchip*"}, {"serial ports", "/dev/tty[AU][MSC][AB]*"}, {"serial ports", "/dev/serial[0-9]*"}, {"I2C buses", "/dev/i2c-*"}, {"SPI", "/dev/spidev*"},
	} {
		for _, d := range board.Buses(root, b.pattern) {
			f := foundDevice{Kind: b.kind, Device: d.Path, What: d.Name}
			if b.kind == "PWM" {
				f.Device = filepath.Base(d.Path)
				f.Line = "actions: [{pwm: " + f.Device + "/0, label: LABEL}]"
			}
			if d.Err != nil {
				f.Problem = d.Err.Error()
			}
			all = append(all, f)
		}
	}
	return all
}

func hwmonDevice(d hwmon.Found) foundDevice {
	var names, labels []string
	for _, c := range d.Channels {
		names = append(names, c.Name)
		if c.Label != "" {
			labels = append(labels, c.Label)
		}
	}
	f := foundDevice{Kind: "sensors (hwmon)", Device: d.Name + " (" + d.ID + ")", What: strings.Join(append(names, labels...), " ")}
	if len(names) > 0 {
		f.Line = fmt.Sprintf("{driver: hwmon, device: %s, channels: [%s], rate: 1}", d.Name, strings.Join(names, ", "))
	}
	return f
}

// iioLine is a source that reads what the device has of one kind.
func iioLine(d iio.Found) string {
	channels := d.Buffered
	rate, buffered := "100", ", buffered: true"
	if len(channels) == 0 {
		channels, rate, buffered = d.Channels, "1", ""
	}
	if len(channels) == 0 {
		return ""
	}
	if n := len(d.Rates); n > 0 {
		rate = fmt.Sprint(d.Rates[n-1])
	}
	name := d.Name
	if name == "" {
		name = d.ID
	}
	return fmt.Sprintf("{driver: iio, device: %s, channels: [%s], rate: %s%s}", name, strings.Join(channels, ", "), rate, buffered)
}

func scanLines(root string) []foundDevice {
	var all []foundDevice
	opened := map[string]bool{}
	for _, c := range board.Chips(root) {
		opened["/dev/"+c.ID] = true
		var free, used []string
		for i, l := range c.Lines {
			name := l.Name
			if name == "" {
				name = fmt.Sprint(c.ID, "/", i)
			}
			if l.Used {
				used = append(used, name+" ("+l.Consumer+")")
			} else {
				free = append(free, name)
			}
		}
		f := foundDevice{Kind: "GPIO", Device: c.ID, What: fmt.Sprintf("%s, %d lines, %d in use", c.Label, len(c.Lines), len(used))}
		if len(free) > 0 {
			f.Line = "actions: [{gpio: " + free[0] + ", label: LABEL}]"
		}
		all = append(all, f)
	}
	for _, b := range board.Buses(root, "/dev/gpiochip*") {
		if b.Err != nil && !opened[b.Path] {
			all = append(all, foundDevice{Kind: "GPIO", Device: b.Path, Problem: b.Err.Error()})
		}
	}
	return all
}
