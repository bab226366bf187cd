package tflite

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Limits of the zip archive that may follow a model.
const (
	maxArchived    = 1 << 20 // bytes of a file in it
	maxArchive     = 64      // files
	maxZipComment  = 1<<16 - 1
	zipEnd, zipDir = 22, 46 // bytes of the records without what varies
	zipLocal       = 30
)

var (
	errNoArchive  = errors.New("no appended archive")
	errArchive    = errors.New("appended archive: zip damaged")
	errArchiveBig = fmt.Errorf("appended archive of more than %d files", maxArchive)
	errNotThere   = errors.New("not in the appended archive")
	errArchived   = fmt.Errorf("is over %d bytes", maxArchived)
	errPacking    = errors.New("neither stored nor deflated in the appended archive")
)

// archived returns a file of the zip archive at the end of data (APPNOTE.TXT of PKWARE,
// 4.3), stored or deflated. Only the archive's directory is searched.
func archived(data []byte, name string) ([]byte, error) {
	tail := data[max(0, len(data)-zipEnd-maxZipComment):]
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || len(tail)-at < zipEnd {
		return nil, errNoArchive
	}
	end := tail[at:]
	files, size, offset := le16(end[10:]), le32(end[12:]), le32(end[16:])
	dir := data[:len(data)-len(end)]
	if size > int64(len(dir)) || offset > int64(len(dir))-size {
		return nil, errArchive
	}
	if files > maxArchive {
		return nil, errArchiveBig
	}
	// Offsets count from the beginning of the file or from that of the archive.
	archive := data[int64(len(dir))-size-offset:]
	for dir = dir[int64(len(dir))-size:]; files > 0; files-- {
		if len(dir) < zipDir || string(dir[:4]) != "PK\x01\x02" {
			return nil, errArchive
		}
		n := zipDir + le16(dir[28:])
		next := n + le16(dir[30:]) + le16(dir[32:])
		if next > len(dir) {
			return nil, errArchive
		}
		if string(dir[zipDir:n]) == name {
			return unpacked(archive, dir[:n])
		}
		dir = dir[next:]
	}
	return nil, errNotThere
}

// unpacked returns the file that a record of the directory describes.
func unpacked(archive, record []byte) ([]byte, error) {
	packed, size, at := le32(record[20:]), le32(record[24:]), le32(record[42:])
	if at > int64(len(archive))-zipLocal || string(archive[at:][:4]) != "PK\x03\x04" {
		return nil, errArchive
	}
	at += zipLocal + int64(le16(archive[at+26:])) + int64(le16(archive[at+28:]))
	if at > int64(len(archive)) || packed > int64(len(archive))-at {
		return nil, errArchive
	}
	method, encrypted := le16(record[10:]), record[8]&1 != 0
	if encrypted || method != 0 && method != 8 {
		return nil, errPacking
	}
	if size > maxArchived {
		return nil, errArchived
	}
	text := archive[at:][:packed]
	if method == 8 {
		var err error
		if text, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(text)), size+1)); err != nil {
			return nil, errArchive
		}
	}
	if int64(len(text)) != size || crc32.ChecksumIEEE(text) != binary.LittleEndian.Uint32(record[16:]) {
		return nil, errArchive
	}
	return text, nil
}

func le16(b []byte) int   { return int(binary.LittleEndian.Uint16(b)) }
func le32(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) }
