package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/hal/board"
	"github.com/dunlin-edge/dunlin/hal/bus"
	"github.com/dunlin-edge/dunlin/hal/chip"
)

// jetson tells what NVIDIA's boards measure.
func (d *doctor) jetson() {
	j := d.facts.Jetson
	if j == nil {
		return
	}
	var words []string
	if j.Release != "" {
		words = append(words, "L4T "+j.Release)
	}
	if j.PowerMode != "" {
		words = append(words, "power mode "+j.PowerMode)
	}
	if j.GPUPercent != nil {
		words = append(words, fmt.Sprintf("GPU %.0f %%", *j.GPUPercent))
	}
	var rails []string
	for r, w := range j.Watts {
		rails = append(rails, fmt.Sprintf("%s %.1f W", r, w))
	}
	slices.Sort(rails)
	d.say("jetson", checkOK, "", "%s", strings.Join(append(words, rails...), ", "))
}

// chips says who answers on the I2C buses, and which drivers that could be for.
func (d *doctor) chips() {
	for _, b := range board.Buses(d.root, "/dev/i2c-*") {
		name := filepath.Base(b.Path)
		all, err := bus.Linux{Root: d.root}.Scan(name)
		switch {
		case b.Err != nil: // told by devices
		case err != nil:
			d.say("i2c", checkWarning, fixOf(err.Error()), "%s: %v", name, err)
		case len(all) == 0:
			d.say("i2c", checkOK, "", "%s: nobody answers", name)
		default:
			var words []string
			for _, f := range all {
				words = append(words, f.String()+guess(f))
			}
			d.say("i2c", checkOK, "", "%s: %s", name, strings.Join(words, ", "))
		}
	}
}

// couldBe lists drivers whose chips have the address.
func couldBe(f bus.Found) (all []chip.Model) {
	for _, m := range chip.Models() {
		if f.Driver == "" && slices.Contains(m.Addresses, f.Address) {
			all = append(all, m)
		}
	}
	return all
}

// guess words them.
func guess(f bus.Found) string {
	var names []string
	for _, m := range couldBe(f) {
		names = append(names, m.Name)
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, " or ") + "?)"
}

// stacks are the kernel's drivers of cameras, and what reads what hangs on them:
// a Raspberry Pi's and a Jetson's CSI cameras give raw pixels to Video4Linux.
var stacks = []struct{ driver, kind, source, program, fix string }{
	{"uvcvideo", "USB camera", "camera.v4l2", "", ""},
	{"unicam", "CSI camera", "camera.rpicam", "rpicam-vid", "apt install rpicam-apps"},
	{"bcm2835-unicam", "CSI camera", "camera.rpicam", "rpicam-vid", "apt install rpicam-apps"},
	{"rp1-cfe", "CSI camera", "camera.rpicam", "rpicam-vid", "apt install rpicam-apps"},
	{"bm2835 mmal", "CSI camera of the old stack", "camera.v4l2", "", ""},
	{"tegra-camrtc-capture-vi", "CSI camera", "camera.gstreamer, elements: nvarguscamerasrc", "gst-launch-1.0", "apt install gstreamer1.0-tools nvidia-l4t-gstreamer"},
	{"tegra-video", "CSI camera", "camera.gstreamer, elements: nvarguscamerasrc", "gst-launch-1.0", "apt install gstreamer1.0-tools nvidia-l4t-gstreamer"},
}

// cameras says which stack each camera is on and whether its programs are here.
func (d *doctor) cameras() {
	nodes, _ := filepath.Glob(filepath.Join(d.root, "/sys/class/video4linux/video*"))
	seen := map[string]bool{}
	for _, n := range nodes {
		driver, err := os.Readlink(filepath.Join(n, "device", "driver"))
		name, _ := os.ReadFile(filepath.Join(n, "name"))
		label := strings.TrimSpace(string(name))
		for _, s := range stacks {
			if err != nil || filepath.Base(driver) != s.driver || seen[s.driver+label] {
				continue
			}
			seen[s.driver+label] = true // one camera has several nodes
			text := fmt.Sprintf("%s %s (%s): driver %s", s.kind, label, filepath.Base(n), s.source)
			if _, err := exec.LookPath(s.program); s.program != "" && err != nil {
				d.say("camera", checkWarning, s.fix, "%s; it needs %s, which is not installed", text, s.program)
				continue
			}
			d.say("camera", checkOK, "", "%s", text)
		}
	}
}
