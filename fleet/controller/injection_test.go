package controller

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/broker"
)

// hostile are texts that mean something to a database, a terminal, a log, a
// template or a path.
var hostile = []string{
	`'; DROP TABLE devices; --`, `" OR "1"="1`, `' UNION SELECT value FROM settings --`, `\'; DELETE FROM audit; --`, `$1`, `?1`, `%s%n`, `{{.Token}}`, `${jndi:ldap://x}`,
	"line\nlevel=ERROR msg=forged", "line\r\nSet-Cookie: a=b", "\x1b[2J\x1b]0;title\x07", "a\x00b", "\u202eevil", `../../../etc/passwd`, `..\..\x`, `<script>alert(1)</script>`,
	`=cmd|' /C calc'!A0`, strings.Repeat("'", 500), "\u2028\u2029",
}

// TestInjection puts hostile texts into every string that a device can set. They
// are kept and found as what they are, no other row changes, and the log and the
// audit log have one line for each thing that they tell.
func TestInjection(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	var log bytes.Buffer
	d.Controller.log = slog.New(slog.NewTextHandler(&log, nil))
	d.addDevice("other")
	sum := strings.Repeat("0f", 32)
	for i, p := range hostile {
		id := fmt.Sprintf("d-%02d", i)
		d.addDevice(id)
		r := fleet.Reported{
			Version: p, Board: fleet.Board{Model: p, Arch: p, Tier: p}, Labels: map[string]string{"text": p, p: p}, Problems: []string{p},
			Pipelines: []fleet.PipelineReported{{Name: p, Bundle: p, Version: p, Digest: sum, State: p, Reason: p, Label: p}},
			Slots:     []fleet.SlotReported{{Slot: p, State: p, Version: p, Active: p, Loaded: p, Candidate: p, Refused: p, Reason: p}},
		}
		payload, err := fleet.Encode(r)
		d.must(err)
		_, err = d.commit(ctx, []message{
			{device: id, name: fleet.TopicReported, payload: payload}, {device: p, name: fleet.TopicReported, payload: payload},
			{device: id, name: fleet.Name(p), payload: []byte(p)}, {device: id, name: fleet.TopicUp, payload: []byte(p)}, {device: id, name: fleet.TopicHello, payload: []byte(p)},
		})
		d.must(err)
		d.must(d.tick(ctx))
		got, err := d.Device(ctx, id)
		d.must(err)
		want, err := json.Marshal(r)
		d.must(err)
		if have, err := json.Marshal(got.Reported); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%q comes back as %s, %v", p, have, err)
		}
		if strings.ContainsAny(p, `'"`) {
			continue // a query's text ends at its quote, whatever it says
		}
		found, err := d.Find(ctx, "labels.text = '"+p+"'", "", 100)
		if err != nil || len(found) != 1 || found[0].ID != id {
			t.Errorf("%q finds %d devices, %v", p, len(found), err)
		}
	}
	all, err := d.Find(ctx, "", "", 1000)
	if err != nil || len(all) != len(hostile)+1 {
		t.Errorf("%d devices, %v", len(all), err)
	}
	for line := range strings.Lines(log.String()) {
		if !strings.HasPrefix(line, "time=") || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\x00\x1b\x07") {
			t.Errorf("the log has %q", line)
		}
	}
	if _, err := d.VerifyAudit(ctx); err != nil {
		t.Error(err)
	}
	for _, p := range hostile { // and what people type
		for _, path := range []string{"/devices?query=", "/devices/", "/groups/", "/assignments/", "/commands/"} {
			method, escaped := "GET", strings.NewReplacer("%", "%25", "/", "%2F", "?", "%3F", "#", "%23", " ", "%20").Replace(p)
			if strings.ContainsAny(p, "\x00\r\n\x1b\x07\u2028\u202e\\\"<>{}|^`") || len(p) > 400 {
				escaped = strings.ReplaceAll(fmt.Sprintf("%%% x", p), " ", "%")
			}
			if path == "/groups/" {
				method = "DELETE"
			}
			if resp, body := d.ask(d.admin, method, path+escaped, ""); resp.StatusCode >= 500 || resp.StatusCode == 200 {
				t.Errorf("%s%q: %s %.200s", path, p, resp.Status, body)
			}
		}
	}
}

// TestUpdatesStayInTheirFolder: nothing beside the repository is served, whatever
// the path; the folder beside it holds the keys.
func TestUpdatesStayInTheirFolder(t *testing.T) {
	s, _, _ := newStage(t)
	s.addDevice("pi-1")
	key := newKey(t)
	cert, err := s.ca.leaf("pi-1", broker.RoleDevice, nil, deviceLife, key.Public())
	s.must(err)
	s.must(os.WriteFile(filepath.Join(s.dir, "secret"), []byte("hunter2"), 0o600))
	s.must(os.Symlink(filepath.Join(s.dir, "secret"), filepath.Join(s.dir, "repository", ".link")))
	get := func(path string) (int, string) {
		q := httptest.NewRequestWithContext(t.Context(), "GET", "/updates/x", nil)
		q.URL.Path = path
		q.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
		w := httptest.NewRecorder()
		s.artifacts().ServeHTTP(w, q)
		return w.Code, w.Body.String()
	}
	good, err := filepath.Glob(filepath.Join(s.dir, "repository", "*", "timestamp.json"))
	s.must(err)
	if len(good) != 1 {
		t.Fatalf("where is the timestamp: %v", good)
	}
	rel, err := filepath.Rel(filepath.Join(s.dir, "repository"), good[0])
	s.must(err)
	if code, _ := get("/updates/" + filepath.ToSlash(rel)); code != http.StatusOK {
		t.Fatalf("the repository is not served: %d", code)
	}
	for _, path := range []string{"/updates/../secret", "/updates/../admin.token", "/updates/..%2fsecret", "/updates/models/../../secret", "/updates//../secret", "/updates/..\\secret", "/updates/.link", "/updates/", "/updates/models/", "/updates/../", "/updates/.lock"} {
		if code, body := get(path); code == http.StatusOK || strings.Contains(body, "hunter2") || strings.Contains(body, s.admin) {
			t.Errorf("%s: %d %.100s", path, code, body)
		}
	}
}
