package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/agent"
)

// say runs a command line.
func say(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	o := dunlin(t, args...)
	return o.stdout, o.stderr, o.code
}

// pi is a Raspberry Pi whose power is bad, with an accelerometer.
func pi(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"sys/firmware/devicetree/base/model":                           "Raspberry Pi 4 Model B Rev 1.4\x00",
		"sys/firmware/devicetree/base/compatible":                      "raspberrypi,4-model-b\x00brcm,bcm2711\x00",
		"sys/class/thermal/thermal_zone0/type":                         "cpu-thermal\n",
		"sys/class/thermal/thermal_zone0/temp":                         "82000\n",
		"sys/devices/platform/soc/soc:firmware/get_throttled":          "1\n",
		"sys/class/hwmon/hwmon3/name":                                  "w1_slave_temp\n",
		"sys/class/hwmon/hwmon3/temp1_input":                           "21437\n",
		"proc/meminfo":                                                 "MemTotal: 3885396 kB\nMemAvailable: 40000 kB\n",
		"sys/bus/iio/devices/iio:device0/name":                         "adxl345\n",
		"sys/bus/iio/devices/iio:device0/in_accel_x_raw":               "1\n",
		"sys/bus/iio/devices/iio:device0/scan_elements/in_accel_x_en":  "0\n",
		"sys/bus/iio/devices/iio:device0/sampling_frequency_available": "100 3200\n",
		"sys/class/mmc_host/mmc0/mmc0:0001/life_time":                  "0x0a 0x01\n",
		"proc/asound/card1/pcm0c/info":                                 "card: 1\nname: USB Audio\n",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor":         "powersave\n",
	} {
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

func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	cfg := filepath.Join(dir, "agent.yaml")
	text := "sources: {mic: {driver: audio.pulse}}\npipelines: {p: {source: mic, bundle: x.dunlin}}\nfleet: {dir: " + dir + "/fleet}\n"
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	out, errs, code := say(t, "doctor", "--root", pi(t), "--config", cfg, "--json")
	var all []finding
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitFailed {
		t.Fatalf("%v, exit %d, %s %s", err, code, out, errs)
	}
	for _, want := range []finding{
		{"board", checkOK, "Raspberry Pi 4 Model B Rev 1.4", ""},
		{"heat", checkWarning, "82 °C (cpu-thermal)", "fan"},
		{"speed", checkWarning, "powersave", "cpupower"},
		{"power", checkFailure, "under-voltage now", "power supply"},
		{"wear", checkWarning, "mmc0:0001 has used 100 %", "replace"},
		{"memory", checkWarning, "39.1 MiB", "smaller model"},
		{"config", checkOK, "1 sources, 1 pipelines", ""},
		{"devices", checkOK, "1 sensors (IIO), 1 sensors (hwmon), 1 sound cards", ""},
		{"i2c", checkWarning, "no I2C bus", "raspi-config"},
		{"program", checkFailure, "source mic needs parec", "apt install pulseaudio-utils"},
		{"fleet", checkWarning, "not enrolled", "dunlin enroll"},
	} {
		found := false
		for _, f := range all {
			found = found || f.Check == want.Check && f.State == want.State && strings.Contains(f.Text, want.Text) && strings.Contains(f.Fix, want.Fix)
		}
		if !found {
			t.Errorf("no %+v in %s", want, out)
		}
	}
	out, _, _ = say(t, "doctor", "--root", pi(t), "--config", filepath.Join(dir, "none.yaml"))
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "failure  power") {
			return
		}
	}
	t.Errorf("the text lacks the failure: %s", out)
}

