package board

import (
	"bufio"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// Jetson is what only NVIDIA's boards tell.
type Jetson struct {
	Release    string             `json:"release,omitempty"`     // of L4T
	GPUPercent *float64           `json:"gpu_percent,omitempty"` // load now
	Watts      map[string]float64 `json:"watts,omitempty"`       // by rail of the INA3221 monitors, such as VDD_IN
	PowerMode  string             `json:"power_mode,omitempty"`  // of nvpmodel
}

// jetson reads what is there without root; nil on other boards.
func jetson(r devfs.Root) *Jetson {
	j := Jetson{Release: release(r), Watts: rails(r), PowerMode: powerMode(r)}
	// Per mille; the folder has moved between releases.
	for _, dir := range []string{"sys/devices/platform/gpu.0", "sys/devices/gpu.0", "sys/devices/platform/bus@0/17000000.gpu", "sys/devices/platform/17000000.gpu", "sys/devices/platform/17000000.ga10b"} {
		if v, err := r.Float(dir, "load"); err == nil && v >= 0 && v <= 1000 {
			v /= 10
			j.GPUPercent = &v
			break
		}
	}
	if j.Release == "" && j.GPUPercent == nil && len(j.Watts) == 0 && j.PowerMode == "" {
		return nil
	}
	return &j
}

// release reads "# R36 (release), REVISION: 4.3, GCID: ..." as R36.4.3.
func release(r devfs.Root) string {
	text, err := r.Attr("etc/nv_tegra_release")
	if err != nil {
		return ""
	}
	var major, revision string
	if _, err := fmt.Sscanf(text, "# %s (release), REVISION: %s", &major, &revision); err != nil {
		return ""
	}
	return major + "." + strings.TrimSuffix(revision, ",")
}

// rails multiplies volts (mV) and amperes (mA) of the labelled channels
// (Documentation/hwmon/ina3221.rst).
func rails(r devfs.Root) map[string]float64 {
	all := map[string]float64{}
	names, _ := filepath.Glob(r.Path("sys/class/hwmon/hwmon*/name"))
	for _, n := range names {
		dir := filepath.Join("sys/class/hwmon", filepath.Base(filepath.Dir(n)))
		if name, err := r.Attr(dir, "name"); err != nil || name != "ina3221" {
			continue
		}
		for channel := 1; channel <= 3; channel++ {
			label, err := r.Attr(dir, fmt.Sprintf("in%d_label", channel))
			volts, e1 := r.Float(dir, fmt.Sprintf("in%d_input", channel))
			amperes, e2 := r.Float(dir, fmt.Sprintf("curr%d_input", channel))
			if err == nil && e1 == nil && e2 == nil && label != "" && label != "NC" {
				all[label] = volts * amperes / 1e6
			}
		}
	}
	return all
}

// powerMode reads which of nvpmodel.conf's modes is set.
func powerMode(r devfs.Root) string {
	status, err := r.Attr("var/lib/nvpmodel/status")
	if err != nil {
		return ""
	}
	var id int
	if _, err := fmt.Sscanf(status, "pmode:%d", &id); err != nil {
		return ""
	}
	f, err := r.Open("etc/nvpmodel.conf")
	if err != nil {
		return fmt.Sprint(id)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var have int
		var name string
		if _, err := fmt.Sscanf(strings.TrimSpace(s.Text()), "< POWER_MODEL ID=%d NAME=%s", &have, &name); err == nil && have == id {
			return name
		}
	}
	return fmt.Sprint(id)
}
