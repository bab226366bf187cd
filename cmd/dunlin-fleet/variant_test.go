package main

import (
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// twoModels packs the digits bundle of the demo with a second model, whose
// last layer knows nothing.
func twoModels(t *testing.T, version string, change func(*bundle.Manifest)) string {
	t.Helper()
	m, files := unpacked(t, filepath.Join(demoBundles, "digits-1.0.0.dunlin"))
	other, spoilt := unpacked(t, retrain(t, filepath.Join(demoBundles, "digits-1.0.0.dunlin")))
	v := bundle.Variant{Model: bundle.ModelRef{File: "second.tflite", Format: "tflite"}}
	files["second.tflite"] = spoilt[other.Model.File]
	for _, g := range other.Golden {
		for k, name := range g.Output {
			files["second/"+name] = spoilt[name]
			g.Output[k] = "second/" + name
		}
		v.Golden = append(v.Golden, g)
	}
	m.Version, m.Files, m.Variants = version, nil, []bundle.Variant{v}
	if change != nil {
		change(m)
	}
	to := filepath.Join(t.TempDir(), version+".dunlin")
	if _, err := bundle.PackFile(to, m, files); err != nil {
		t.Fatal(err)
	}
	return to
}

func unpacked(t *testing.T, path string) (*bundle.Manifest, fstest.MapFS) {
	t.Helper()
	b, err := bundle.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m, files := *b.Manifest(), fstest.MapFS{}
	for _, f := range m.Files {
		data, err := b.File(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = &fstest.MapFile{Data: data}
	}
	return &m, files
}

// TestPublishJudgesEveryModel: a bundle is as good as the worst of its models,
// since some board will run that one.
func TestPublishJudgesEveryModel(t *testing.T) {
	o, data := newOffice(t), scans(t)
	o.refused("no golden sample for second.tflite", "publish", twoModels(t, "1.1.0", func(m *bundle.Manifest) { m.Variants[0].Golden = nil }), "--keys", o.keys)
	o.refused("golden sample", "publish", twoModels(t, "1.1.0", func(m *bundle.Manifest) { m.Variants[0].Golden = m.Golden }), "--keys", o.keys)
	both := twoModels(t, "1.1.0", nil)
	o.refused("model 2: accuracy of all", "publish", both, "--data", data, "--min-accuracy", "0.9", "--keys", o.keys)
	o.must("publish", both, "--keys", o.keys)
}
