package board

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// Facts are what a board tells of itself. What it does not tell is empty.
type Facts struct {
	Model       string             `json:"model,omitempty"`
	Compatible  []string           `json:"compatible,omitempty"` // from the device tree
	Celsius     map[string]float64 `json:"celsius,omitempty"`    // by thermal zone
	Governor    string             `json:"governor,omitempty"`   // of the first CPU's frequency
	MHz         float64            `json:"mhz,omitempty"`        // of the first CPU, now
	MaxMHz      float64            `json:"max_mhz,omitempty"`    // it can do
	Throttled   *Throttled         `json:"throttled,omitempty"`  // Raspberry Pi
	Jetson      *Jetson            `json:"jetson,omitempty"`
	MemoryBytes int64              `json:"memory_bytes,omitempty"`
	FreeBytes   int64              `json:"free_bytes,omitempty"` // memory that could be had
	Wear        map[string]int     `json:"wear,omitempty"`       // eMMC by device: used life in steps of 10 %, 11 is beyond
}

// Throttled are the bits of the Raspberry Pi's firmware: now, and since boot
// (raspberrypi.com, vcgencmd get_throttled).
type Throttled struct {
	UnderVoltage, Capped, Slowed, Hot bool // now
	UnderVoltageEver, SlowedEver      bool // since boot
}

// ReadFacts reads what is below root; "" is the machine itself.
func ReadFacts(root string) Facts {
	r := devfs.Root(root)
	var f Facts
	f.Model, _ = r.Attr("sys/firmware/devicetree/base/model")
	if f.Model == "" {
		f.Model, _ = r.Attr("sys/class/dmi/id/product_name")
	}
	if c, err := r.Attr("sys/firmware/devicetree/base/compatible"); err == nil {
		f.Compatible = strings.FieldsFunc(c, func(c rune) bool { return c == 0 })
	}
	f.Governor, _ = r.Attr("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
	for attr, to := range map[string]*float64{"scaling_cur_freq": &f.MHz, "cpuinfo_max_freq": &f.MaxMHz} {
		if v, err := r.Float("sys/devices/system/cpu/cpu0/cpufreq", attr); err == nil {
			*to = v / 1000
		}
	}
	f.Celsius = zones(r)
	f.Jetson = jetson(r)
	f.Throttled = throttled(r)
	f.MemoryBytes, f.FreeBytes = memory(r)
	f.Wear = wear(r)
	return f
}

func zones(r devfs.Root) map[string]float64 {
	all := map[string]float64{}
	dirs, _ := filepath.Glob(r.Path("sys/class/thermal/thermal_zone*"))
	for _, d := range dirs {
		id := filepath.Base(d)
		name, _ := r.Attr("sys/class/thermal", id, "type")
		if name == "" {
			name = id
		}
		// A zone that is off fails to be read; some broken ones say 0 K.
		if v, err := r.Float("sys/class/thermal", id, "temp"); err == nil && v > -100e3 && v < 300e3 {
			all[name] = max(v/1000, all[name])
		}
	}
	return all
}

// throttled reads the firmware's bits, or where only the driver of its voltage
// monitor is there (raspberrypi-hwmon), the one of under-voltage.
func throttled(r devfs.Root) *Throttled {
	files, _ := filepath.Glob(r.Path("sys/devices/platform/soc*/soc*firmware/get_throttled"))
	if len(files) == 0 {
		return lowVoltage(r)
	}
	dir := filepath.Dir(files[0])
	text, err := r.Attr("sys/devices/platform", filepath.Base(filepath.Dir(dir)), filepath.Base(dir), "get_throttled")
	if err != nil {
		return nil
	}
	v, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 32)
	if err != nil {
		return nil
	}
	bit := func(n int) bool { return v>>n&1 == 1 }
	return &Throttled{bit(0), bit(1), bit(2), bit(3), bit(16), bit(18)}
}

func lowVoltage(r devfs.Root) *Throttled {
	names, _ := filepath.Glob(r.Path("sys/class/hwmon/hwmon*/name"))
	for _, n := range names {
		dir := filepath.Join("sys/class/hwmon", filepath.Base(filepath.Dir(n)))
		if name, _ := r.Attr(dir, "name"); name != "rpi_volt" {
			continue
		}
		if alarm, err := r.Float(dir, "in0_lcrit_alarm"); err == nil {
			return &Throttled{UnderVoltage: alarm != 0}
		}
	}
	return nil
}

func memory(r devfs.Root) (total, free int64) {
	text, _ := r.Attr("proc/meminfo")
	for _, line := range strings.Split(text, "\n") {
		name, rest, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		switch {
		case err != nil:
		case name == "MemTotal":
			total = kib << 10
		case name == "MemAvailable":
			free = kib << 10
		}
	}
	return total, free
}

// wear reads the larger of the two estimates (JEDEC eMMC 5.0, EXT_CSD 268 and
// 269).
func wear(r devfs.Root) map[string]int {
	all := map[string]int{}
	files, _ := filepath.Glob(r.Path("sys/class/mmc_host/mmc*/mmc*:*/life_time"))
	for _, f := range files {
		id := filepath.Base(filepath.Dir(f))
		text, err := r.Attr("sys/class/mmc_host", filepath.Base(filepath.Dir(filepath.Dir(f))), id, "life_time")
		if err != nil {
			continue
		}
		for _, s := range strings.Fields(text) {
			if v, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 8); err == nil {
				all[id] = max(all[id], int(v))
			}
		}
	}
	return all
}

// Bus is a device that other things hang on.
type Bus struct {
	Path string
	Name string
	Err  error // why it cannot be opened, with what to do
}

// Buses lists what a pattern such as /dev/i2c-* finds below root.
func Buses(root string, pattern string) []Bus {
	r := devfs.Root(root)
	paths, _ := filepath.Glob(r.Path(pattern))
	var all []Bus
	for _, p := range paths {
		b := Bus{Path: "/" + strings.TrimPrefix(strings.TrimPrefix(p, r.Path()), "/")}
		if strings.HasPrefix(filepath.Base(p), "i2c-") {
			b.Name, _ = r.Attr("sys/class/i2c-dev", filepath.Base(p), "name")
		}
		if err := access(p); err != nil {
			b.Err = r.Explain(b.Path, p, err)
		}
		all = append(all, b)
	}
	return all
}

// SoundCards lists ALSA's cards that can record: number and device in Path, as
// in plughw:1,0.
func SoundCards(root string) []Bus {
	r := devfs.Root(root)
	files, _ := filepath.Glob(r.Path("proc/asound/card[0-9]*/pcm[0-9]*c/info"))
	var all []Bus
	for _, f := range files {
		pcm := filepath.Base(filepath.Dir(f))
		card := filepath.Base(filepath.Dir(filepath.Dir(f)))
		text, err := r.Attr("proc/asound", card, pcm, "info")
		if err != nil {
			continue
		}
		b := Bus{Path: strings.TrimPrefix(card, "card") + "," + strings.Trim(pcm, "pcm")}
		for _, line := range strings.Split(text, "\n") {
			if name, ok := strings.CutPrefix(line, "name: "); ok {
				b.Name = strings.TrimSpace(name)
			}
		}
		all = append(all, b)
	}
	return all
}
