package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/ota/release"
)

const demoBundles = "../dunlin/demo/bundles"

// scans lays the demo's scans out as a dataset, with the first half and the
// second as its slices.
func scans(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob("../dunlin/demo/scans/*.png")
	if err != nil || len(files) == 0 {
		t.Fatal("no scans", err)
	}
	var table strings.Builder
	fmt.Fprintln(&table, "slice,file,label")
	for i, f := range files {
		name := filepath.Base(f)
		label := strings.TrimSuffix(name[strings.Index(name, "-")+1:], ".png")
		fmt.Fprintf(&table, "half %d,%s,%s\n", 2*i/len(files)+1, name, label)
		data, err := os.ReadFile(f)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "labels.csv"), []byte(table.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

type office struct {
	t    *testing.T
	dir  string
	keys string
}

func (o *office) run(args ...string) (string, error) {
	var out, errs strings.Builder
	if code := run(context.Background(), append([]string{"--dir", o.dir}, args...), strings.NewReader(""), &out, &errs); code != 0 {
		return out.String(), fmt.Errorf("%s", errs.String())
	}
	return out.String(), nil
}

func (o *office) must(args ...string) string {
	o.t.Helper()
	out, err := o.run(args...)
	if err != nil {
		o.t.Fatalf("%v: %v", args, err)
	}
	return out
}

func (o *office) refused(why string, args ...string) {
	o.t.Helper()
	if out, err := o.run(args...); err == nil || !strings.Contains(err.Error(), why) {
		o.t.Errorf("%v: %v, want %q\n%s", args, err, why, out)
	}
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir(), keys: filepath.Join(t.TempDir(), "keys")}
	o.must("key", "ceremony", o.keys, "--development")
	o.must("repository", "create", "--keys", o.keys)
	return o
}

// renumbered makes another version of a bundle of the demo.
func renumbered(t *testing.T, name, version string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), version+".dunlin")
	if err := renumber(filepath.Join(demoBundles, name), to, version); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestEvaluate: what a bundle is worth decides whether it is released, and
