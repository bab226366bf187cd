package tflite

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
)

// A file of an archive has to be what the standard library finds, wherever the archive
// begins and whichever place its offsets count from.
func TestArchived(t *testing.T) {
	text := bytes.Repeat([]byte("label\n"), 1000)
	for _, shift := range []int64{0, 5000} {
		for _, method := range []uint16{zip.Store, zip.Deflate} {
			file := append(make([]byte, 5000), zipped(t, shift, method, map[string][]byte{"a.txt": []byte("x"), "labels.txt": text, "empty.txt": nil})...)
			for name, want := range map[string][]byte{"labels.txt": text, "a.txt": []byte("x"), "empty.txt": nil} {
				if got, err := archived(file, name); err != nil || !bytes.Equal(got, want) {
					t.Errorf("shift %d, method %d, %s: %d bytes, %v", shift, method, name, len(got), err)
				}
			}
			if _, err := archived(file, "label"); !errors.Is(err, errNotThere) {
				t.Errorf("a name that is not there: %v", err)
			}
		}
	}
}

// Whatever byte of an archive changes, it never gives another text.
func TestArchivedDamaged(t *testing.T) {
	want := bytes.Repeat([]byte("label\n"), 30)
	good := zipped(t, 0, zip.Deflate, map[string][]byte{"labels.txt": want})
	for i := range good {
		for _, mask := range []byte{1, 0x80, 0xFF} {
			bad := bytes.Clone(good)
			bad[i] ^= mask
			if got, err := archived(bad, "labels.txt"); err == nil && !bytes.Equal(got, want) {
				t.Errorf("byte %d: %q", i, got)
			}
		}
		if _, err := archived(good[:i], "labels.txt"); err == nil {
			t.Errorf("cut to %d bytes: no error", i)
		}
	}
}

func TestArchivedLimits(t *testing.T) {
	many := map[string][]byte{}
	for i := range maxArchive + 1 {
		many[fmt.Sprint(i)] = nil
	}
	if _, err := archived(zipped(t, 0, zip.Store, many), "0"); !errors.Is(err, errArchiveBig) {
		t.Errorf("many files: %v", err)
	}
	large := map[string][]byte{"a": make([]byte, maxArchived+1)}
	if _, err := archived(zipped(t, 0, zip.Deflate, large), "a"); !errors.Is(err, errArchived) {
		t.Errorf("a large file: %v", err)
	}
	large["a"] = large["a"][1:]
	if got, err := archived(zipped(t, 0, zip.Deflate, large), "a"); err != nil || len(got) != maxArchived {
		t.Errorf("the largest file: %d bytes, %v", len(got), err)
	}
}

func zipped(t *testing.T, shift int64, method uint16, files map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	w.SetOffset(shift)
	for name, data := range files {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(f, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
