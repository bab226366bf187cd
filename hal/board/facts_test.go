package board

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestRaspberryPi(t *testing.T) {
	got := ReadFacts(tree(t, map[string]string{
		"sys/firmware/devicetree/base/model":                   "Raspberry Pi 4 Model B Rev 1.4\x00",
		"sys/firmware/devicetree/base/compatible":              "raspberrypi,4-model-b\x00brcm,bcm2711\x00",
		"sys/class/thermal/thermal_zone0/type":                 "cpu-thermal\n",
		"sys/class/thermal/thermal_zone0/temp":                 "61835\n",
		"sys/class/thermal/thermal_zone1/temp":                 "-274000\n",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
		"sys/devices/platform/soc/soc:firmware/get_throttled":  "50005\n",
		"proc/meminfo": "MemTotal:        3885396 kB\nMemFree:          100 kB\nMemAvailable:    3000000 kB\n",
		"sys/class/mmc_host/mmc0/mmc0:0001/life_time":            "0x02 0x03\n",
		"sys/class/mmc_host/mmc1/mmc1:0001/preferred_erase_size": "1\n",
	}))
	want := Facts{
		Model: "Raspberry Pi 4 Model B Rev 1.4", Compatible: []string{"raspberrypi,4-model-b", "brcm,bcm2711"}, Governor: "ondemand",
		Celsius: map[string]float64{"cpu-thermal": 61.835}, MemoryBytes: 3885396 << 10, FreeBytes: 3000000 << 10, Wear: map[string]int{"mmc0:0001": 3},
		Throttled: &Throttled{UnderVoltage: true, Slowed: true, UnderVoltageEver: true, SlowedEver: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestBoardThatTellsNothing(t *testing.T) {
	f := ReadFacts(t.TempDir())
	if f.Model != "" || f.Throttled != nil || len(f.Celsius) > 0 || f.MemoryBytes != 0 {
		t.Errorf("%+v", f)
	}
	odd := ReadFacts(tree(t, map[string]string{"sys/devices/platform/soc/soc:firmware/get_throttled": "on fire", "proc/meminfo": "MemTotal: many kB\n:", "sys/class/thermal/thermal_zone0/temp": "hot"}))
	if odd.Throttled != nil || odd.MemoryBytes != 0 || len(odd.Celsius) > 0 {
		t.Errorf("%+v", odd)
	}
}

func TestBuses(t *testing.T) {
	root := tree(t, map[string]string{"dev/i2c-1": "", "dev/spidev0.0": "", "sys/class/i2c-dev/i2c-1/name": "bcm2835 (i2c@7e804000)\n"})
	all := Buses(root, "/dev/i2c-*")
	if len(all) != 1 || all[0].Path != "/dev/i2c-1" || all[0].Name != "bcm2835 (i2c@7e804000)" || all[0].Err != nil {
		t.Errorf("%+v", all)
	}
}

func TestJetson(t *testing.T) {
	got := ReadFacts(tree(t, map[string]string{
		"sys/firmware/devicetree/base/model":                   "NVIDIA Jetson Orin Nano Developer Kit\x00",
		"sys/devices/platform/gpu.0/load":                      "437\n",
		"etc/nv_tegra_release":                                 "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64\n",
		"var/lib/nvpmodel/status":                              "pmode:0002\n",
		"etc/nvpmodel.conf":                                    "# comment\n< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n",
		"sys/class/hwmon/hwmon1/name":                          "ina3221\n",
		"sys/class/hwmon/hwmon1/in1_label":                     "VDD_IN\n",
		"sys/class/hwmon/hwmon1/in1_input":                     "5080\n",
		"sys/class/hwmon/hwmon1/curr1_input":                   "920\n",
		"sys/class/hwmon/hwmon1/in2_label":                     "NC\n",
		"sys/class/hwmon/hwmon1/in2_input":                     "0\n",
		"sys/class/hwmon/hwmon1/curr2_input":                   "0\n",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "729600\n",
		"sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "1510400\n",
	}))
	load := 43.7
	want := &Jetson{Release: "R36.4.3", GPUPercent: &load, Watts: map[string]float64{"VDD_IN": 5080 * 920 / 1e6}, PowerMode: "MAXN_SUPER"}
	if !reflect.DeepEqual(got.Jetson, want) || got.MHz != 729.6 || got.MaxMHz != 1510.4 {
		t.Errorf("%+v, %v of %v MHz, want %+v", got.Jetson, got.MHz, got.MaxMHz, want)
	}
	odd := ReadFacts(tree(t, map[string]string{"sys/devices/platform/gpu.0/load": "busy", "var/lib/nvpmodel/status": "pmode:7", "sys/class/hwmon/hwmon0/name": "ina3221"}))
	if odd.Jetson == nil || odd.Jetson.PowerMode != "7" || odd.Jetson.GPUPercent != nil {
		t.Errorf("%+v", odd.Jetson)
	}
}

// TestLowVoltage: newer kernels tell of under-voltage by hwmon only.
func TestLowVoltage(t *testing.T) {
	for alarm, want := range map[string]bool{"0\n": false, "1\n": true} {
		f := ReadFacts(tree(t, map[string]string{"sys/class/hwmon/hwmon2/name": "rpi_volt\n", "sys/class/hwmon/hwmon2/in0_lcrit_alarm": alarm}))
		if f.Throttled == nil || f.Throttled.UnderVoltage != want {
			t.Errorf("alarm %q: %+v", alarm, f.Throttled)
		}
	}
}
