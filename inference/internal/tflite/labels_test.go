package tflite

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestLabelFile: a label file is found wherever the archive begins and whichever
// place its offsets count from, stored or deflated.
func TestLabelFile(t *testing.T) {
	lines := slices.Repeat([]string{"label"}, 1000)
	text := []byte(strings.Join(lines, "\n"))
	for _, before := range []int{0, 5000, 2 * maxZip} {
		for _, shift := range []int64{0, int64(before)} {
			for _, method := range []uint16{zip.Store, zip.Deflate} {
				file := append(make([]byte, before), zipped(t, shift, method, map[string][]byte{"a.txt": []byte("x"), "labels.txt": text})...)
				if got, err := readLabels(file, "labels.txt"); err != nil || !slices.Equal(got, lines) {
					t.Errorf("%d bytes before, shift %d, method %d: %d lines, %v", before, shift, method, len(got), err)
				}
				if _, err := readLabels(file, "label"); err == nil || !strings.Contains(err.Error(), "not in the appended archive") {
					t.Errorf("a name that is not there: %v", err)
				}
			}
		}
	}
}

func TestLabelFileLimits(t *testing.T) {
	many := map[string][]byte{}
	for i := range maxZipFiles + 1 {
		many[fmt.Sprint(i)] = nil
	}
	if _, err := readLabels(zipped(t, 0, zip.Store, many), "0"); err == nil || !strings.Contains(err.Error(), "more than 64 files") {
		t.Errorf("many files: %v", err)
	}
	large := map[string][]byte{"a": bytes.Repeat([]byte{'a'}, maxLabelFile+1)}
	if _, err := readLabels(zipped(t, 0, zip.Deflate, large), "a"); err == nil || !strings.Contains(err.Error(), "is over") {
		t.Errorf("a large file: %v", err)
	}
	large["a"] = large["a"][1:]
	if got, err := readLabels(zipped(t, 0, zip.Deflate, large), "a"); err != nil || len(got) != 1 || len(got[0]) != maxLabelFile {
		t.Errorf("the largest file: %d lines, %v", len(got), err)
	}
}

func zipped(t *testing.T, shift int64, method uint16, files map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	w.SetOffset(shift)
	for name, data := range files {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err == nil {
			_, err = f.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
