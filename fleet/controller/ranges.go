package controller

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/fleet"
)

// committed is which numbers of one epoch are in the database: all below Hi,
// and Rest, rising and apart, none touching.
type committed struct {
	Hi   uint64
	Rest []fleet.Range
	came uint64 // records of a batch, of those numbers
}

// maxRest bounds the holes that one epoch may have. A device sends its oldest
// first, so more than a few hundred are a fault.
const maxRest = 4096

// errOverlap marks numbers of which some are committed and some are not. A
// chunk is whole or new: two devices share an identity, or a store was copied.
var errOverlap = errors.New("numbers overlap what is committed")

// add commits numbers. known says that all of them were already.
func (c *committed) add(r fleet.Range) (known bool, err error) {
	end := r.First + r.Count
	if r.Count == 0 || end < r.First || end > 1<<62 {
		return false, fmt.Errorf("numbers %d+%d are not a range", r.First, r.Count)
	}
	if end <= c.Hi {
		return true, nil
	}
	if r.First < c.Hi {
		return false, errOverlap
	}
	i, _ := slices.BinarySearchFunc(c.Rest, r.First, func(have fleet.Range, first uint64) int {
		if have.First+have.Count <= first {
			return -1
		}
		return 1
	})
	if i < len(c.Rest) && c.Rest[i].First < end { // meets the first that ends behind us
		have := c.Rest[i]
		if have.First <= r.First && have.First+have.Count >= end {
			return true, nil
		}
		return false, errOverlap
	}
	if len(c.Rest) >= maxRest {
		return false, fmt.Errorf("more than %d holes", maxRest)
	}
	c.Rest = slices.Insert(c.Rest, i, r)
	c.join(i)
	return false, nil
}

// join melts the i-th range with its neighbours and with Hi.
func (c *committed) join(i int) {
	if i+1 < len(c.Rest) && c.Rest[i].First+c.Rest[i].Count == c.Rest[i+1].First {
		c.Rest[i].Count += c.Rest[i+1].Count
		c.Rest = slices.Delete(c.Rest, i+1, i+2)
	}
	if i > 0 && c.Rest[i-1].First+c.Rest[i-1].Count == c.Rest[i].First {
		c.Rest[i-1].Count += c.Rest[i].Count
		c.Rest = slices.Delete(c.Rest, i, i+1)
	}
	if len(c.Rest) > 0 && c.Rest[0].First == c.Hi {
		c.Hi += c.Rest[0].Count
		c.Rest = slices.Delete(c.Rest, 0, 1)
	}
}

// total is how many numbers are committed.
func (c *committed) total() uint64 {
	n := c.Hi
	for _, r := range c.Rest {
		n += r.Count
	}
	return n
}

// ack returns what the device is told.
func (c *committed) ack(device string, epoch uint32) fleet.Ack {
	return fleet.Ack{Device: device, Epoch: epoch, Hi: c.Hi, Ranges: c.Rest[:min(len(c.Rest), 1000)]}
}

// read takes what a row says.
func (c *committed) read(device string, hi int64, rest string) error {
	c.Hi = uint64(hi)
	if err := json.Unmarshal([]byte(rest), &c.Rest); err != nil {
		return fmt.Errorf("ranges of %s: %w", device, err)
	}
	return nil
}

func (c *committed) text() (string, error) {
	if len(c.Rest) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(c.Rest)
	return string(b), err
}

func rangeOf(first, count uint64) fleet.Range { return fleet.Range{First: first, Count: count} }
