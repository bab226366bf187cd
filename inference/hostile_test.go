package inference

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestHostile opens crafted models, and runs those that are only found out then;
// scripts/golden/hostile.py makes them. The process may not grow by more than
// the limit of one.
func TestHostile(t *testing.T) {
	const limit = 64 << 20
	list := archive(t, "testdata/hostile.zip", ".want")
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // the peak begins here
		t.Fatal(err)
	}
	before := memory(t, "VmRSS")
	for _, e := range list {
		t.Run(e.name, func(t *testing.T) {
			data, want := e.model, string(e.beside)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := openAndRun(data, want)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20+4*uint64(len(data)) {
				t.Errorf("refusing took %d bytes of memory", used)
			}
		})
	}
	if peak := memory(t, "VmHWM"); peak-before > limit+16<<20 {
		t.Errorf("resident memory grew from %d to %d bytes, the limit is %d", before, peak, limit)
	}
}

// openAndRun returns the error of opening, or "run: " and that of a run, with few
// steps where that is wanted.
func openAndRun(data []byte, want string) error {
	o := Options{MaxMemory: 64 << 20}
	if strings.HasPrefix(want, "run: ") {
		o.MaxSteps = 5e6
	}
	m, err := Open(data, o)
	if err != nil {
		return err
	}
	s, err := m.NewSession()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		return fmt.Errorf("run: %s", strings.TrimPrefix(err.Error(), "run model: "))
	}
	return nil
}

// memory returns a field of /proc/self/status in bytes.
func memory(t *testing.T, field string) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	var kb int64
	_, rest, ok := strings.Cut(string(status), field+":")
	if _, err := fmt.Sscan(rest, &kb); !ok || err != nil {
		t.Fatalf("%s: %v", field, err)
	}
	return kb << 10
}

func TestForeignFile(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("hello, this is no model at all"), "onnx": []byte("\x08\x07\x12\x07pytorch"),
	} {
		if _, err := Open(data, Options{}); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v, want ErrFormat", name, err)
		}
	}
}

func TestUnsupportedNamesEverything(t *testing.T) {
	_, err := Open(zipModel(t, "testdata/hostile.zip", "unsupported"), Options{})
	var un *UnsupportedError
	if !errors.As(err, &un) || len(un.Problems) != 2 {
		t.Errorf("error %#v, want an UnsupportedError of two problems", err)
	}
}

// TestTruncated cuts a model at every length: each is an error or, where only
// unused bytes went, a model.
func TestTruncated(t *testing.T) {
	data := zipModel(t, "testdata/ops.zip", "conv_000")
	for n := range data {
		if m, err := Open(data[:n:n], Options{}); err == nil && m == nil {
			t.Fatalf("cut at %d: neither model nor error", n)
		}
	}
}

// TestFileCutWhileInUse truncates a model's file behind an open model: nothing
// of it is mapped.
func TestFileCutWhileInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.tflite")
	if err := os.WriteFile(path, zipModel(t, "testdata/ops.zip", "add_004"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := OpenFile(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	outputs := func() []byte {
		s := session(t, m)
		for i := range s.Input(0).Bytes() {
			s.Input(0).Bytes()[i] = byte(37 * i)
		}
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.Output(0).Bytes()
	}
	want := outputs()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if got := outputs(); !bytes.Equal(got, want) {
		t.Errorf("outputs %v after the file was cut, %v before", got, want)
	}
	if _, err := OpenFile(path, Options{}); !errors.Is(err, ErrFormat) {
		t.Errorf("the cut file opens with %v, want ErrFormat", err)
	}
}

func TestMaxMemory(t *testing.T) {
	data := zipModel(t, "testdata/ops.zip", "conv_000")
	m, err := Open(data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := m.Footprint()
	need := f.ArenaBytes + f.PackedBytes
	if _, err := Open(data, Options{MaxMemory: need}); err != nil {
		t.Errorf("limit of the footprint: %v", err)
	}
	if _, err := Open(data, Options{MaxMemory: need - 1}); err == nil {
		t.Error("one byte less than the footprint is accepted")
	}
}

// FuzzOpen opens what it is given and runs what opens; a run may end with an
// error, but neither panic nor go on. Models of the archives of operators are its
// seeds. Beside the bytes it changes one small number of the file to value: a
// dimension, an index, an offset or an option, where bytes drawn anywhere mostly
// hit weights.
func FuzzOpen(f *testing.F) {
	for _, path := range []string{
		"testdata/ops.zip", "testdata/ops_more.zip", "testdata/ops_float.zip", "testdata/ops_rest.zip",
		"testdata/ops_types.zip", "testdata/ops_flow.zip", "testdata/ops_late.zip", "testdata/ops_wide.zip", "testdata/ops_rows.zip",
	} {
		for i, e := range archive(f, path, ".golden") {
			if strings.HasSuffix(e.name, "_000") || strings.HasSuffix(e.name, "_003") || strings.HasPrefix(e.name, "in_") {
				f.Add(e.model, uint16(31*i), []uint32{0, 1, 2, 3, 1 << 16, 1<<31 - 1, 1<<32 - 1}[i%7])
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint16, value uint32) {
		m, err := Open(changeNumber(data, int(at), value), Options{MaxMemory: 64 << 20, MaxSteps: 1e6})
		if err != nil {
			return
		}
		s, err := m.NewSession()
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Run(ctx); errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
}

// changeNumber sets the aligned word of the file that holds the at-th number
// below 4096, counted around.
func changeNumber(data []byte, at int, value uint32) []byte {
	var small []int
	for i := 0; i+4 <= len(data); i += 4 {
		if binary.LittleEndian.Uint32(data[i:]) < 4096 {
			small = append(small, i)
		}
	}
	if len(small) == 0 {
		return data
	}
	changed := slices.Clone(data)
	binary.LittleEndian.PutUint32(changed[small[at%len(small)]:], value)
	return changed
}