// stands signed beside it.
func TestEvaluate(t *testing.T) {
	o, data := newOffice(t), scans(t)
	digits := filepath.Join(demoBundles, "digits-1.0.0.dunlin")
	if out := o.must("evaluate", digits, "--data", data); !strings.Contains(out, "slice half 2") || !strings.Contains(out, "99.17 %") {
		t.Errorf("%s", out)
	}
	o.refused("variant blur", "publish", digits, "--data", data, "--min-variant", "0.9", "--keys", o.keys)
	o.refused("thresholds without data", "publish", digits, "--min-variant", "0.9", "--keys", o.keys)
	o.must("publish", digits, "--data", data, "--min-accuracy", "0.99", "--keys", o.keys)

	next, candidate := renumbered(t, "digits-1.0.0.dunlin", "1.0.1"), filepath.Join(t.TempDir(), "candidate")
	if out := o.must("propose", next, "--data", data, "--min-accuracy", "0.99", "--out", candidate); !strings.Contains(out, "DIGITS@1.0.0") {
		t.Errorf("it is compared with no release: %s", out)
	}
	bundle := filepath.Join(candidate, "digits-1.0.1.dunlin")
	o.refused("is about", "publish", renumbered(t, "digits-1.0.0.dunlin", "1.0.2"), "--report", bundle+".report", "--keys", o.keys)
	o.refused("accuracy of all", "publish", bundle, "--report", bundle+".report", "--min-accuracy", "0.999", "--keys", o.keys)
	o.refused("approver", "publish", bundle, "--report", bundle+".report", "--min-accuracy", "0.999", "--force", "a customer waits", "--keys", o.keys)
	o.must("publish", bundle, "--report", bundle+".report", "--min-accuracy", "0.999", "--force", "a customer waits", "--approver", "the head of quality", "--keys", o.keys)

	repo, err := release.Open(filepath.Join(o.dir, "repository"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range repo.Released() {
		if r.Path != "models/digits/1.0.1.dunlin.report" {
			continue
		}
		path, err := repo.File(r)
		if err != nil {
			t.Fatal(err)
		}
		e, err := readEvidence(path)
		if err != nil || e.Forced != "a customer waits" || e.Approver != "the head of quality" || len(e.Missed) == 0 || e.Report.Overall.Count != 599 {
			t.Errorf("%v %+v", err, e)
		}
		return
	}
	t.Error("no report was released")
}

// TestEvaluateDrop: a bundle that is worse than the one released is refused,
// whatever it reaches by itself.
func TestEvaluateDrop(t *testing.T) {
	var g gate
	g.want.Drop = 0.01
	data, err := os.ReadFile(filepath.Join("testdata", "worse.json"))
	if err != nil {
		t.Fatal(err)
	}
	var e evidence
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	err = g.pass(&e)
	if err == nil || len(e.Missed) != 2 || !strings.Contains(e.Missed[0], "class b") || !strings.Contains(e.Missed[1], "variant noise") {
		t.Errorf("%v %q", err, e.Missed)
	}
}

// TestEvaluateData is what may be wrong with a dataset.
func TestEvaluateData(t *testing.T) {
	o := &office{t: t, dir: t.TempDir()}
	digits := filepath.Join(demoBundles, "digits-1.0.0.dunlin")
	scan, err := os.ReadFile("../dunlin/demo/scans/000-2.png")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files map[string]string
		why   string
	}{
		"empty":                {nil, "no file in it"},
		"without a label":      {map[string]string{"a.png": string(scan)}, "has no label"},
		"an unknown label":     {map[string]string{"twelve/a.png": string(scan)}, `"twelve"`},
		"no picture":           {map[string]string{"2/a.png": "text"}, "a.png"},
		"no column of that":    {map[string]string{"labels.csv": "name,label\n"}, "want the columns"},
		"out of the folder":    {map[string]string{"labels.csv": "file,label\n../../etc/passwd,2\n"}, "not below the folder"},
		"a file that is gone":  {map[string]string{"labels.csv": "file,label\na.png,2\n"}, "no such file"},
		"rows of other length": {map[string]string{"labels.csv": "file,label\na.png\n"}, "wrong number of fields"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				path := filepath.Join(dir, file)
				_ = os.MkdirAll(filepath.Dir(path), 0o700)
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			o.t = t
			o.refused(c.why, "evaluate", digits, "--data", dir)
		})
	}
	o.t = t
	o.refused("no data to measure on", "evaluate", digits)
	o.refused("no data to measure on", "propose", digits)
}

// TestProposeToCanaries: a build machine with the canary key makes what its
// holders let canaries try; any other key is refused.
func TestProposeToCanaries(t *testing.T) {
	o, data := newOffice(t), scans(t)
	ci, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	o.must("key", "rotate", "canary", ci, "--keys", o.keys)
	digits := filepath.Join(demoBundles, "digits-1.0.0.dunlin")
	o.refused("is for \"snapshot\"", "propose", digits, "--data", data, "--out", out, "--canary-key", filepath.Join(o.keys, "release", "snapshot.key"))
	if said := o.must("propose", digits, "--data", data, "--out", out, "--canary-key", filepath.Join(ci, "ci", "canary.key")); !strings.Contains(said, "assign canary/digits/1.0.0.dunlin") {
		t.Error(said)
	}
	for _, part := range []string{"metadata", "targets"} {
		if err := os.CopyFS(filepath.Join(o.dir, "repository", part), os.DirFS(filepath.Join(out, part))); err != nil {
			t.Fatal(err)
		}
	}
	repo, err := release.Open(filepath.Join(o.dir, "repository"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if all := repo.Released(); len(all) != 1 || all[0].Path != "canary/digits/1.0.0.dunlin" {
		t.Errorf("released %+v", all)
	}
	if list := o.must("key", "ls"); !strings.Contains(list, "canary") {
		t.Error(list)
	}
	o.must("publish", filepath.Join(out, "digits-1.0.0.dunlin"), "--report", filepath.Join(out, "digits-1.0.0.dunlin.report"), "--keys", o.keys)
}
