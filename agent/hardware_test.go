package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/iio"
	"github.com/dunlin-edge/dunlin/inference"
)

// rig is a folder with an accelerometer that may come and go, and a PWM.
type rig struct {
	t    *testing.T
	root string
	pipe *os.File
}

func (b *rig) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

const device0 = "sys/bus/iio/devices/iio:device0/"

// plug makes the accelerometer appear.
func (b *rig) plug() {
	b.t.Helper()
	for i, axis := range []string{"x", "y", "z"} {
		b.write(device0+"scan_elements/in_accel_"+axis+"_en", "0")
		b.write(device0+"scan_elements/in_accel_"+axis+"_index", string(rune('0'+i)))
		b.write(device0+"scan_elements/in_accel_"+axis+"_type", "le:s16/16>>0")
	}
	for name, text := range map[string]string{"buffer/enable": "0", "buffer/length": "2", "sampling_frequency": "3200", "in_accel_scale": "0.01"} {
		b.write(device0+name, text)
	}
	path := filepath.Join(b.root, "dev", "iio:device0")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		b.t.Fatal(err)
	}
	var err error
	if b.pipe, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		b.t.Fatal(err)
	}
	b.write(device0+"name", "adxl345")
}

// unplug lets it go: its file ends, and the kernel forgets it.
func (b *rig) unplug() {
	b.t.Helper()
	for _, gone := range []string{"sys/bus", "dev"} {
		if err := os.RemoveAll(filepath.Join(b.root, gone)); err != nil {
			b.t.Fatal(err)
		}
	}
	b.pipe.Close()
}

// feed delivers samples as the FIFO takes them, until stop.
func (b *rig) feed(stop <-chan struct{}) {
	block := make([]byte, 6*64)
	for i := range 64 * 3 {
		binary.LittleEndian.PutUint16(block[2*i:], uint16(i*37))
	}
	for {
		select {
		case <-stop:
			return
		default:
		}
		if _, err := b.pipe.Write(block); err != nil {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (b *rig) pwm() string {
	data, _ := os.ReadFile(filepath.Join(b.root, "sys/class/pwm/pwmchip0/pwm0/enable"))
	return strings.TrimSpace(string(data))
}

func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// TestSensorComesAndGoes: an agent starts without its sensor, takes it up when
// it comes, switches off what it drives when it goes, and goes on when it is
// back. The other pipeline notices nothing.
func TestSensorComesAndGoes(t *testing.T) {
	b := &rig{t: t, root: t.TempDir()}
	for _, a := range []string{"duty_cycle", "period", "enable"} {
		b.write("sys/class/pwm/pwmchip0/pwm0/"+a, "0")
	}
	bundle := makeBundle(t, machineBundle, nil)
	u, err := Load(t.Context(), bundle, inference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	source := config.Source{Name: "acc", Driver: "iio", Settings: openSensor(true, func() (hal.Sensor, error) {
		return iio.Open(iio.Config{Root: b.root, Device: "adxl345", Channels: []string{"accel_x", "accel_y", "accel_z"}, RateHz: machineRate, Buffered: true})
	})}
	// Every label switches the servo on, whatever the model makes of the noise.
	var actions []config.Action
	for _, label := range u.labels {
		actions = append(actions, config.Action{Kind: config.PWM, On: "result", Label: label, Queue: 8,
			Output: config.Output{Root: b.root, Channel: "pwmchip0/0", Period: 20 * time.Millisecond, On: 2 * time.Millisecond, Pulse: time.Hour}})
	}
	var out bytes.Buffer
	a := newAgent(t, &config.Config{
		Sources:   []config.Source{source, sensorSource("shaft", newFakeSensor(0))},
		Pipelines: []config.Pipeline{pipelineOn("p", "acc", bundle, actions...), pipelineOn("well", "shaft", bundle)},
	}, Options{Stdout: &out})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	acc := func() SourceStatus { return a.Status().Sources[0] }
	within(t, "it is missed", func() bool { s := acc(); return s.State == Waiting && strings.Contains(s.Reason, "no data yet: ") })

	b.plug()
	stop := make(chan struct{})
	go b.feed(stop)
	within(t, "it decides", func() bool { return a.Status().Pipelines[0].Windows > 20 })
	within(t, "the servo is on", func() bool { return b.pwm() == "1" })

	close(stop)
	b.unplug()
	within(t, "its going is noticed", func() bool { return strings.Contains(acc().Reason, "no data since ") })
	within(t, "the servo is off", func() bool { return b.pwm() == "0" })

	seen := a.Status().Pipelines[0].Windows
	b.plug()
	stop = make(chan struct{})
	defer close(stop)
	go b.feed(stop)
	within(t, "it decides again", func() bool { return a.Status().Pipelines[0].Windows > seen+20 && b.pwm() == "1" })
	if w := a.Status().Pipelines[1]; w.Restarts != 0 || w.State != Running {
		t.Errorf("the other pipeline: %+v", w.Health)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if b.pwm() != "0" {
		t.Error("the servo is on after the end")
	}
}
