package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wavFile writes silence as 16-bit PCM.
func wavFile(t *testing.T, name string, rate, channels, frames int) string {
	t.Helper()
	var b bytes.Buffer
	data := frames * channels * 2
	b.WriteString("RIFF")
	binary.Write(&b, binary.LittleEndian, uint32(36+data))
	b.WriteString("WAVEfmt ")
	binary.Write(&b, binary.LittleEndian, []uint16{16, 0, 1, uint16(channels)})
	binary.Write(&b, binary.LittleEndian, []uint32{uint32(rate), uint32(rate * channels * 2)})
	binary.Write(&b, binary.LittleEndian, []uint16{uint16(channels * 2), 16})
	b.WriteString("data")
	binary.Write(&b, binary.LittleEndian, uint32(data))
	b.Write(make([]byte, data))
	return writeFile(t, name, b.String())
}

// csvFile writes rows of three columns, the value of each from at.
func csvFile(t *testing.T, name string, rows int, at func(row, column int) float64) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("x,y,z\n")
	for i := range rows {
		fmt.Fprintf(&b, "%g,%g,%g\n", at(i, 0), at(i, 1), at(i, 2))
	}
	return writeFile(t, name, b.String())
}

func shaft(row, column int) float64 {
	return 0.3 * math.Sin(2*math.Pi*25*float64(row)/3200+float64(column))
}

func TestClassifyImages(t *testing.T) {
	bundle := demoFile(t, "bundles/digits-1.0.0.dunlin")
	got := dunlin(t, "classify", "demo/scans", "--bundle", bundle, "--json")
	if got.code != 0 {
		t.Fatalf("%d: %s", got.code, got.stderr)
	}
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	right := 0
	for _, line := range lines {
		var v verdict
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Outcome == nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if v.Spans != nil || v.Windows != 1 || v.Bundle != "digits@1.0.0" {
			t.Fatalf("verdict %q", line)
		}
		if strings.HasSuffix(v.File, "-"+v.Label+".png") {
			right++
		}
	}
	if right < len(lines)*97/100 || len(lines) < 500 {
		t.Errorf("%d of %d right", right, len(lines))
	}
}

func TestClassifyRecordings(t *testing.T) {
	bundle := demoFile(t, "bundles/machine-1.0.0.dunlin")
	table := csvFile(t, "a.csv", 6400, shaft)
	got := dunlin(t, "classify", table, "--bundle", bundle, "--json")
	var v verdict
	if err := json.Unmarshal([]byte(got.stdout), &v); got.code != 0 || err != nil {
		t.Fatalf("%+v", got)
	}
	if v.Windows < 10 || v.DurationS != 2 || v.Label == "" {
		t.Errorf("verdict %s", got.stdout)
	}
	got = dunlin(t, "classify", wavFile(t, "a.wav", 8000, 3, 16000), "--bundle", bundle, "--resample")
	if got.code != 0 || !strings.Contains(got.stdout, "resampled from 8000 Hz") {
		t.Errorf("--resample: %+v", got)
	}
}

