package replay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Format tags of WAVE files (Microsoft, mmreg.h).
const (
	tagPCM        = 1
	tagFloat      = 3
	tagExtensible = 0xFFFE
)

// maxFormatBytes bounds the "fmt " chunk; the largest known has 40.
const maxFormatBytes = 1024

// wavFormat is a checked "fmt " chunk.
type wavFormat struct {
	channels int
	rateHz   int
	bytes    int // of one value
	float    bool
}

func (f wavFormat) frameBytes() int { return f.channels * f.bytes }

// wavReader reads the samples of one WAVE file.
type wavReader struct {
	format wavFormat
	r      io.Reader
	left   int64 // bytes of data to come
	frame  int64 // frames read, for messages
	raw    []byte
}

// newWAV reads the header up to the samples. size is the file's, or -1 where
// it is not known; with it a cut file is refused before anything is played.
func newWAV(r io.Reader, size int64) (*wavReader, error) {
	c := &counter{r: r}
	var riff [12]byte
	if _, err := io.ReadFull(c, riff[:]); err != nil {
		return nil, early(err, "RIFF header")
	}
	switch {
	case string(riff[:4]) == "RIFX" || string(riff[:4]) == "RF64":
		return nil, fmt.Errorf("%s container, want little-endian RIFF", riff[:4])
	case string(riff[:4]) != "RIFF" || string(riff[8:]) != "WAVE":
		return nil, errors.New("not a WAVE file")
	}
	w := &wavReader{r: c}
	for {
		id, length, err := w.chunk()
		if err != nil {
			return nil, err
		}
		if id == "data" {
			return w, w.begin(int64(length), size, c.n)
		}
		if err := w.header(id, length); err != nil {
			return nil, err
		}
	}
}

// chunk reads the next chunk's name and length.
func (w *wavReader) chunk() (string, uint32, error) {
	var h [8]byte
	if _, err := io.ReadFull(w.r, h[:]); err != nil {
		return "", 0, early(err, "no data chunk")
	}
	return string(h[:4]), binary.LittleEndian.Uint32(h[4:]), nil
}

// header takes the format or skips another chunk; chunks are padded to even.
func (w *wavReader) header(id string, length uint32) error {
	padded := int64(length) + int64(length&1)
	if id != "fmt " {
		if _, err := io.CopyN(io.Discard, w.r, padded); err != nil {
			return early(err, fmt.Sprintf("chunk %q", id))
		}
		return nil
	}
	if length > maxFormatBytes {
		return fmt.Errorf("format chunk: %d bytes, limit %d", length, maxFormatBytes)
	}
	b := make([]byte, padded)
	if _, err := io.ReadFull(w.r, b); err != nil {
		return early(err, "format chunk")
	}
	f, err := parseFormat(b[:length])
	if err != nil {
		return fmt.Errorf("format chunk: %w", err)
	}
	w.format = f
	return nil
}

// begin starts the samples: length bytes by the header, of a file of size
// bytes of which at are read.
func (w *wavReader) begin(length, size, at int64) error {
	switch {
	case w.format.channels == 0:
		return errors.New("samples come before their format")
	case length == math.MaxUint32: // written to a pipe: up to the end
		w.left = math.MaxInt64
		if size >= 0 {
			w.left = size - at
		}
		w.left -= w.left % int64(w.format.frameBytes())
	case size >= 0 && length > size-at:
		return fmt.Errorf("file is cut: %d bytes of samples, the header promises %d", size-at, length)
	case length%int64(w.format.frameBytes()) != 0:
		return fmt.Errorf("%d bytes of samples are no whole number of frames of %d bytes", length, w.format.frameBytes())
	default:
		w.left = length
	}
	if w.left == 0 {
		return errors.New("file has no samples")
	}
	return nil
}

func parseFormat(b []byte) (wavFormat, error) {
	if len(b) < 16 {
		return wavFormat{}, fmt.Errorf("%d bytes, want 16 or more", len(b))
	}
	le := binary.LittleEndian
	tag, bits := le.Uint16(b), int(le.Uint16(b[14:]))
	f := wavFormat{channels: int(le.Uint16(b[2:])), rateHz: int(le.Uint32(b[4:])), bytes: (bits + 7) / 8}
	if tag == tagExtensible {
		var err error
		if tag, err = subFormat(b); err != nil {
			return f, err
		}
	}
	f.float = tag == tagFloat
	switch {
	case tag != tagPCM && tag != tagFloat:
		return f, fmt.Errorf("%s, want PCM or float samples", tagName(tag))
	case f.float && bits != 32, !f.float && bits != 8 && bits != 16 && bits != 24 && bits != 32:
		return f, fmt.Errorf("%d bits per sample, want 8, 16, 24 or 32 (float: 32)", bits)
	case f.channels < 1 || f.channels > MaxChannels:
		return f, fmt.Errorf("%d channels, want 1 to %d", f.channels, MaxChannels)
	case f.rateHz < 1 || f.rateHz > MaxRateHz:
		return f, fmt.Errorf("%d Hz, want 1 to %v", f.rateHz, float64(MaxRateHz))
	case int(le.Uint16(b[12:])) != f.frameBytes():
		return f, fmt.Errorf("frames of %d bytes do not hold %d channels of %d bits", le.Uint16(b[12:]), f.channels, bits)
	}
	return f, nil
}

// subFormat returns the tag in a WAVE_FORMAT_EXTENSIBLE chunk's GUID, whose
// other 14 bytes are fixed (KSDATAFORMAT_SUBTYPE).
func subFormat(b []byte) (uint16, error) {
	if len(b) < 40 {
		return 0, fmt.Errorf("extensible format of %d bytes, want 40", len(b))
	}
	fixed := []byte{0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71}
	if !bytes.Equal(b[26:40], fixed) {
		return 0, fmt.Errorf("unknown sub-format %x", b[24:40])
	}
	return binary.LittleEndian.Uint16(b[24:]), nil
}

func tagName(tag uint16) string {
	switch tag {
	case 2:
		return "Microsoft ADPCM"
	case 6:
		return "A-law"
	case 7:
		return "mu-law"
	case 0x11:
		return "IMA ADPCM"
	case 0x50, 0x55:
		return "MPEG audio"
	}
	return fmt.Sprintf("format tag %#04x", tag)
}

// counter counts the bytes read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// early words an end of file inside what.
func early(err error, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: file ends early", what)
	}
	return fmt.Errorf("%s: %w", what, err)
}
