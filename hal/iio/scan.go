package iio

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
)

// element is how a channel stands in a record of the buffer
// (Documentation/ABI/testing/sysfs-bus-iio, scan_elements).
type element struct {
	big    bool
	signed bool
	bits   uint // that count
	bytes  int  // of storage
	shift  uint // to the right, before the rest is cut off
	offset int  // in the record
}

var elementType = regexp.MustCompile(`^(be|le):(s|u)([0-9]{1,2})/([0-9]{1,2})(?:X([0-9]{1,3}))?(?:>>([0-9]{1,2}))?$`)

// parseElement reads a type such as "le:s12/16>>4".
func parseElement(text string) (element, error) {
	m := elementType.FindStringSubmatch(text)
	bad := fmt.Errorf("element type %.40q: want one such as le:s12/16>>4", text)
	if m == nil || m[5] != "" && m[5] != "1" {
		return element{}, bad
	}
	bits, _ := strconv.Atoi(m[3])
	storage, _ := strconv.Atoi(m[4])
	shift := 0
	if m[6] != "" {
		shift, _ = strconv.Atoi(m[6])
	}
	if storage != 8 && storage != 16 && storage != 32 && storage != 64 || bits < 1 || bits+shift > storage {
		return element{}, bad
	}
	return element{big: m[1] == "be", signed: m[2] == "s", bits: uint(bits), bytes: storage / 8, shift: uint(shift)}, nil
}

// layout places elements, in the order of their index, each at a multiple of
// its size, and returns the size of a record: a multiple of the largest.
func layout(all []*element) int {
	at, largest := 0, 1
	for _, e := range all {
		at = (at + e.bytes - 1) / e.bytes * e.bytes
		e.offset = at
		at += e.bytes
		largest = max(largest, e.bytes)
	}
	return (at + largest - 1) / largest * largest
}

// value takes the element's number out of a record.
func (e *element) value(record []byte) int64 {
	b := record[e.offset:][:e.bytes]
	var order binary.ByteOrder = binary.LittleEndian
	if e.big {
		order = binary.BigEndian
	}
	var raw uint64
	switch e.bytes {
	case 1:
		raw = uint64(b[0])
	case 2:
		raw = uint64(order.Uint16(b))
	case 4:
		raw = uint64(order.Uint32(b))
	default:
		raw = order.Uint64(b)
	}
	raw = raw >> e.shift << (64 - e.bits)
	if e.signed {
		return int64(raw) >> (64 - e.bits)
	}
	return int64(raw >> (64 - e.bits))
}
