package tflite

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Metadata is what a model file says about itself: the flatbuffer of
// metadata_schema.fbs, and label files from the zip archive that may be
// appended to the model.
type Metadata struct {
	Name, Description, Author, Version, License string
	Inputs                                      []InputMeta
	Labels                                      []string // one per output class
}

// InputMeta tells how an input was normalized for training: (x - Mean) / Std.
type InputMeta struct {
	Name      string
	Mean, Std []float32
}

// Field numbers and codes of metadata_schema.fbs.
const (
	normalizationOptions = 1 // ProcessUnitOptions
	tensorAxisLabels     = 2 // AssociatedFileType
	tensorValueLabels    = 3
)

// Metadata decodes the file's TFLITE_METADATA buffer, or returns nil if it has
// none. file is the whole model file.
func (m *Model) Metadata(file []byte) (*Metadata, error) {
	var data []byte
	for _, e := range m.metadata {
		if e.name == "TFLITE_METADATA" && int64(e.buffer) < int64(len(m.buffers)) {
			data = m.buffers[e.buffer]
		}
	}
	if len(data) < 8 {
		return nil, nil
	}
	r := newReader(data)
	t := r.table(r.offset(0))
	md := &Metadata{
		Name: t.string(0), Description: t.string(1), Version: t.string(2), Author: t.string(4), License: t.string(5),
	}
	labels := ""
	t.tables(3, func(i int, sub table) {
		if i == 0 {
			sub.tables(2, func(_ int, in table) { md.Inputs = append(md.Inputs, inputMeta(in)) })
			sub.tables(3, func(_ int, out table) { labels = labelFile(out, labels) })
		}
	})
	if r.err != nil {
		return nil, fmt.Errorf("metadata: %w", r.err)
	}
	if labels == "" {
		return md, nil
	}
	var err error
	md.Labels, err = readLabels(file, labels)
	return md, err
}

func inputMeta(t table) InputMeta {
	in := InputMeta{Name: t.string(0)}
	t.tables(4, func(_ int, unit table) {
		if unit.byte(0, 0) == normalizationOptions {
			o := unit.table(1)
			in.Mean, in.Std = o.float32s(0), o.float32s(1)
		}
	})
	return in
}

// labelFile returns the name of the first label file of an output tensor.
func labelFile(t table, have string) string {
	t.tables(6, func(_ int, f table) {
		if k := f.byte(2, 0); have == "" && (k == tensorAxisLabels || k == tensorValueLabels) {
			have = f.string(0)
		}
	})
	return have
}

const (
	maxLabelFile = 1 << 20
	maxZipFiles  = 64
	maxZip       = 2 * maxLabelFile
)

// readLabels finds name in the zip archive that takes at most the last maxZip bytes
// of file: to look through all of a large model takes a part of its opening. Entries are
// counted by their signature first: as objects they take six times the file's bytes.
func readLabels(file []byte, name string) ([]string, error) {
	end := file[max(0, len(file)-maxZip):]
	if bytes.Count(end, []byte("PK\x01\x02")) > maxZipFiles {
		return nil, fmt.Errorf("metadata: appended archive of more than %d files", maxZipFiles)
	}
	z, err := zip.NewReader(bytes.NewReader(end), int64(len(end)))
	if err != nil {
		return nil, fmt.Errorf("metadata: label file %q: appended archive: %w", name, err)
	}
	for _, f := range z.File {
		if f.Name == name {
			return readLabelFile(f)
		}
	}
	return nil, fmt.Errorf("metadata: label file %q is not in the appended archive", name)
}

func readLabelFile(f *zip.File) ([]string, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("metadata: label file %q: %w", f.Name, err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxLabelFile+1))
	if err != nil {
		return nil, fmt.Errorf("metadata: label file %q: %w", f.Name, err)
	}
	if len(text) > maxLabelFile {
		return nil, fmt.Errorf("metadata: label file %q is over %d bytes", f.Name, maxLabelFile)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\r\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], "\r")
	}
	return lines, nil
}
