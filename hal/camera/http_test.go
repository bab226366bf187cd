package camera

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

func photo(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func network(t *testing.T, answer http.HandlerFunc) *HTTP {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	c, err := OpenHTTP(HTTPConfig{URL: strings.Replace(s.URL, "//", "//admin:hunter2@", 1), RateHz: 100, Stall: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Halt() })
	return c
}

func TestSnapshots(t *testing.T) {
	data := photo(t, 20, 10)
	c := network(t, func(w http.ResponseWriter, r *http.Request) {
		if _, p, ok := r.BasicAuth(); !ok || p != "hunter2" {
			w.WriteHeader(401)
		}
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(data)
	})
	var f hal.Frame
	for i := range 3 {
		if err := c.Capture(t.Context(), &f); err != nil || f.Width != 20 || f.Height != 10 || f.Channels != 3 || f.Seq != uint64(i) {
			t.Fatalf("%d: %v %d x %d", i, err, f.Width, f.Height)
		}
	}
}

// stream sends parts as a camera does, then holds the line.
func stream(parts ...[]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=--frame")
		for _, p := range parts {
			fmt.Fprintf(w, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(p), p)
		}
		fmt.Fprint(w, "--frame\r\n\r\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

func TestStream(t *testing.T) {
	c := network(t, stream(photo(t, 20, 10), photo(t, 32, 16))) // the size changes
	var f hal.Frame
	for _, w := range []int{20, 32} {
		if err := c.Capture(t.Context(), &f); err != nil || f.Width != w {
			t.Fatalf("%v, width %d, want %d", err, f.Width, w)
		}
	}
	began := time.Now()
	if err := c.Capture(t.Context(), &f); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "no image within 300ms") || time.Since(began) > 3*time.Second {
		t.Errorf("a stall: %v", err)
	}
	if err := c.Capture(t.Context(), &f); err != nil || f.Width != 20 {
		t.Errorf("asked again: %v, width %d", err, f.Width)
	}
}

func TestBadCameras(t *testing.T) {
	good := photo(t, 20, 10)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"not found": {http.NotFound, "404"},
		"a page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>")
		}, "text/html"},
		"half an image": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/jpeg")
			_, _ = w.Write(good[:len(good)/2])
		}, "image: unexpected EOF"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/jpeg")
			for r.Context().Err() == nil {
				_, _ = w.Write(make([]byte, 1<<20))
			}
		}, "more than 16777216 bytes"},
		"claims to be huge": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/jpeg")
			b := bytes.Clone(good)
			i := bytes.Index(b, []byte{0xff, 0xc0}) // frame header: length, precision, height, width
			copy(b[i+5:], []byte{0xff, 0xff, 0xff, 0xff})
			_, _ = w.Write(b)
		}, "65535 x 65535"},
		"silent": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no image within"},
		"the stream ends": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=x")
			fmt.Fprint(w, "--x--")
		}, "the stream ended"},
		"no boundary": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "multipart/x-mixed-replace")
		}, "want image/jpeg"},
		"not even an image": {stream([]byte("hello")), "image: invalid JPEG"},
	} {
		t.Run(name, func(t *testing.T) {
			cam := network(t, c.answer)
			if name == "endless" {
				cam.cfg.Stall = 10 * time.Second
			}
			err := cam.Capture(t.Context(), &hal.Frame{})
			if !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	gone, err := OpenHTTP(HTTPConfig{URL: "http://admin:hunter2@127.0.0.1:1/x", RateHz: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Capture(t.Context(), &hal.Frame{}); !errors.Is(err, hal.ErrAbsent) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("gone: %v", err)
	}
}

func TestHaltHTTP(t *testing.T) {
	c := network(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c.cfg.Stall = time.Minute
	time.AfterFunc(50*time.Millisecond, func() { c.Halt() })
	if err := c.Capture(t.Context(), &hal.Frame{}); !errors.Is(err, hal.ErrHalted) {
		t.Errorf("%v", err)
	}
	if err := c.Capture(t.Context(), &hal.Frame{}); !errors.Is(err, hal.ErrHalted) {
		t.Errorf("again: %v", err)
	}
}

func TestHTTPConfig(t *testing.T) {
	for _, c := range []HTTPConfig{{URL: "ftp://x", RateHz: 1}, {URL: "http://", RateHz: 1}, {URL: "http://x"}, {URL: "http://x", RateHz: 1e9}} {
		if _, err := OpenHTTP(c); err == nil {
			t.Errorf("%+v opened", c)
		}
	}
}
