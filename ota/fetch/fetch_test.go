package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// contents returns n bytes that do not repeat.
func contents(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

func want(data []byte) Want {
	return Want{Name: "targets/model", Length: int64(len(data)), SHA256: sha256.Sum256(data)}
}

// try runs a fetch from a handler; it gives up after tries waits.
func try(t *testing.T, w Want, tries int, h http.HandlerFunc) (*Blobs, string, error) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	b := store(t, tries)
	path, err := b.Fetch(t.Context(), web(t, srv.URL), w)
	return b, path, err
}

var errTries = errors.New("enough tries")

func store(t *testing.T, tries int) *Blobs {
	t.Helper()
	b, err := OpenBlobs(BlobsConfig{Dir: t.TempDir(), Free: 1, Wait: func(ctx context.Context, _ time.Duration) error {
		if tries--; tries < 0 {
			return errTries
		}
		return ctx.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func web(t *testing.T, url string) *Web {
	t.Helper()
	w, err := NewWeb(WebConfig{URL: url, Rate: 100, Patience: 300 * time.Millisecond, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// good checks a fetched blob.
func good(t *testing.T, data []byte, path string, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

// serve answers as a good web server does.
func serve(data []byte, tag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

func TestFetch(t *testing.T) {
	data := contents(300 << 10)
	_, path, err := try(t, want(data), 0, serve(data, `"a"`))
	good(t, data, path, err)
}

// TestLinkCut: the bytes that were read are not read again.
func TestLinkCut(t *testing.T) {
	data := contents(1 << 20)
	var sent atomic.Int64
	_, path, err := try(t, want(data), 20, func(w http.ResponseWriter, r *http.Request) {
		serve(data, `"a"`)(&cutter{ResponseWriter: w, left: 100 << 10, sent: &sent}, r)
	})
	good(t, data, path, err)
	if extra := sent.Load() - int64(len(data)); extra > int64(len(data))/20 {
		t.Errorf("%d bytes more than the file's %d", extra, len(data))
	}
}

// cutter ends the connection after some bytes.
type cutter struct {
	http.ResponseWriter
	left int
	sent *atomic.Int64
}

func (c *cutter) Write(p []byte) (int, error) {
	if c.left == 0 {
		panic(http.ErrAbortHandler)
	}
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	c.ResponseWriter.(http.Flusher).Flush()
	c.sent.Add(int64(n))
	c.left -= n
	if c.left == 0 {
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// TestIgnoredRange: the server sends everything again.
func TestIgnoredRange(t *testing.T) {
	data := contents(200 << 10)
	first := true
	_, path, err := try(t, want(data), 3, func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		if first {
			first = false
			w = &cutter{ResponseWriter: w, left: 64 << 10, sent: new(atomic.Int64)}
		}
		serve(data, `"a"`)(w, r)
	})
	good(t, data, path, err)
}

// TestWrongRange: the server sends another part than asked for.
func TestWrongRange(t *testing.T) {
	data := contents(200 << 10)
	calls := 0
	_, path, err := try(t, want(data), 5, func(w http.ResponseWriter, r *http.Request) {
		switch calls++; calls {
		case 1:
			serve(data, `"a"`)(&cutter{ResponseWriter: w, left: 64 << 10, sent: new(atomic.Int64)}, r)
		case 2:
			r.Header.Set("Range", "bytes=5-")
			serve(data, `"a"`)(w, r)
		default:
			serve(data, `"a"`)(w, r)
		}
	})
	good(t, data, path, err)
}

// TestTagChanges: what was there of another file is thrown away.
func TestTagChanges(t *testing.T) {
	data := contents(200 << 10)
	other := bytes.Repeat([]byte("x"), len(data))
	first := true
	_, path, err := try(t, want(data), 5, func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			serve(other, `"old"`)(&cutter{ResponseWriter: w, left: 64 << 10, sent: new(atomic.Int64)}, r)
		}
		serve(data, `"new"`)(w, r)
	})
	good(t, data, path, err)
}

// TestDamagedPart: power was cut, and a part holds other bytes than it was
// given. It is thrown away, once.
func TestDamagedPart(t *testing.T) {
	data := contents(200 << 10)
	srv := httptest.NewServer(serve(data, `"a"`))
	defer srv.Close()
	b := store(t, 3)
	if err := os.WriteFile(b.part(want(data)), make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := b.Fetch(t.Context(), web(t, srv.URL), want(data))
	good(t, data, path, err)
}

// TestBitFlips: of any byte, anywhere, the store takes none.
func TestBitFlips(t *testing.T) {
	data := contents(4 << 10)
	for i := range 50 {
		bad := bytes.Clone(data)
		bad[rand.N(len(bad))] ^= 1 << (i % 8)
		b, _, err := try(t, want(data), 10, serve(bad, ""))
		if !errors.Is(err, ErrWrongBytes) || b.Has(want(data)) {
			t.Fatalf("flip %d: %v", i, err)
		}
	}
}

// TestEndlessBody: it is cut at the length, and a length that differs is not
// even begun.
func TestEndlessBody(t *testing.T) {
	data := contents(64 << 10)
	var sent atomic.Int64
	b, _, err := try(t, want(data), 10, func(w http.ResponseWriter, r *http.Request) {
		for {
			n, err := w.Write(make([]byte, 4<<10))
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	})
	if !errors.Is(err, ErrWrongBytes) || b.Has(want(data)) {
		t.Error(err)
	}
	if sent.Load() > 64<<20 {
		t.Errorf("%d bytes were taken", sent.Load())
	}
}

// TestOneBytePerSecond: too slow, time and again, and nothing hangs.
func TestOneBytePerSecond(t *testing.T) {
	data := contents(64 << 10)
	_, _, err := try(t, want(data), 2, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		for i := range data {
			if _, err := w.Write(data[i : i+1]); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	if !errors.Is(err, errTries) {
		t.Error(err)
	}
}

// TestSilentServer: it accepts, and never answers.
func TestSilentServer(t *testing.T) {
	_, _, err := try(t, want([]byte("x")), 1, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if !errors.Is(err, errTries) {
		t.Error(err)
	}
}

// TestCaptivePortal: HTML with 200 in place of the file, then the file.
func TestCaptivePortal(t *testing.T) {
	data := contents(64 << 10)
	calls := 0
	_, path, err := try(t, want(data), 10, func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls < 5 {
			io.WriteString(w, "<html>please log in")
			return
		}
		serve(data, `"a"`)(w, r)
	})
	good(t, data, path, err)
}

// TestGzip: a proxy that compresses is refused, not decoded.
func TestGzip(t *testing.T) {
	data := []byte(strings.Repeat("a", 10000))
	_, _, err := try(t, want(data), 3, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		z.Write(data)
		z.Close()
	})
	if !errors.Is(err, errTries) {
		t.Error(err)
	}
}

// TestRedirects: to another host for the same bytes is fine, away from TLS,
// to files or in circles is not.
func TestRedirects(t *testing.T) {
	data := contents(1000)
	cdn := httptest.NewServer(serve(data, `"a"`))
	defer cdn.Close()
	_, path, err := try(t, want(data), 0, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, cdn.URL+"/x", http.StatusFound)
	})
	good(t, data, path, err)
	for _, to := range []string{"file:///etc/passwd", "/again", "gopher://x/"} {
		if _, _, err := try(t, want(data), 0, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }); err == nil {
			t.Errorf("%s: followed", to)
		}
	}
	safe := httptest.NewTLSServer(http.RedirectHandler(cdn.URL, http.StatusFound))
	defer safe.Close()
	c, err := NewWeb(WebConfig{URL: safe.URL, TLS: safe.Client().Transport.(*http.Transport).TLSClientConfig, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(t.Context(), "x", 0, ""); err == nil || !strings.Contains(err.Error(), "from https to http") {
		t.Errorf("away from TLS: %v", err)
	}
}

// TestAbsentForAnHour by the store's own clock, then there.
func TestAbsentForAnHour(t *testing.T) {
	data := contents(1000)
	var passed time.Duration
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if passed < time.Hour {
			http.NotFound(w, r)
			return
		}
		serve(data, `"a"`)(w, r)
	}))
	defer srv.Close()
	waits, noted := 0, 0
	b, err := OpenBlobs(BlobsConfig{Dir: t.TempDir(), Free: 1,
		Wait: func(_ context.Context, d time.Duration) error { passed += d; waits++; return nil },
		Note: func(p Progress) { noted++ }})
	if err != nil {
		t.Fatal(err)
	}
	path, err := b.Fetch(t.Context(), web(t, srv.URL), want(data))
	good(t, data, path, err)
	if waits > 60 || noted != waits {
		t.Errorf("%d requests in an hour, %d reports", waits, noted)
	}
}

// TestNoRoom: the disk's reserve is not touched, and that is final.
func TestNoRoom(t *testing.T) {
	b, err := OpenBlobs(BlobsConfig{Dir: t.TempDir(), Free: 1 << 60})
	if err != nil {
		t.Fatal(err)
	}
	var full *FullError
	if _, err := b.Fetch(t.Context(), nil, want([]byte("x"))); !errors.As(err, &full) {
		t.Error(err)
	}
}

// TestCollect keeps what is named.
func TestCollect(t *testing.T) {
	b := store(t, 0)
	for _, s := range []string{"keep", "drop"} {
		if _, err := b.Make(want([]byte(s)), func(w io.Writer) error { _, err := io.WriteString(w, s); return err }); err != nil {
			t.Fatal(err)
		}
	}
	kept := want([]byte("keep"))
	if err := b.Collect(func(hex string) bool { return hex == fmt.Sprintf("%x", kept.SHA256) }); err != nil {
		t.Fatal(err)
	}
	if !b.Has(kept) || b.Has(want([]byte("drop"))) {
		t.Error("collected the wrong one")
	}
}

// TestDirStaysInside: names and links lead nowhere else.
func TestDirStaysInside(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/etc/passwd", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	d, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, name := range []string{"../x", "/etc/passwd", "link", "", ".", "a/../../b"} {
		if _, err := d.Open(t.Context(), name, 0, ""); err == nil {
			t.Errorf("%q opened", name)
		}
	}
}
