package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxLine bounds a line of a results file.
const maxLine = 16 << 20

// write hands one verdict out, as text, JSON line or both.
func (r *classifyRun) write(v *verdict) error {
	if r.out != nil {
		line, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if _, err := r.out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	switch {
	case r.asJSON:
		return r.e.jsonLine(v)
	case r.out == nil:
		r.row(v)
	}
	return nil
}

// row prints a verdict for people, with its decisions below.
func (r *classifyRun) row(v *verdict) {
	if v.Outcome == nil {
		if len(r.files) > 1 {
			r.table.row(v.File, r.e.style(red, "error"), "", v.Error)
		}
		return
	}
	r.table.row(v.File, r.e.style(bold, v.Label), scoreText(v.Score), strings.Join(v.Notes, "; "))
	for _, s := range v.Spans {
		r.table.row(fmt.Sprintf("  at %.2f s, from %.2f to %.2f s", s.AtS, s.StartS, s.EndS), s.Label, scoreText(s.Score), "")
	}
	for _, b := range v.Boxes {
		r.table.row(fmt.Sprintf("  box %.2f,%.2f to %.2f,%.2f", b.X0, b.Y0, b.X1, b.Y1), b.Label, scoreText(b.Score), "")
	}
	for i, row := range v.Rows {
		r.table.row(fmt.Sprintf("  row %d", i+1), row.Label, scoreText(row.Score), "")
	}
	if len(r.files) == 1 && len(v.Spans) == 0 && len(v.Rows) == 0 && len(v.Boxes) == 0 {
		for _, t := range v.Top[min(1, len(v.Top)):] {
			r.table.row("", t.Label, scoreText(t.Score), "")
		}
	}
}

// open prepares the results file. To resume, it keeps the whole lines in it
// and cuts off what a crash left of the last one.
func (r *classifyRun) open(path string, resume bool) error {
	flags := os.O_RDWR | os.O_CREATE
	if !resume {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if os.IsExist(err) {
		return hintError(err, "go on with it by --resume, or name another file")
	}
	if err != nil {
		return err
	}
	r.out = f
	whole, err := r.readDone(f)
	if err != nil {
		f.Close()
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := f.Truncate(whole); err != nil {
		return err
	}
	_, err = f.Seek(whole, io.SeekStart)
	return err
}

// readDone notes the files that the results file has and returns the length of
// its whole lines.
func (r *classifyRun) readDone(f io.Reader) (whole int64, err error) {
	r.done = map[string]bool{}
	in := bufio.NewReader(io.LimitReader(f, 1<<40))
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		for err == bufio.ErrBufferFull && len(line) < maxLine {
			var more []byte
			line = bytes.Clone(line)
			more, err = in.ReadSlice('\n')
			line = append(line, more...)
		}
		if err == io.EOF {
			return whole, nil // the rest is half a line, or nothing
		}
		if err != nil {
			return 0, err
		}
		var v verdict
		if err := json.Unmarshal(line, &v); err != nil || v.File == "" {
			return 0, hintError(fmt.Errorf("line %d is no result of classify", n), "name another file")
		}
		if v.Digest != r.unit.Digest {
			return 0, hintError(fmt.Errorf("line %d was made with another bundle (%s)", n, v.Bundle), "resume with the bundle of the first run, or name another file")
		}
		whole += int64(len(line))
		if v.Error == "" {
			r.done[v.File] = true
		}
	}
}
