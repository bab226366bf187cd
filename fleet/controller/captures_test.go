package controller

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

// uploader is a device with one capture.
type uploader struct {
	*desk
	data []byte
	sha  string
}

func newUploader(t *testing.T) *uploader {
	t.Helper()
	d := newDesk(t)
	d.addDevice("cam")
	x := capture.Capture{Time: d.now, Device: "cam", Pipeline: "door", State: []byte{1}, Output: []byte{2}, Input: bytes.Repeat([]byte{7}, 5000), Why: capture.Asked}
	data, err := x.Encode()
	d.must(err)
	u := &uploader{d, data, capture.ID(data)}
	u.tells("cam", u.sha, len(data))
	return u
}

// tells ingests the record of a capture.
func (u *uploader) tells(device, sha string, size int) {
	u.t.Helper()
	l, err := telemetry.New(telemetry.Config{Path: u.t.TempDir() + "/t.db", Identity: device, Clock: wall{}, Check: telemetry.Check})
	u.must(err)
	defer l.Close()
	var c telemetry.Capture
	for i := range c.Digest {
		_, err := fmt.Sscanf(sha[2*i:2*i+2], "%02x", &c.Digest[i])
		u.must(err)
	}
	c.Size, c.Why = uint32(size), uint8(capture.Asked)
	l.Capture(c)
	u.must(l.Flush())
	all, err := l.Pending(100, telemetry.KindGap, nil)
	u.must(err)
	for _, s := range all {
		_, err := u.commit(u.t.Context(), []message{{device: device, name: "up", payload: s.Data}})
		u.must(err)
	}
}

// put sends a part of a file as a device, and returns the status and what is there.
func (u *uploader) put(device, sha, offset string, body io.Reader) (int, string) {
	u.t.Helper()
	q := httptest.NewRequestWithContext(u.t.Context(), "PUT", "/captures/"+sha, body)
	q.SetPathValue("sha256", sha)
	q.Header.Set(uploadOffset, offset)
	w := httptest.NewRecorder()
	u.receiveCapture(w, q, device)
	return w.Code, w.Header().Get(uploadOffset)
}

// broken gives some bytes, and then the line is cut.
func broken(data []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(data), cut{})
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestCaptureUpload(t *testing.T) {
	u := newUploader(t)
	path := "/devices/cam/captures/" + u.sha
	if resp, _ := u.ask(u.tokens[Operator], "GET", path, ""); resp.StatusCode != 404 {
		t.Errorf("before it came: %s", resp.Status)
	}
	if code, have := u.put("cam", u.sha, "0", broken(u.data[:1000])); code != 500 || have != "1000" {
		t.Errorf("a cut line: %d, %s there", code, have)
	}
	if code, have := u.put("cam", u.sha, "0", bytes.NewReader(u.data)); code != 409 || have != "1000" {
		t.Errorf("from another place: %d, %s there", code, have)
	}
	if code, have := u.put("cam", u.sha, "1000", bytes.NewReader(u.data[1000:2000])); code != 200 || have != "2000" {
		t.Errorf("a part: %d, %s there", code, have)
	}
	// A process that died may have written more than it noted.
	u.must(os.WriteFile(u.capturePath("cam", u.sha)+".part", append(bytes.Clone(u.data[:2000]), "garbage"...), 0o600))
	u.reopen()
	if code, have := u.put("cam", u.sha, "2000", bytes.NewReader(u.data[2000:])); code != 200 || have != fmt.Sprint(len(u.data)) {
		t.Errorf("the rest: %d, %s there", code, have)
	}
	resp, body := u.ask(u.tokens[Operator], "GET", path, "")
	if resp.StatusCode != 200 || body != string(u.data) {
		t.Errorf("%s, %d bytes", resp.Status, len(body))
	}
	if code, _ := u.put("cam", u.sha, "0", strings.NewReader("again")); code != 200 {
		t.Errorf("once more: %d", code) // it is here, nothing changes
	}
	if resp, _ := u.ask(u.tokens[Operator], "DELETE", path, ""); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	if _, err := os.Stat(u.capturePath("cam", u.sha)); !os.IsNotExist(err) {
		t.Errorf("erased, and there: %v", err)
	}
	u.audited("capture.upload", 1)
	u.audited("capture.read", 1)
	u.audited("capture.erase", 1)
}