// TestClassifyRefuses gives the command files that it cannot use.
func TestClassifyRefuses(t *testing.T) {
	machine, digits := demoFile(t, "bundles/machine-1.0.0.dunlin"), demoFile(t, "bundles/digits-1.0.0.dunlin")
	whole, err := os.ReadFile(wavFile(t, "whole.wav", 3200, 3, 3200))
	if err != nil {
		t.Fatal(err)
	}
	png, err := filepath.Glob("demo/scans/000-*.png")
	if err != nil || len(png) != 1 {
		t.Fatal(png, err)
	}
	half, err := os.ReadFile(png[0])
	if err != nil {
		t.Fatal(err)
	}
	nan := csvFile(t, "nan.csv", 4000, func(row, column int) float64 {
		if row == 7 {
			return math.NaN()
		}
		return shaft(row, column)
	})
	tests := []struct {
		name, bundle, file string
		message, hint      string
	}{
		{"missing file", machine, "/no/such.wav", "/no/such.wav", "check the path"},
		{"wrong rate", machine, wavFile(t, "a.wav", 8000, 3, 16000), "8000 Hz, the bundle wants 3200 Hz", "--resample"},
		{"wrong channels", machine, wavFile(t, "a.wav", 3200, 2, 3200), "2 channels, the bundle wants 3", "all the channels"},
		{"empty wav", machine, wavFile(t, "a.wav", 3200, 3, 0), "a.wav", "WAV file"},
		{"truncated wav", machine, writeFile(t, "a.wav", string(whole[:len(whole)/2])), "a.wav", "WAV file"},
		{"foreign wav", machine, writeFile(t, "a.wav", "MThd, a song for a piano"), "not a WAVE file", "WAV file"},
		{"NaN", machine, nan, "line 9", "rows of numbers"},
		{"ragged rows", machine, writeFile(t, "a.csv", "1,2,3\n1,2\n"), "line 2", "rows of numbers"},
		{"image for a machine", machine, png[0], `does not take ".png" files`, ".wav, .csv"},
		{"foreign image", digits, writeFile(t, "a.png", "no image at all"), "a.png", "png, jpeg, bmp or gif"},
		{"truncated image", digits, writeFile(t, "a.png", string(half[:len(half)/2])), "a.png", "png, jpeg, bmp or gif"},
		{"folder without anything", digits, t.TempDir(), "no file in it suits", ".png"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantFailure(t, dunlin(t, "classify", tt.file, "--bundle", tt.bundle), exitInput, tt.message, tt.hint)
		})
	}
	wantFailure(t, dunlin(t, "classify", "a.wav"), exitUsage, "no bundle", "--bundle FILE")
	wantFailure(t, dunlin(t, "classify", "a.wav", "--bundle", machine, "--resume"), exitUsage, "--resume without --out", "--out FILE")
	wantFailure(t, dunlin(t, "classify", "a.wav", "--bundle", "/no/such.dunlin"), exitInput, "/no/such.dunlin", "check the path")
	wantFailure(t, dunlin(t, "classify", png[0], "--bundle", digits, "--out", "/proc/none/x"), exitInput, "/proc/none/x", "check the path")
}

// TestClassifyGoesOn has one bad file among good ones: the good ones come out,
// and the exit code tells of the bad one.
func TestClassifyGoesOn(t *testing.T) {
	png, err := filepath.Glob("demo/scans/00[0-2]-*.png")
	if err != nil || len(png) != 3 {
		t.Fatal(png, err)
	}
	bad := writeFile(t, "bad.png", "no image")
	got := dunlin(t, "classify", png[0], bad, png[1], png[2], "--bundle", demoFile(t, "bundles/digits-1.0.0.dunlin"))
	wantFailure(t, got, exitInput, "1 of 4 files could not be classified", "png")
	if n := strings.Count(got.stdout, "%"); n != 3 {
		t.Errorf("%d verdicts, want 3:\n%s", n, got.stdout)
	}
}

// TestResume cuts the results of a run off in the middle of a line, as a power
// failure would, and goes on: every file must be there once.
func TestResume(t *testing.T) {
	bundle := demoFile(t, "bundles/digits-1.0.0.dunlin")
	out := filepath.Join(t.TempDir(), "out.jsonl")
	if got := dunlin(t, "classify", "demo/scans", "--bundle", bundle, "--out", out); got.code != 0 || got.stdout != "" {
		t.Fatalf("%+v", got)
	}
	whole, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, dunlin(t, "classify", "demo/scans", "--bundle", bundle, "--out", out), exitFailed, "file exists", "--resume")
	for _, cut := range []int{0, 10, len(whole) / 2, len(whole) - 1, len(whole)} {
		if err := os.WriteFile(out, whole[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		if got := dunlin(t, "classify", "demo/scans", "--bundle", bundle, "--out", out, "--resume"); got.code != 0 {
			t.Fatalf("cut at %d: %+v", cut, got)
		}
		again, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if want, got := files(t, whole), files(t, again); want != got {
			t.Errorf("cut at %d: files differ from the run in one go", cut)
		}
	}
	got := dunlin(t, "classify", "demo/scans", "--bundle", demoFile(t, "bundles/machine-1.0.0.dunlin"), "--out", out, "--resume")
	if got.code == 0 {
		t.Error("resumed with another bundle")
	}
	if err := os.WriteFile(out, []byte("my diary\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, dunlin(t, "classify", "demo/scans", "--bundle", bundle, "--out", out, "--resume"), exitFailed, "line 1 is no result", "another file")
}

// files lists file and label of every line.
func files(t *testing.T, jsonl []byte) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(string(jsonl)) {
		var v verdict
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		fmt.Fprintln(&b, v.File, v.Label)
	}
	return b.String()
}
