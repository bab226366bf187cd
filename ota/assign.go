package ota

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/dunlin-edge/dunlin/ota/disk"
)

// maxAssignment bounds an assignment in bytes.
const maxAssignment = 256 << 10

// ErrReplay marks an assignment that is older than the last accepted one.
var ErrReplay = errors.New("older than the last accepted assignment")

// Assign keeps an assignment that the caller has verified. The floor rises
// first: when power fails before the text is on disk, the next one with this
// number is taken, and never an older one.
func (c *Client) Assign(seq uint64, text []byte) error {
	if len(text) > maxAssignment {
		return fmt.Errorf("assignment of %d bytes, limit %d", len(text), maxAssignment)
	}
	switch floor := c.trust.Seq(); {
	case seq < floor:
		return fmt.Errorf("assignment %d: %w, %d", seq, ErrReplay, floor)
	case seq > floor:
		if err := c.trust.AcceptSeq(seq); err != nil {
			return err
		}
	}
	body := append([]byte(strconv.FormatUint(seq, 10)+"\n"), text...)
	sum := sha256.Sum256(body)
	return disk.Write(c.assignment(), append([]byte(hex.EncodeToString(sum[:])+"\n"), body...))
}

// Assignment returns the text of the last accepted assignment, nil where there
// is none or where it was lost.
func (c *Client) Assignment() ([]byte, error) {
	data, err := disk.Read(c.assignment(), maxAssignment+128)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	line, body, _ := bytes.Cut(data, []byte("\n"))
	if sum := sha256.Sum256(body); string(line) != hex.EncodeToString(sum[:]) {
		return nil, errors.New("assignment: damaged")
	}
	number, text, _ := bytes.Cut(body, []byte("\n"))
	if seq, err := strconv.ParseUint(string(number), 10, 64); err != nil || seq != c.trust.Seq() {
		return nil, fmt.Errorf("assignment %s: not the last accepted one, %d", number, c.trust.Seq())
	}
	return text, nil
}

func (c *Client) assignment() string { return filepath.Join(c.cfg.Dir, "assignment") }
