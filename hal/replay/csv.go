package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxLine bounds one row of a CSV, in bytes.
const maxLine = 64 << 10

// table is a CSV being read.
type table struct {
	cfg    *Config
	sep    string
	line   int
	names  []string // of all columns; nil without a header
	time   timeColumn
	width  int // columns of a row, 0 before the first
	fields []string

	values []float32
	times  []float64 // seconds since epoch0
	epoch0 time.Time // of the first row; zero where times are relative
}

// parseCSV reads a whole file.
func parseCSV(r io.Reader, cfg *Config) (*recording, error) {
	t := &table{cfg: cfg, time: timeColumn{index: -1}}
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 4096), maxLine)
	for s.Scan() {
		t.line++
		if err := t.row(s.Bytes()); err != nil {
			return nil, fmt.Errorf("line %d: %w", t.line, err)
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("line %d: longer than %d bytes", t.line+1, maxLine)
	}
	if s.Err() != nil {
		return nil, s.Err()
	}
	return t.recording()
}

// row takes one line; blank lines and those that start with # are skipped.
func (t *table) row(line []byte) error {
	if t.line == 1 {
		line = bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))
	}
	text := strings.TrimSpace(string(line))
	if text == "" || text[0] == '#' {
		return nil
	}
	if t.width == 0 {
		return t.firstRow(text)
	}
	t.split(text)
	if len(t.fields) != t.width {
		return fmt.Errorf("%d columns, the rows before have %d", len(t.fields), t.width)
	}
	return t.record()
}

func (t *table) split(text string) {
	t.fields = t.fields[:0]
	for f := range strings.SplitSeq(text, t.sep) {
		t.fields = append(t.fields, strings.Trim(strings.TrimSpace(f), `"`))
	}
}

// firstRow settles separator, columns and time; it is a header if any of its
// fields is neither number nor date.
func (t *table) firstRow(text string) error {
	t.sep = ","
	for _, sep := range []string{"\t", ";"} {
		if strings.Contains(text, sep) {
			t.sep = sep
		}
	}
	t.split(text)
	t.width = len(t.fields)
	if t.width > MaxChannels+1 {
		return fmt.Errorf("%d columns, limit %d", t.width, MaxChannels+1)
	}
	header := false
	for _, f := range t.fields {
		header = header || !isData(f)
	}
	if header {
		t.names = append([]string(nil), t.fields...)
	}
	if err := t.findTime(); err != nil {
		return err
	}
	if t.width == 1 && t.time.index == 0 {
		return errors.New("a time column and no values")
	}
	if header {
		return nil
	}
	return t.record()
}

func isData(field string) bool {
	if _, err := strconv.ParseFloat(field, 64); err == nil {
		return true
	}
	_, err := time.Parse(time.RFC3339Nano, field)
	return err == nil
}

// record stores the row in fields.
func (t *table) record() error {
	for i, f := range t.fields {
		if i == t.time.index {
			if err := t.addTime(f); err != nil {
				return err
			}
			continue
		}
		v, err := strconv.ParseFloat(f, 32)
		if err != nil || v-v != 0 {
			return fmt.Errorf("column %s: %q, want a finite number", t.column(i), f)
		}
		t.values = append(t.values, float32(v))
	}
	if len(t.values) > MaxCSVValues {
		return fmt.Errorf("more than %d values in one file", MaxCSVValues)
	}
	return nil
}

func (t *table) column(i int) string {
	if t.names != nil {
		return strconv.Quote(t.names[i])
	}
	return strconv.Itoa(i + 1)
}

// recording turns the table into a clip.
func (t *table) recording() (*recording, error) {
	if len(t.values) == 0 {
		return nil, errors.New("file has no rows of numbers")
	}
	c := &csvClip{values: t.values, channels: t.width}
	rec := &recording{clip: c, start: t.epoch0, rateHz: t.cfg.RateHz, names: t.names}
	if t.time.index >= 0 {
		c.channels--
		if t.names != nil {
			rec.names = append(append([]string(nil), t.names[:t.time.index]...), t.names[t.time.index+1:]...)
		}
		rate, longest, err := t.rate()
		if err != nil {
			return nil, err
		}
		rec.rateHz = rate
		c.findGaps(t.times, rate, longest)
	}
	if rec.rateHz == 0 {
		return nil, errors.New("no time column and no rate; give one of them")
	}
	rec.channels = c.channels
	return rec, nil
}

// gap is lost frames before frame at.
type gap struct {
	at   int
	lost uint64
}

// csvClip plays a table from memory.
type csvClip struct {
	values   []float32
	channels int
	gaps     []gap
	frame    int
}

// findGaps notes intervals above the longest usual one, in seconds.
func (c *csvClip) findGaps(times []float64, rateHz, longest float64) {
	for i := 1; i < len(times); i++ {
		step := times[i] - times[i-1]
		if lost := math.Round(float64(step*rateHz)) - 1; step > longest && lost >= 1 {
			c.gaps = append(c.gaps, gap{at: i, lost: uint64(min(lost, math.MaxInt32))})
		}
	}
}

func (c *csvClip) next(buf []float32) (block, error) {
	left := len(c.values)/c.channels - c.frame
	if left == 0 {
		return block{}, io.EOF
	}
	var b block
	if len(c.gaps) > 0 && c.gaps[0].at == c.frame {
		b.lost = c.gaps[0].lost
		c.gaps = c.gaps[1:]
	}
	if len(c.gaps) > 0 {
		left = min(left, c.gaps[0].at-c.frame)
	}
	b.frames = min(left, len(buf)/c.channels)
	copy(buf, c.values[c.frame*c.channels:][:b.frames*c.channels])
	c.frame += b.frames
	return b, nil
}
