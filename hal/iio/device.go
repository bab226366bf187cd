package iio

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// device is an open IIO device.
type device struct {
	root     devfs.Root
	id, node string
	channels []channel

	file   *os.File // of the buffer; nil when polled
	record int      // bytes
	raw    []byte
	part   int      // bytes of a record that has not come whole
	stamp  *element // nil without timestamps
	last   int64    // timestamp of the record before, ns
	period float64  // ns
	stall  time.Duration
}

// channel turns numbers of the device into values.
type channel struct {
	offset, scale float64
	element       element
	file          *os.File // polled
	buf           [64]byte
}

func (d *device) attr(elem ...string) (string, error) {
	return d.root.Attr(append([]string{"sys/bus/iio/devices", d.id}, elem...)...)
}

func (d *device) set(value string, elem ...string) error {
	return d.root.SetAttr(value, append([]string{"sys/bus/iio/devices", d.id}, elem...)...)
}

// number reads the first of attributes that exists, or else gives def.
func (d *device) number(def float64, attrs ...string) (float64, error) {
	for _, a := range attrs {
		text, err := d.attr(a)
		if notThere(err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, fmt.Errorf("attribute %s is %.40q", a, text)
		}
		return v, nil
	}
	return def, nil
}

// prepare makes the device ready to be read.
func (d *device) prepare(cfg Config) error {
	for _, name := range cfg.Channels {
		if err := d.addChannel(name, cfg.Buffered); err != nil {
			return err
		}
	}
	if !cfg.Buffered {
		return nil
	}
	if err := d.setRate(cfg); err != nil {
		return err
	}
	return d.startBuffer(cfg)
}

func (d *device) addChannel(name string, buffered bool) error {
	var c channel
	var err error
	_, factor := unitOf(name)
	if !buffered {
		base := d.root.Path("sys/bus/iio/devices", d.id, "in_"+name)
		if c.file, err = os.Open(base + "_input"); err == nil { // in units already
			c.scale = factor
			d.channels = append(d.channels, c)
			return nil
		}
		if c.file, err = os.Open(base + "_raw"); notThere(err) {
			return fmt.Errorf("no channel %q; it has %v", name, names(d.root.Path("sys/bus/iio/devices", d.id), "in_", "_raw", "_input"))
		} else if err != nil {
			return err
		}
	}
	if c.scale, err = d.number(1, append(shared([]string{name}, "scale")[1:], "in_scale")...); err != nil {
		return err
	}
	if c.offset, err = d.number(0, append(shared([]string{name}, "offset")[1:], "in_offset")...); err != nil {
		return err
	}
	c.scale *= factor
	d.channels = append(d.channels, c)
	return nil
}