// TestDoctorCameras: CSI and USB cameras are told apart, with what each needs.
func TestDoctorCameras(t *testing.T) {
	root := t.TempDir()
	for node, c := range map[string][2]string{"video0": {"unicam-image", "unicam"}, "video1": {"unicam-embedded", "bcm2835-codec"}, "video2": {"HD Webcam", "uvcvideo"}, "video3": {"HD Webcam", "uvcvideo"}} {
		dir := filepath.Join(root, "sys/class/video4linux", node)
		if err := os.MkdirAll(filepath.Join(dir, "device"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "name"), []byte(c[0]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../../../../bus/platform/drivers/"+c[1], filepath.Join(dir, "device/driver")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "dev"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "dev/i2c-1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", root)
	out, _, _ := say(t, "doctor", "--root", root, "--config", filepath.Join(root, "none.yaml"))
	for _, want := range []string{"warning  camera   CSI camera unicam-image (video0): driver camera.rpicam; it needs rpicam-vid", "apt install rpicam-apps", "USB camera HD Webcam (video2): driver camera.v4l2", "i2c-1: device is absent: I2C bus i2c-1: it is no I2C bus"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if strings.Count(out, "HD Webcam") != 1 || strings.Contains(out, "embedded") {
		t.Errorf("%s", out)
	}
	if err := os.WriteFile(filepath.Join(root, "rpicam-vid"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, _, _ := say(t, "doctor", "--root", root, "--config", filepath.Join(root, "none.yaml")); !strings.Contains(out, "ok       camera   CSI camera unicam-image") {
		t.Errorf("%s", out)
	}
}

func TestScan(t *testing.T) {
	out, _, code := say(t, "sensors", "scan", "--root", pi(t))
	for _, want := range []string{"adxl345 (iio:device0)", "{driver: iio, device: adxl345, channels: [accel_x], rate: 3200, buffered: true}", "{driver: hwmon, device: w1_slave_temp, channels: [temp1], rate: 1}", `{driver: audio.alsa, device: "plughw:1,0", rate: 16000}`, "USB Audio"} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("exit %d, want %q in %s", code, want, out)
		}
	}
	if out, _, _ := say(t, "sensors", "scan", "--root", t.TempDir()); !strings.Contains(out, "dunlin doctor") {
		t.Errorf("nothing there: %s", out)
	}
	var all []foundDevice
	if out, _, _ := say(t, "sensors", "scan", "--root", t.TempDir(), "--json"); json.Unmarshal([]byte(out), &all) != nil || len(all) > 0 {
		t.Errorf("%s", out)
	}
}

func TestSensorsRead(t *testing.T) {
	out, _, code := say(t, "sensors", "read", "vibration", "--config", "demo/agent.yaml", "--for", "300ms")
	for _, want := range []string{"simulated", " 0 lost", "3200.00 wanted", "CHANNEL"} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("exit %d, want %q in %s", code, want, out)
		}
	}
	out, _, code = say(t, "sensors", "read", "scans", "--config", "demo/agent.yaml", "--for", "300ms", "--json")
	if code != exitOK || !strings.Contains(out, `"kind": "image"`) {
		t.Errorf("exit %d, %s", code, out)
	}
	if _, errs, code := say(t, "sensors", "read", "mic", "--config", "demo/agent.yaml"); code != exitUsage || !strings.Contains(errs, "there is: vibration scans") {
		t.Errorf("exit %d, %s", code, errs)
	}
	dir := t.TempDir()
	cfg := filepath.Join(dir, "agent.yaml")
	if err := os.WriteFile(cfg, []byte("sources: {acc: {driver: iio, root: "+dir+", device: adxl345, channels: [accel_x], rate: 100}}\npipelines: {p: {source: acc, bundle: x}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := say(t, "sensors", "read", "acc", "--config", cfg); code == exitOK || !strings.Contains(errs, `no IIO device "adxl345"; here: none`) {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// TestAbsentDeviceHint: not a path is wrong, but a device is not there.
func TestAbsentDeviceHint(t *testing.T) {
	dir := t.TempDir()
	cfg := filepath.Join(dir, "agent.yaml")
	if err := os.WriteFile(cfg, []byte("sources: {acc: {driver: adxl345, bus: spi0.0, rate: 3200, root: "+dir+"}}\npipelines: {p: {source: acc, bundle: x}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := say(t, "sensors", "read", "acc", "--config", cfg); code == exitOK || !strings.Contains(errs, "SPI device spi0.0") || !strings.Contains(errs, "dunlin sensors scan lists what is here") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// TestReadmeNamesEveryDriver keeps the table of sources whole.
func TestReadmeNamesEveryDriver(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range agent.Drivers() {
		if !strings.Contains(string(readme), "`"+d.Name+"`") {
			t.Errorf("README.md does not name driver %s", d.Name)
		}
	}
}
