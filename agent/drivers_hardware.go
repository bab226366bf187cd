package agent

import (
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/audio"
	"github.com/dunlin-edge/dunlin/hal/camera"
	"github.com/dunlin-edge/dunlin/hal/hwmon"
	"github.com/dunlin-edge/dunlin/hal/iio"
)

// hardware lists the drivers of real devices. What they read is not touched
// before the source runs: an agent starts without its camera, and takes it up
// when it comes.
func hardware() []config.Driver {
	return []config.Driver{
		{Name: "iio", Summary: "a sensor that the kernel's IIO knows: acceleration, ADC, light, ...", Parse: parseIIO},
		{Name: "hwmon", Summary: "a sensor that the kernel's hardware monitoring knows: DS18B20, power, voltages, ...", Parse: parseHwmon},
		{Name: "serial.lines", Summary: "a serial port that sends lines of numbers: CSV, NMEA", Parse: parseLines},
		{Name: "serial.frames", Summary: "a serial port that sends binary frames", Parse: parseFrames},
		{Name: "modbus.rtu", Summary: "registers of a Modbus device on a serial port", Parse: parseModbus(false)},
		{Name: "modbus.tcp", Summary: "registers of a Modbus device on the network", Parse: parseModbus(true)},
		{Name: "audio.alsa", Summary: "a microphone, through arecord", Parse: parseMicrophone("arecord")},
		{Name: "audio.pulse", Summary: "a microphone of PulseAudio or PipeWire, through parec", Parse: parseMicrophone("parec")},
		{Name: "camera.rpicam", Summary: "a Raspberry Pi's camera, through rpicam-vid", Parse: parseCamera("rpicam", "camera", "0")},
		{Name: "camera.gstreamer", Summary: "any GStreamer source, such as a Jetson's camera", Parse: parseCamera("gstreamer", "elements", "")},
		{Name: "camera.v4l2", Summary: "a camera of the kernel's Video4Linux, such as a USB camera", Parse: parseV4L2},
		{Name: "camera.usb", Summary: "a USB camera, through ffmpeg", Parse: parseCamera("usb", "device", "/dev/video0")},
		{Name: "camera.rtsp", Summary: "a network camera over RTSP, through ffmpeg", Parse: parseCamera("rtsp", "url", "")},
		{Name: "camera.http", Summary: "a network camera over HTTP: MJPEG or snapshots", Parse: parseHTTPCamera},
	}
}

func parseIIO(f *config.Fields) any {
	cfg := iio.Config{
		Root:     f.String("root", ""),
		Device:   f.Required("device", "its name, as dunlin sensors scan lists it"),
		Channels: f.Strings("channels"),
		RateHz:   f.Float("rate", 0, 0.001, iio.MaxRateHz),
		Buffered: f.Bool("buffered", false),
		Trigger:  f.String("trigger", ""),
	}
	s, err := iio.Open(cfg)
	if err != nil {
		f.Problem("", "such as: {driver: iio, device: adxl345, channels: [accel_x, accel_y, accel_z], rate: 3200, buffered: true}", "%v", err)
		return nil
	}
	_ = s.Halt()
	return openSensor(true, func() (hal.Sensor, error) { return iio.Open(cfg) })
}

func parseHwmon(f *config.Fields) any {
	cfg := hwmon.Config{
		Root:     f.String("root", ""),
		Device:   f.Required("device", "its name, as dunlin sensors scan lists it"),
		Channels: f.Strings("channels"),
		RateHz:   f.Float("rate", 1, 0.001, hwmon.MaxRateHz),
	}
	s, err := hwmon.Open(cfg)
	if err != nil {
		f.Problem("", "such as: {driver: hwmon, device: w1_slave_temp, channels: [temp1], rate: 1}", "%v", err)
		return nil
	}
	_ = s.Halt()
	return openSensor(true, func() (hal.Sensor, error) { return hwmon.Open(cfg) })
}

func parseMicrophone(program string) func(*config.Fields) any {
	return func(f *config.Fields) any {
		cfg := audio.Config{
			Program:  program,
			Device:   f.String("device", ""),
			RateHz:   int(f.Int("rate", 16000, 1000, 384000)),
			Channels: int(f.Int("channels", 1, 1, 64)),
		}
		return openSensor(true, func() (hal.Sensor, error) { return audio.Open(cfg) })
	}
}

func parseCamera(program, key, source string) func(*config.Fields) any {
	return func(f *config.Fields) any {
		cfg := camera.CommandConfig{
			Program: program,
			Source:  f.String(key, source),
			Width:   int(f.Int("width", 640, 16, 8192)),
			Height:  int(f.Int("height", 480, 16, 8192)),
			RateHz:  int(f.Int("rate", 15, 1, 240)),
		}
		if _, err := camera.OpenCommand(cfg); err != nil {
			f.Problem(key, "", "%v", err)
			return nil
		}
		return openCamera(func() (hal.Camera, error) { return camera.OpenCommand(cfg) })
	}
}

func parseV4L2(f *config.Fields) any {
	cfg := camera.V4L2Config{
		Root:   f.String("root", ""),
		Device: f.String("device", "/dev/video0"),
		Width:  int(f.Int("width", 640, 16, 8192)),
		Height: int(f.Int("height", 480, 16, 8192)),
		RateHz: int(f.Int("rate", 15, 1, 240)),
	}
	if _, err := camera.OpenV4L2(cfg); err != nil {
		f.Problem("device", "", "%v", err)
		return nil
	}
	return openCamera(func() (hal.Camera, error) { return camera.OpenV4L2(cfg) })
}

func parseHTTPCamera(f *config.Fields) any {
	cfg := camera.HTTPConfig{URL: f.Required("url", "such as http://camera.local/stream.mjpg"), RateHz: f.Float("rate", 1, 0.001, 240)}
	if _, err := camera.OpenHTTP(cfg); err != nil {
		f.Problem("url", "", "%v", err)
		return nil
	}
	return openCamera(func() (hal.Camera, error) { return camera.OpenHTTP(cfg) })
}

func openCamera(open func() (hal.Camera, error)) opener {
	return func() (*input, error) {
		c, err := open()
		if err != nil {
			return nil, err
		}
		return &input{camera: c, live: true}, nil
	}
}
