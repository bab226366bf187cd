package ota

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/ota/delta"
	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// counted tells which artifacts a device asked for, and how many bytes it got.
type counted struct {
	fetch.Source
	asked []string
	bytes int64
	fail  string // files whose names contain it end early
}

func (c *counted) Open(ctx context.Context, name string, from int64, tag string) (*fetch.Part, error) {
	p, err := c.Source.Open(ctx, name, from, tag)
	if err != nil || !strings.HasPrefix(name, "targets/") {
		return p, err
	}
	c.asked = append(c.asked, name)
	p.Body = &counting{p.Body, c, c.fail != "" && strings.Contains(name, c.fail)}
	return p, nil
}

type counting struct {
	io.ReadCloser
	c    *counted
	fail bool
}

func (r *counting) Read(p []byte) (int, error) {
	if r.fail {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := r.ReadCloser.Read(p)
	r.c.bytes += int64(n)
	return n, err
}

// model is a file as long as a small bundle, with a head of its own.
func model(head string) string {
	rng := rand.New(rand.NewPCG(3, 3))
	b := make([]byte, 200_000)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	copy(b[150_000:], head)
	return string(b)
}

// publishDelta releases a version with what brings devices to it.
func (w *world) publishDelta(version, contents string, change func(*release.Artifact)) Order {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "a")
	w.must(os.WriteFile(file, []byte(contents), 0o600))
	a := release.Artifact{Path: "models/kws/" + version + ".dunlin", File: file,
		Custom: trust.Custom{Kind: "bundle", Name: "kws", Version: version}}
	deltas, err := w.repo.Deltas(a, w.t.TempDir())
	w.must(err)
	for i := range deltas {
		if change != nil {
			change(&deltas[i])
		}
	}
	w.must(w.repo.Publish(w.ring, append(deltas, a)...))
	return order(a.Path, contents)
}

// TestDelta: a device that has the version before fetches what has changed,
// and the whole where the delta is of no use.
func TestDelta(t *testing.T) {
	one, two := model("one"), model("two")
	for name, c := range map[string]struct {
		change func(*release.Artifact) // of the delta, before it is signed
		before func(w *world, c *Client, src *counted)
		whole  bool
	}{
		"used": {},
		"of another file, signed all the same": {change: func(a *release.Artifact) {
			var d bytes.Buffer
			_ = delta.Make(&d, []byte(one), []byte(model("six")))
			_ = os.WriteFile(a.File, d.Bytes(), 0o600)
		}, whole: true},
		"signed for another result": {change: func(a *release.Artifact) { a.Custom.To = strings.Repeat("0", 64) }, whole: true},
		"signed as a bundle":        {change: func(a *release.Artifact) { a.Custom.Kind = "bundle" }, whole: true},
		"absent at the server": {before: func(w *world, _ *Client, _ *counted) {
			files, _ := filepath.Glob(filepath.Join(w.dir, "targets/models/kws/*.from-*"))
			for _, f := range files {
				_ = os.Remove(f)
			}
		}, whole: true},
		"cut again and again": {before: func(_ *world, _ *Client, src *counted) { src.fail = ".from-" }, whole: true},
		"the flash changed what it is made from": {before: func(w *world, c *Client, _ *counted) {
			a, _ := c.Active("words")
			_ = os.Chmod(a.Path, 0o600)
			_ = os.WriteFile(a.Path, []byte(strings.Replace(one, one[:8], "xxxxxxxx", 1)), 0o600)
		}, whole: true},
		"a part of the whole is there": {before: func(w *world, c *Client, _ *counted) {
			sum := order("", two).SHA256
			_ = os.WriteFile(filepath.Join(w.state, "blobs/.unverified", trust.Target{SHA256: sum}.Hex()), []byte(two[:100_000]), 0o600)
		}, whole: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first := w.publishDelta("1.0.0", one, nil)
			client := w.open()
			src := &counted{Source: client.cfg.Source}
			client.cfg.Source = src
			client.cfg.Wait = nil
			w.must(client.Install(t.Context(), first))
			second := w.publishDelta("2.0.0", two, c.change)
			w.must(client.Refresh(t.Context()))
			src.asked, src.bytes = nil, 0
			if c.before != nil {
				c.before(w, client, src)
			}
			w.must(client.Install(t.Context(), second))
			w.runs(client, two)
			whole := slices.ContainsFunc(src.asked, func(n string) bool { return strings.HasSuffix(n, "2.0.0.dunlin") })
			if whole != c.whole || !whole && src.bytes > int64(len(two))/10 {
				t.Errorf("asked for %q, %d bytes", src.asked, src.bytes)
			}
			blobs, err := filepath.Glob(filepath.Join(w.state, "blobs/*/*"))
			if err != nil || len(blobs) > 2 {
				t.Errorf("%v are left, %v", blobs, err)
			}
		})
	}
}

// TestDeltaFromPrevious: what a slot ran before serves as well.
func TestDeltaFromPrevious(t *testing.T) {
	w := newWorld(t)
	one, other, two := model("one"), strings.Repeat("other", 50_000), model("two")
	client := w.open()
	for _, o := range []Order{w.publishDelta("1.0.0", one, nil), w.publishDelta("1.1.0", other, nil)} {
		w.must(client.Refresh(t.Context()))
		w.must(client.Install(t.Context(), o))
	}
	last := w.publishDelta("1.2.0", two, nil)
	w.must(client.Refresh(t.Context()))
	src := &counted{Source: client.cfg.Source}
	client.cfg.Source = src
	w.must(client.Install(t.Context(), last))
	w.runs(client, two)
	if src.bytes > 1000 {
		t.Errorf("%d bytes, %q", src.bytes, src.asked)
	}
}
