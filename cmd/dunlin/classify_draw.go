package main

import (
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/inference/vision"
)

// drawing writes pictures with the boxes found in them to a folder.
type drawing struct {
	dir    string
	labels []string          // seen so far: each has a colour
	from   map[string]string // the file that each picture was drawn from
}

// newDrawing makes the folder for a bundle that finds boxes.
func newDrawing(dir string, u *agent.Unit) (*drawing, error) {
	if !u.Detects() {
		return nil, usageError("leave --draw out; its postprocessing has no stage boxes", "classify: %s finds no boxes", u.Name())
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, hintError(err, "name a folder that you may write to with --draw DIR")
	}
	return &drawing{dir: dir, from: map[string]string{}}, nil
}

// write draws the boxes of one file into DIR/NAME.png.
func (d *drawing) write(file string, boxes []agent.Box) error {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)) + ".png"
	if other, twice := d.from[name]; twice {
		return hintError(fmt.Errorf("draw %s: %s has its name in %s", file, other, d.dir), "classify one folder at a time, or rename one of them")
	}
	d.from[name] = file
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	img, err := vision.Decode(data)
	if err != nil {
		return fmt.Errorf("draw %s: %w", file, err)
	}
	out, err := os.Create(filepath.Join(d.dir, name))
	if err != nil {
		return hintError(err, "name a folder that you may write to with --draw DIR")
	}
	defer out.Close()
	if err := png.Encode(out, vision.Draw(img.Picture(), d.boxes(boxes))); err != nil {
		return err
	}
	return out.Close()
}

func (d *drawing) boxes(found []agent.Box) []vision.Box {
	var list []vision.Box
	for _, b := range found {
		class := slices.Index(d.labels, b.Label)
		if class < 0 {
			class = len(d.labels)
			d.labels = append(d.labels, b.Label)
		}
		list = append(list, vision.Box{X0: b.X0, Y0: b.Y0, X1: b.X1, Y1: b.Y1, Class: class, Score: b.Score})
	}
	return list
}
