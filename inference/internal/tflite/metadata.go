package tflite

import (
	"fmt"
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

// readLabels reads the lines of a file in the archive.
func readLabels(file []byte, name string) ([]string, error) {
	text, err := archived(file, name)
	if err != nil {
		return nil, fmt.Errorf("metadata: label file %q: %w", name, err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\r\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], "\r")
	}
	return lines, nil
}
