package main

import (
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sharedFile returns a file of the developers' models and recordings, or
// skips.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("DUNLIN_MODELS")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "models")
	}
	path, err := filepath.Abs(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs %s: put the test models beside the repository, or set DUNLIN_MODELS", name)
	}
	return path
}

// TestRealRecordings makes bundles of published models and gives them real
// recordings and photographs.
func TestRealRecordings(t *testing.T) {
	tests := []struct {
		model, labels string
		stage         string            // that goes before the guessed ones
		want          map[string]string // file: label
	}{
		{"tflite-micro/micro_speech_quantized.tflite", "", "", map[string]string{"yes_1000ms.wav": "yes", "no_1000ms.wav": "no", "silence_1000ms.wav": "silence"}},
		// These two pictures hold signed bytes, as the model's own tests take them.
		{"tflite-micro/person_detect.tflite", "", `{"op": "signed"},`, map[string]string{"person.bmp": "person", "no_person.bmp": "no person"}},
		{"vision/tf2_mobilenet_v2_1.0_224_ptq.tflite", "inputs/imagenet_labels.txt", "", map[string]string{"cat.bmp": "Egyptian cat", "grace_hopper.bmp": "military uniform"}},
	}
	for _, tt := range tests {
		t.Run(filepath.Base(tt.model), func(t *testing.T) {
			dir, out := t.TempDir(), filepath.Join(t.TempDir(), "m.dunlin")
			args := []string{"bundle", "init", sharedFile(t, tt.model), "-o", dir}
			if tt.labels != "" {
				args = append(args, "--labels", sharedFile(t, tt.labels))
			}
			if got := dunlin(t, args...); got.code != 0 {
				t.Fatalf("%+v", got)
			}
			prepend(t, filepath.Join(dir, "manifest.json"), tt.stage)
			if got := dunlin(t, "bundle", "pack", dir, "-o", out); got.code != 0 {
				t.Fatalf("%+v", got)
			}
			for file, want := range tt.want {
				v := classifyOne(t, out, sharedFile(t, "inputs/"+file))
				if v.Label != want {
					t.Errorf("%s: %s %.3f, want %s; all: %+v", file, v.Label, v.Score, want, v.Top)
				}
			}
		})
	}
}

// prepend edits a manifest by hand: stage becomes the first of preprocess.
func prepend(t *testing.T, manifest, stage string) {
	t.Helper()
	raw, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	const list = `"preprocess": [`
	text := strings.Replace(string(raw), list, list+stage, 1)
	if err := os.WriteFile(manifest, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func classifyOne(t *testing.T, bundle, file string) verdict {
	t.Helper()
	got := dunlin(t, "classify", file, "--bundle", bundle, "--json")
	var v verdict
	if err := json.Unmarshal([]byte(got.stdout), &v); got.code != 0 || err != nil {
		t.Fatalf("%s: %+v", file, got)
	}
	return v
}

// TestWakeWord finds the wake word in ten seconds of music, where its recipe
// put it, at 1, 4 and 7 s, and nowhere else. A window is one second long, and
// a clip of the word too.
func TestWakeWord(t *testing.T) {
	out := filepath.Join(t.TempDir(), "m.dunlin")
	if got := dunlin(t, "bundle", "init", sharedFile(t, "mlperf-tiny/str_ww_ref_model.tflite"), "-o", out); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	v := classifyOne(t, out, sharedFile(t, "inputs/short_wav_easy10s.wav"))
	if v.Label != "marvin" || len(v.Spans) != 3 {
		t.Fatalf("label %s, spans %+v, want marvin three times", v.Label, v.Spans)
	}
	for i, at := range []float64{1, 4, 7} {
		// It is heard while it is spoken or right after, and held no longer
		// than a window remembers it.
		if s := v.Spans[i]; s.AtS < at+0.1 || s.AtS > at+1.2 || s.EndS > at+2 {
			t.Errorf("span %+v, want a decision while the word at %v s is spoken", s, at)
		}
	}
	if !strings.Contains(strings.Join(v.Notes, ";"), "mixed 2 channels") {
		t.Errorf("notes %q do not tell of the mixing", v.Notes)
	}
}

// TestClassifyDraws finds cats and dogs in a photograph and draws frames around
// them.
func TestClassifyDraws(t *testing.T) {
	out, dir := filepath.Join(t.TempDir(), "m.dunlin"), t.TempDir()
	args := []string{"bundle", "init", sharedFile(t, "vision/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"),
		"--labels", sharedFile(t, "inputs/coco_labels.txt"), "-o", out}
	if got := dunlin(t, args...); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	photo := sharedFile(t, "inputs/cats_and_dogs.jpg")
	got := dunlin(t, "classify", photo, "--bundle", out, "--draw", dir, "--json")
	var v verdict
	if err := json.Unmarshal([]byte(got.stdout), &v); err != nil || got.code != 0 || len(v.Boxes) < 4 || v.Label != "cat" {
		t.Fatalf("%+v", got)
	}
	f, err := os.Open(filepath.Join(dir, "cats_and_dogs.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	b, size := v.Boxes[0], img.Bounds().Size()
	x, y := int((b.X0+b.X1)/2*float32(size.X)), int(b.Y0*float32(size.Y))+1
	if r, g, _, _ := img.At(x, y).RGBA(); r>>8 != 255 || g>>8 != 64 {
		t.Errorf("no frame at %d,%d: %v", x, y, img.At(x, y))
	}
	if got := dunlin(t, "classify", photo, "--bundle", demoFile(t, "bundles/digits-1.0.0.dunlin"), "--draw", dir); got.code == 0 || !strings.Contains(got.stderr, "finds no boxes") {
		t.Errorf("%+v", got)
	}
}
