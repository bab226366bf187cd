package bundle

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

const blockSize = 512

// Fields of a USTAR header (POSIX.1-1988), offset and length in bytes.
const (
	nameEnd       = 100
	modeAt        = 100
	uidAt         = 108
	gidAt         = 116
	sizeAt        = 124
	sizeEnd       = 136
	mtimeAt       = 136
	sumAt         = 148
	sumEnd        = 156
	typeAt        = 156
	magicAt       = 257
	deviceMajorAt = 329
	deviceMinorAt = 337
)

// header returns the one header a file of this name and size may have: mode
// 0644, no owner, no time, regular. It is what archive/tar writes for USTAR.
func header(name string, size int64) [blockSize]byte {
	var b [blockSize]byte
	copy(b[:nameEnd], name)
	copy(b[modeAt:], "0000644")
	copy(b[uidAt:], "0000000")
	copy(b[gidAt:], "0000000")
	copy(b[sizeAt:], fmt.Sprintf("%011o", size))
	copy(b[mtimeAt:], "00000000000")
	b[typeAt] = '0'
	copy(b[magicAt:], "ustar\x0000")
	copy(b[deviceMajorAt:], "0000000")
	copy(b[deviceMinorAt:], "0000000")
	copy(b[sumAt:], fmt.Sprintf("%06o\x00 ", checksum(&b)))
	return b
}

// checksum sums the header with its checksum field read as spaces.
func checksum(b *[blockSize]byte) int {
	sum := 0
	for i, c := range b {
		if i >= sumAt && i < sumEnd {
			c = ' '
		}
		sum += int(c)
	}
	return sum
}

// firstSize returns the size in the manifest's header, which is the one size
// not known beforehand.
func firstSize(b *[blockSize]byte) (int64, error) {
	size, err := strconv.ParseInt(string(b[sizeAt:sizeEnd-1]), 8, 64)
	if err != nil || size < 0 || *b != header(ManifestName, size) {
		return 0, fmt.Errorf("first entry: %s", explain(b, File{Name: ManifestName, Size: -1}))
	}
	if size > MaxManifestBytes {
		return 0, fmt.Errorf("manifest: %d bytes, limit %d", size, MaxManifestBytes)
	}
	return size, nil
}

// explain says how a header differs from the one wanted, for people. Size -1
// stands for any.
func explain(b *[blockSize]byte, want File) string {
	name := strings.TrimRight(string(b[:nameEnd]), "\x00")
	switch {
	case !bytes.Equal(b[magicAt:magicAt+5], []byte("ustar")):
		return "not a tar header: this is no Dunlin bundle, or it is damaged or cut"
	case b[typeAt] != '0':
		return fmt.Sprintf("%q is %s; only regular files are allowed", name, typeName(b[typeAt]))
	case want.Name == "":
		return fmt.Sprintf("%q", name)
	case name != want.Name:
		return fmt.Sprintf("%q found where %q must stand", name, want.Name)
	case want.Size >= 0 && string(b[sizeAt:sizeEnd-1]) != fmt.Sprintf("%011o", want.Size):
		return fmt.Sprintf("%q differs from its listed size of %d bytes", name, want.Size)
	}
	return fmt.Sprintf("%q has a header that is not in canonical form (times, owners, mode or format)", name)
}

func typeName(flag byte) string {
	switch flag {
	case '1':
		return "a hard link"
	case '2':
		return "a symbolic link"
	case '3', '4':
		return "a device"
	case '5':
		return "a folder"
	case '6':
		return "a pipe"
	case 'x', 'g', 'L', 'K':
		return "an extended header"
	}
	return fmt.Sprintf("an entry of type %q", flag)
}

// padding returns the bytes that fill the last block of size bytes.
func padding(size int64) int64 { return (blockSize - size%blockSize) % blockSize }