func (u *uploader) audited(action string, want int) {
	u.t.Helper()
	lines, err := u.Audit(context.Background(), 0, 1000)
	u.must(err)
	n := 0
	for _, e := range lines {
		if e.Action == action {
			n++
		}
	}
	if n != want {
		u.t.Errorf("%s: %d lines in the log, want %d", action, n, want)
	}
}

// TestCapturesThatAreRefused: another digest, one too long, one that nobody told
// of, one of another device, one too many.
func TestCapturesThatAreRefused(t *testing.T) {
	u := newUploader(t)
	wrong := bytes.Clone(u.data)
	wrong[len(wrong)/2] ^= 1
	for name, data := range map[string][]byte{"another digest": wrong, "longer": append(bytes.Clone(u.data), 0)} {
		if code, have := u.put("cam", u.sha, "0", bytes.NewReader(data)); code != 422 || have == fmt.Sprint(len(u.data)) {
			t.Errorf("%s: %d, %s there", name, code, have)
		}
		if _, err := os.Stat(u.capturePath("cam", u.sha) + ".part"); !os.IsNotExist(err) {
			t.Errorf("%s: the file stays: %v", name, err)
		}
	}
	u.audited("capture.refused", 2)
	u.addDevice("other")
	for _, x := range []struct{ device, sha string }{{"other", u.sha}, {"cam", strings.Repeat("0", 64)}, {"cam", "..%2f..%2fadmin.token"}, {"cam", "../../admin.token"}} {
		if code, _ := u.put(x.device, x.sha, "0", bytes.NewReader(u.data)); code != 404 {
			t.Errorf("%v: %d", x, code)
		}
	}
	if code, _ := u.put("cam", u.sha, "x", bytes.NewReader(u.data)); code != 400 {
		t.Errorf("no offset: %d", code)
	}
	u.put("cam", u.sha, "0", bytes.NewReader(wrong))
	if code, _ := u.put("cam", u.sha, "0", bytes.NewReader(u.data)); code != 403 {
		t.Errorf("after three wrong ones: %d", code)
	}
	big := strings.Repeat("ab", 32)
	u.tells("other", big, maxCapture+1)
	if code, _ := u.put("other", big, "0", strings.NewReader("x")); code != 413 {
		t.Errorf("one too large: %d", code)
	}
	u.Controller.cfg.Captures = int64(captureShare * (len(u.data) - 1))
	small := strings.Repeat("cd", 32)
	u.tells("other", small, len(u.data))
	if code, _ := u.put("other", small, "0", strings.NewReader("x")); code != 507 {
		t.Errorf("no room: %d", code)
	}
	u.uploads.Store(maxUploads)
	u.Controller.cfg.Captures = 1 << 30
	if code, _ := u.put("other", small, "0", strings.NewReader("x")); code != 503 {
		t.Errorf("one upload more: %d", code)
	}
}

// TestUploadsAreOfDevices: without a certificate of the fleet nothing is taken.
func TestUploadsAreOfDevices(t *testing.T) {
	u := newUploader(t)
	for _, method := range []string{"PUT", "HEAD"} {
		q := httptest.NewRequestWithContext(t.Context(), method, "/captures/"+u.sha, bytes.NewReader(u.data))
		w := httptest.NewRecorder()
		u.DeviceHandler().ServeHTTP(w, q)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	if all, err := u.Captures(t.Context(), "cam", "", 10); err != nil || len(all) != 1 || all[0].Have != 0 || all[0].At.Before(time.Now().Add(-time.Hour)) {
		t.Errorf("%+v %v", all, err)
	}
}
