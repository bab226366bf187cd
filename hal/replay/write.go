package replay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"strconv"

	"github.com/dunlin-edge/dunlin/hal"
)

// ErrFull means that a recording holds as much as can be played.
var ErrFull = errors.New("the recording is full")

// A CSVWriter writes samples as OpenCSV reads them: a column time_s that counts
// from 0, lost samples left out, and every value in the fewest digits that give
// it back exactly. The same samples give the same bytes.
type CSVWriter struct {
	w      *bufio.Writer
	info   hal.StreamInfo
	frame  uint64 // of the stream, lost ones counted
	values int
	line   []byte
}

// NewCSVWriter writes the header.
func NewCSVWriter(w io.Writer, info hal.StreamInfo) *CSVWriter {
	c := &CSVWriter{w: bufio.NewWriter(w), info: info}
	c.line = append(c.line, "time_s"...)
	for i := range info.Channels {
		name := "channel" + strconv.Itoa(i)
		if i < len(info.Names) {
			name = info.Names[i]
		}
		c.line = append(append(c.line, ','), name...)
	}
	_, _ = c.w.Write(append(c.line, '\n')) // Flush tells
	return c
}

// Write appends a block.
func (c *CSVWriter) Write(b hal.Block, samples []float32) error {
	c.frame += b.Lost
	for i := range b.Frames {
		if c.values += c.info.Channels; c.values > MaxCSVValues {
			return ErrFull
		}
		c.line = strconv.AppendFloat(c.line[:0], float64(c.frame)/c.info.RateHz, 'f', 9, 64)
		for _, v := range samples[i*c.info.Channels : (i+1)*c.info.Channels] {
			c.line = strconv.AppendFloat(append(c.line, ','), float64(v), 'g', -1, 32)
		}
		if _, err := c.w.Write(append(c.line, '\n')); err != nil {
			return err
		}
		c.frame++
	}
	return nil
}

// Flush ends the recording.
func (c *CSVWriter) Flush() error { return c.w.Flush() }

// A WAVWriter writes sound as OpenWAV reads it, in 32-bit floats: the same
// values come back. A WAV file cannot tell of lost samples.
type WAVWriter struct {
	w     io.WriteSeeker
	buf   *bufio.Writer
	bytes int64
	raw   []byte
}

const wavHeader = 44

// NewWAVWriter writes the header.
func NewWAVWriter(w io.WriteSeeker, info hal.StreamInfo) *WAVWriter {
	h := make([]byte, 0, wavHeader)
	le := binary.LittleEndian
	h = append(h, "RIFF\xff\xff\xff\xffWAVEfmt "...)
	h = le.AppendUint32(h, 16)
	h = le.AppendUint16(h, tagFloat)
	h = le.AppendUint16(h, uint16(info.Channels))
	h = le.AppendUint32(h, uint32(info.RateHz))
	h = le.AppendUint32(h, uint32(info.RateHz)*uint32(4*info.Channels))
	h = le.AppendUint16(h, uint16(4*info.Channels))
	h = le.AppendUint16(h, 32)
	h = append(h, "data\xff\xff\xff\xff"...) // up to the end, until Flush knows
	f := &WAVWriter{w: w, buf: bufio.NewWriter(w)}
	_, _ = f.buf.Write(h) // Flush tells
	return f
}

// Write appends a block.
func (f *WAVWriter) Write(_ hal.Block, samples []float32) error {
	if f.bytes += int64(4 * len(samples)); f.bytes > math.MaxInt32 {
		return ErrFull
	}
	f.raw = f.raw[:0]
	for _, v := range samples {
		f.raw = binary.LittleEndian.AppendUint32(f.raw, math.Float32bits(v))
	}
	_, err := f.buf.Write(f.raw)
	return err
}

// Flush ends the recording: the header gets its lengths.
func (f *WAVWriter) Flush() error {
	if err := f.buf.Flush(); err != nil {
		return err
	}
	for at, v := range map[int64]int64{4: f.bytes + wavHeader - 8, wavHeader - 4: f.bytes} {
		if _, err := f.w.Seek(at, io.SeekStart); err != nil {
			return err
		}
		if err := binary.Write(f.w, binary.LittleEndian, uint32(v)); err != nil {
			return err
		}
	}
	_, err := f.w.Seek(0, io.SeekEnd)
	return err
}

// WritePNG writes a frame as OpenImages reads it, without loss.
func WritePNG(w io.Writer, f *hal.Frame) error {
	switch f.Channels {
	case 1:
		return png.Encode(w, &image.Gray{Pix: f.Pix, Stride: f.Stride, Rect: image.Rect(0, 0, f.Width, f.Height)})
	case 3:
		img := image.NewNRGBA(image.Rect(0, 0, f.Width, f.Height))
		for y := range f.Height {
			row := f.Pix[y*f.Stride:]
			for x := range f.Width {
				copy(img.Pix[y*img.Stride+4*x:], row[3*x:3*x+3])
				img.Pix[y*img.Stride+4*x+3] = 0xff
			}
		}
		return png.Encode(w, img)
	}
	return fmt.Errorf("image of %d channels, want 1 or 3", f.Channels)
}
