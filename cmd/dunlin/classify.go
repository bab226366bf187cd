package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/inference"
)

const classifyUsage = `Usage: dunlin classify FILE|DIR... --bundle BUNDLE [--json] [--out FILE]
                                  [--draw DIR]

Runs a bundle's whole pipeline on recordings (wav, csv) or images (png, jpg,
bmp, gif) and says for each file the label, its score and, for recordings, when
the bundle's decisions held. Folders are searched with all folders below.

A recording at another rate than the bundle's is refused, unless --resample
allows the conversion. --out writes JSON lines to a file as they come; with
--resume a run that was cut short goes on after the last file in there. --draw
writes each image with the boxes that a detector found in it to a folder.

Examples:
  dunlin classify yes.wav --bundle speech.dunlin
  dunlin classify scans/ --bundle digits.dunlin --out scans.jsonl
  dunlin classify scans/ --bundle digits.dunlin --out scans.jsonl --resume
  dunlin classify --bundle digits.dunlin --json a.png b.jpg
  dunlin classify street/ --bundle coco.dunlin --draw boxes/
`

// verdict is the JSON line of one file.
type verdict struct {
	File   string `json:"file"`
	Bundle string `json:"bundle"` // name@version
	Digest string `json:"digest"` // of the bundle, SHA-256, hex
	*agent.Outcome
	Error string `json:"error,omitempty"`
}

// classifyRun is one run of the command.
type classifyRun struct {
	e      *env
	unit   *agent.Unit
	cls    *agent.Classifier
	asJSON bool
	out    *os.File // nil without --out
	files  []string
	done   map[string]bool // files that need no more work
	draw   *drawing        // nil without --draw
	table  table
	failed int
	last   error
}

func runClassify(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	path := fl.String("bundle", "", "classify with this `BUNDLE`")
	asJSON := fl.json("one line per file")
	out := fl.String("out", "", "append JSON lines to this `FILE`")
	resume := fl.Bool("resume", false, "skip the files that --out already has")
	draw := fl.String("draw", "", "write images with their boxes to this `DIR`")
	resample := fl.Bool("resample", false, "convert recordings of another rate")
	args, err := fl.parse(args, 1, -1)
	if err != nil {
		return err
	}
	if *path == "" {
		return usageError("name a bundle with --bundle FILE; dunlin bundle init makes one from a model", "classify: no bundle")
	}
	if *resume && *out == "" {
		return usageError("name the output file of the first run with --out FILE", "classify: --resume without --out")
	}
	r := &classifyRun{e: e, asJSON: *asJSON, table: e.table()}
	if r.unit, err = agent.Load(ctx, *path, inference.Options{}); err != nil {
		return fmt.Errorf("classify: %w", err)
	}
	if r.cls, err = r.unit.NewClassifier(*resample); err != nil {
		return fmt.Errorf("classify: %w", err)
	}
	if *draw != "" {
		if r.draw, err = newDrawing(*draw, r.unit); err != nil {
			return err
		}
	}
	if r.files, err = r.expand(args); err != nil {
		return inputError(fmt.Errorf("classify: %w", err), hintOf(err))
	}
	if *out != "" {
		if err := r.open(*out, *resume); err != nil {
			return fmt.Errorf("classify: %w", err)
		}
		defer r.out.Close()
	}
	return r.run(ctx)
}

// expand replaces folders by the files in them that the bundle takes.
func (r *classifyRun) expand(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		st, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !st.IsDir() {
			files = append(files, arg)
			continue
		}
		found, err := r.walk(arg)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, &agent.InputError{
				Err:  fmt.Errorf("%s: no file in it suits a bundle for %s", arg, r.unit.Kind()),
				Todo: "it takes " + strings.Join(r.unit.Extensions(), ", "),
			}
		}
		files = append(files, found...)
	}
	return files, nil
}

func (r *classifyRun) walk(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() && slices.Contains(r.unit.Extensions(), strings.ToLower(filepath.Ext(path))) {
			files = append(files, path)
		}
		return nil
	})
	return files, err // WalkDir sorts
}

func (r *classifyRun) run(ctx context.Context) error {
	bar := r.e.progress(len(r.files))
	for i, file := range r.files {
		if r.done[file] {
			continue
		}
		bar.step(i, file)
		v, err := r.classify(ctx, file)
		if ctx.Err() != nil {
			bar.done()
			return r.interrupted(i)
		}
		if err != nil {
			r.failed++
			r.last = err
		}
		if err := r.write(v); err != nil {
			bar.done()
			return fmt.Errorf("classify: %w", err)
		}
	}
	bar.done()
	return r.finish()
}

func (r *classifyRun) classify(ctx context.Context, file string) (*verdict, error) {
	v := &verdict{File: file, Bundle: r.unit.Name(), Digest: r.unit.Digest}
	out, err := r.cls.File(ctx, file)
	if err != nil {
		v.Error = err.Error()
		return v, err
	}
	v.Outcome = out
	if r.draw != nil {
		err = r.draw.write(file, out.Boxes)
	}
	return v, err
}

func (r *classifyRun) interrupted(done int) error {
	hint := "run it again"
	if r.out != nil {
		hint = "go on from here with the same command and --resume"
	}
	r.table.flush()
	return hintError(fmt.Errorf("classify: interrupted after %d of %d files", done, len(r.files)), hint)
}

// finish prints what is left and judges the run.
func (r *classifyRun) finish() error {
	r.table.flush()
	if r.failed == 0 {
		if r.out != nil && !r.asJSON {
			r.e.notef("%d files classified, %d of them before: %s", len(r.files), len(r.done), r.out.Name())
		}
		return nil
	}
	if len(r.files) == 1 {
		return inputError(fmt.Errorf("classify: %w", r.last), hintOf(r.last))
	}
	hint := hintOf(r.last)
	return inputError(fmt.Errorf("classify: %d of %d files could not be classified; the last: %w", r.failed, len(r.files), r.last), hint)
}
