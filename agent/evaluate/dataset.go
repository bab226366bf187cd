// Package evaluate measures a bundle on labelled recordings or images, on the
// engine and with the pipeline that devices run, and judges a release by it.
//
// Start with [ReadDataset], [Run] and [Thresholds.Judge].
package evaluate

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// MaxFiles bounds a dataset.
const MaxFiles = 1_000_000

// A Sample is one labelled file.
type Sample struct {
	Path  string
	Label string
	Slice string // a part of the data that is looked at by itself; may be empty
}

// A Dataset is what a bundle is measured on.
type Dataset struct {
	Name    string
	Samples []Sample
}

// tableName is the file that labels a folder.
const tableName = "labels.csv"

// ReadDataset reads a folder: labels.csv in it has the columns file, label
// and, where wanted, slice; without one, DIR/LABEL/FILE and DIR/LABEL/SLICE/FILE
// say the same. Files whose endings are not in extensions are left out.
func ReadDataset(dir string, extensions []string) (*Dataset, error) {
	d := &Dataset{Name: filepath.Base(filepath.Clean(dir))}
	f, err := os.Open(filepath.Join(dir, tableName))
	switch {
	case err == nil:
		defer f.Close()
		err = d.readTable(dir, f)
	case errors.Is(err, fs.ErrNotExist):
		err = d.walk(dir, extensions)
	}
	if err != nil {
		return nil, fmt.Errorf("dataset %s: %w", dir, err)
	}
	if len(d.Samples) == 0 {
		return nil, fmt.Errorf("dataset %s: no file in it; want DIR/LABEL/FILE with %s, or %s", dir, strings.Join(extensions, " "), tableName)
	}
	return d, nil
}

func (d *Dataset) walk(dir string, extensions []string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || !slices.Contains(extensions, strings.ToLower(filepath.Ext(path))) {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		parts := strings.Split(filepath.ToSlash(rel), "/")
		if len(parts) < 2 {
			return fmt.Errorf("%s has no label: want DIR/LABEL/FILE", rel)
		}
		return d.add(Sample{Path: path, Label: parts[0], Slice: strings.Join(parts[1:len(parts)-1], "/")})
	})
}

func (d *Dataset) add(s Sample) error {
	if len(d.Samples) == MaxFiles {
		return fmt.Errorf("more than %d files", MaxFiles)
	}
	d.Samples = append(d.Samples, s)
	return nil
}

func (d *Dataset) readTable(dir string, r io.Reader) error {
	rows := csv.NewReader(r)
	head, err := rows.Read()
	if err != nil {
		return fmt.Errorf("%s: %w", tableName, err)
	}
	file, label, slice := slices.Index(head, "file"), slices.Index(head, "label"), slices.Index(head, "slice")
	if file < 0 || label < 0 {
		return fmt.Errorf("%s: want the columns file and label, there are %s", tableName, strings.Join(head, ", "))
	}
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", tableName, err)
		}
		s := Sample{Path: filepath.Join(dir, filepath.FromSlash(row[file])), Label: row[label]}
		if !filepath.IsLocal(filepath.FromSlash(row[file])) {
			line, _ := rows.FieldPos(file)
			return fmt.Errorf("%s, line %d: %q is not below the folder", tableName, line, row[file])
		}
		if slice >= 0 {
			s.Slice = row[slice]
		}
		if err := d.add(s); err != nil {
			return err
		}
	}
}