// now reads a polled channel.
func (c *channel) now() (float64, error) {
	n, err := c.file.ReadAt(c.buf[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	text := c.buf[:n]
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == ' ') {
		text = text[:len(text)-1]
	}
	if v, ok := integer(text); ok {
		return (float64(v) + c.offset) * c.scale, nil
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("reading %.20q", text)
	}
	return (v + c.offset) * c.scale, nil
}

// integer parses without an allocation what nearly every reading is.
func integer(text []byte) (int64, bool) {
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	v, sign := int64(0), int64(1)
	if text[0] == '-' {
		text, sign = text[1:], -1
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = 10*v + int64(c-'0')
	}
	return sign * v, len(text) > 0
}

// setRate asks for the rate and checks that it is the one.
func (d *device) setRate(cfg Config) error {
	if have := rates(d.root, d.id, cfg.Channels); len(have) > 0 && !slices.ContainsFunc(have, func(v float64) bool { return near(v, cfg.RateHz) }) {
		return impossible(cfg.RateHz, have)
	}
	text := strconv.FormatFloat(cfg.RateHz, 'f', -1, 64)
	for _, a := range shared(cfg.Channels, "sampling_frequency") {
		err := d.set(text, a)
		if notThere(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("set %s to %s: %w", a, text, err)
		}
		if got, err := d.number(0, a); err == nil && got != 0 && !near(got, cfg.RateHz) {
			return fmt.Errorf("asked for %v Hz it took %v: give that as the rate", cfg.RateHz, got)
		}
		return nil
	}
	return nil // its trigger has the pace
}

func near(a, b float64) bool { return math.Abs(a-b) <= 0.005*math.Abs(b) }

// startBuffer configures the kernel's buffer and opens it.
func (d *device) startBuffer(cfg Config) error {
	if err := d.set("0", "buffer/enable"); err != nil { // settings change only while it is off
		return fmt.Errorf("it has no buffer that this user may use: %w", err)
	}
	if cfg.Trigger != "" {
		if err := d.set(cfg.Trigger, "trigger/current_trigger"); err != nil {
			return fmt.Errorf("trigger %s: %w", cfg.Trigger, err)
		}
	}
	if err := d.arrange(cfg.Channels); err != nil {
		return err
	}
	d.period = 1e9 / cfg.RateHz
	watermark := max(1, int(cfg.RateHz/blocksSecond))
	length := max(16, 64*watermark) // more than a second
	if err := d.set(strconv.Itoa(length), "buffer/length"); err != nil && !notThere(err) {
		return fmt.Errorf("buffer of %d: %w", length, err)
	}
	_ = d.set(strconv.Itoa(watermark), "buffer/watermark") // older kernels have none and wake for each record
	d.stall = max(time.Second, time.Duration(3*d.period)*time.Duration(watermark))
	if err := d.set("1", "buffer/enable"); err != nil {
		return fmt.Errorf("start its buffer (does it need a trigger?): %w", err)
	}
	f, err := os.OpenFile(d.node, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	d.file, d.raw = f, make([]byte, d.record*length)
	return nil
}

// arrange enables the wanted channels and the timestamp, no other, and finds
// out where each stands in a record.
func (d *device) arrange(want []string) error {
	type placed struct {
		index int
		e     *element
	}
	var all []placed
	for _, name := range append(names(d.root.Path("sys/bus/iio/devices", d.id, "scan_elements"), "in_", "_en"), "timestamp") {
		i := slices.Index(want, name)
		on := "0"
		if i >= 0 || name == "timestamp" {
			on = "1"
		}
		err := d.set(on, "scan_elements/in_"+name+"_en")
		if name == "timestamp" && notThere(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("channel %s: %w", name, err)
		}
		if on == "0" {
			continue
		}
		text, err := d.attr("scan_elements/in_" + name + "_type")
		if err != nil {
			return err
		}
		e, err := parseElement(text)
		if err != nil {
			return fmt.Errorf("channel %s: %w", name, err)
		}
		text, err = d.attr("scan_elements/in_" + name + "_index")
		if err != nil {
			return err
		}
		index, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("channel %s: index %.20q", name, text)
		}
		if i >= 0 {
			d.channels[i].element = e
			all = append(all, placed{index, &d.channels[i].element})
		} else if e.bytes == 8 {
			d.stamp = &e
			all = append(all, placed{index, d.stamp})
		}
	}
	for i, name := range want {
		if d.channels[i].element.bytes == 0 {
			return fmt.Errorf("no channel %q in its buffer; it has %v", name, names(d.root.Path("sys/bus/iio/devices", d.id, "scan_elements"), "in_", "_en"))
		}
	}
	slices.SortFunc(all, func(a, b placed) int { return a.index - b.index })
	var order []*element
	for _, p := range all {
		order = append(order, p.e)
	}
	d.record = layout(order)
	return nil
}

// read takes what the buffer has.
func (d *device) read(buf []float32) (hal.Block, error) {
	if d.part >= d.record { // behind a gap
		return d.take(buf), nil
	}
	frames := min(len(buf)/len(d.channels), len(d.raw)/d.record)
	for {
		if err := d.file.SetReadDeadline(time.Now().Add(d.stall)); err != nil {
			return hal.Block{}, err
		}
		n, err := d.file.Read(d.raw[d.part : frames*d.record])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return hal.Block{}, fmt.Errorf("no sample within %s", d.stall)
		}
		if errors.Is(err, io.EOF) {
			return hal.Block{}, errGone
		}
		if err != nil {
			return hal.Block{}, err
		}
		if d.part += n; d.part >= d.record {
			return d.take(buf), nil
		}
	}
}

// take converts whole records up to a gap and keeps the rest.
func (d *device) take(buf []float32) hal.Block {
	frames := min(d.part/d.record, len(buf)/len(d.channels))
	b := hal.Block{Time: time.Now().Add(-time.Duration(float64(frames) * d.period))}
	for i := range frames {
		record := d.raw[i*d.record:][:d.record]
		if lost := d.gap(record, i > 0); lost > 0 && i > 0 {
			break
		} else {
			b.Lost += lost
		}
		for k := range d.channels {
			c := &d.channels[k]
			buf[i*len(d.channels)+k] = float32((float64(c.element.value(record)) + c.offset) * c.scale)
		}
		b.Frames++
	}
	d.part = copy(d.raw, d.raw[b.Frames*d.record:d.part])
	return b
}

// gap returns how many samples the timestamps say are missing before a record.
// With peek such a record is left for the next block.
func (d *device) gap(record []byte, peek bool) uint64 {
	if d.stamp == nil {
		return 0
	}
	at := d.stamp.value(record)
	lost := uint64(0)
	if gap := float64(at - d.last); d.last != 0 && gap > 1.5*d.period && gap < 3600e9 {
		lost = uint64(math.Round(gap/d.period)) - 1
	}
	if lost == 0 || !peek {
		d.last = at
	}
	return lost
}

func (d *device) close() {
	if d.file != nil {
		d.file.Close()
		_ = d.set("0", "buffer/enable") // it may be gone
	}
	for _, c := range d.channels {
		if c.file != nil {
			c.file.Close()
		}
	}
}
