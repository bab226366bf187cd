package rest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/serve"
)

// secret writes a token into a file.
func secret(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// identity signs a certificate for a name and writes it and its key.
func identity(t *testing.T, ca *x509.Certificate, caKey *ecdsa.PrivateKey, name string) (cert *x509.Certificate, key *ecdsa.PrivateKey, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: ca == nil, BasicConstraintsValid: true,
	}
	if ca == nil {
		ca, caKey = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	err = errors.Join(
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return cert, key, certFile, keyFile
}

// TestWhoMayWhat: tokens, certificates and users, each for their models.
func TestWhoMayWhat(t *testing.T) {
	ca, caKey, caFile, _ := identity(t, nil, nil, "ca")
	_, _, certFile, keyFile := identity(t, ca, caKey, "device")
	_, _, pressCert, pressKey := identity(t, ca, caKey, "press")
	_, _, otherCert, otherKey := identity(t, ca, caKey, "other")
	token := "0123456789abcdef0123"
	g := newRig(t, func(c *Config, _ *serve.Config) {
		c.Serve.Listen, c.Serve.Cert, c.Serve.Key, c.Serve.ClientCA = "127.0.0.1:0", certFile, keyFile, caFile
		c.Serve.Clients = []config.ServeClient{
			{Name: "line", TokenFile: secret(t, token), UID: -1, Models: []string{"machine"}},
			{Name: "press", Cert: "press", UID: -1, Models: []string{"digits"}, Admin: true},
			{Name: "camera", UID: os.Getuid(), Models: []string{"digits"}},
		}
	})
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	over := func(cert, key string) *http.Client {
		c := &tls.Config{RootCAs: pool}
		if cert != "" {
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err != nil {
				t.Fatal(err)
			}
			c.Certificates = []tls.Certificate{pair}
		}
		return &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
	}
	tcp := "https://" + g.server.Addrs()[1].String()
	for _, tt := range []struct {
		name        string
		client      *http.Client
		token       string
		method, url string
		want        int
	}{
		{"nobody", over("", ""), "", "GET", tcp + "/v2/models/machine", 401},
		{"nobody asks for health", over("", ""), "", "GET", tcp + "/v2/health/live", 200},
		{"a wrong token", over("", ""), token + "0", "GET", tcp + "/v2/models/machine", 401},
		{"a token", over("", ""), token, "GET", tcp + "/v2/models/machine", 200},
		{"a token, another model", over("", ""), token, "GET", tcp + "/v2/models/digits", 403},
		{"a token, no administrator", over("", ""), token, "POST", tcp + "/v2/repository/models/machine/unload", 403},
		{"a certificate", over(pressCert, pressKey), "", "GET", tcp + "/v2/models/digits", 200},
		{"a certificate, another model", over(pressCert, pressKey), "", "GET", tcp + "/v2/models/machine", 403},
		{"a certificate of nobody's", over(otherCert, otherKey), "", "GET", tcp + "/v2/models/digits", 401},
		{"an administrator", over(pressCert, pressKey), "", "POST", tcp + "/v2/repository/models/digits/load", 200},
		{"an administrator, another model", over(pressCert, pressKey), "", "POST", tcp + "/v2/repository/models/machine/unload", 403},
		{"a user on the socket", g.http, "", "GET", "http://device/v2/models/digits", 200},
		{"a user on the socket, another model", g.http, "", "GET", "http://device/v2/models/machine", 403},
	} {
		req, err := http.NewRequest(tt.method, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.token != "" {
			req.Header.Set("Authorization", "Bearer "+tt.token)
		}
		resp, err := tt.client.Do(req)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.name, resp.StatusCode, text, tt.want)
		}
	}
	if _, _, text := g.ask("POST", "/v2/repository/index", nil); strings.Contains(text, "machine") {
		t.Errorf("the index tells of a model that is not for this user: %s", text)
	}
}

func TestSocketIsTheGroups(t *testing.T) {
	g := newRig(t, nil)
	info, err := os.Stat(g.server.Addrs()[0].String())
	if err != nil || info.Mode().Perm() != socketMode || info.Mode()&fs.ModeSocket == 0 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	_, err = New(context.Background(), Config{Serve: config.Serve{Socket: g.server.Addrs()[0].String()}, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second server on the socket: %v", err)
	}
}

func TestShortToken(t *testing.T) {
	cfg := config.Serve{Listen: "127.0.0.1:0", Clients: []config.ServeClient{{Name: "x", TokenFile: secret(t, "short"), UID: -1}}}
	if _, err := New(context.Background(), Config{Serve: cfg, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "5 letters") {
		t.Errorf("%v", err)
	}
}

func TestRate(t *testing.T) {
	m := newMeter(2)
	now := time.Unix(1000, 0)
	for i, want := range []bool{true, true, false} {
		if err := m.take(now); (err == nil) != want {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if err := m.take(now.Add(500 * time.Millisecond)); err != nil {
		t.Errorf("after half a second: %v", err)
	}
	g := newRig(t, func(c *Config, _ *serve.Config) { c.Serve.Rate = 1 })
	g.ask("GET", "/v2", nil)
	if code, head, _ := g.ask("GET", "/v2", nil); code != 429 || head.Get("Retry-After") != "1" {
		t.Errorf("%d, Retry-After %q", code, head.Get("Retry-After"))
	}
}

func TestForeignPage(t *testing.T) {
	g := newRig(t, nil)
	if code, _, _ := g.ask("POST", "/v2/models/machine/infer", nil, "Origin: http://evil.example"); code != 403 {
		t.Errorf("a page of another site: %d", code)
	}
}

// TestLog: one line for each request, with digests of the model and the body.
func TestLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	t.Run("", func(t *testing.T) {
		g := newRig(t, func(c *Config, _ *serve.Config) { c.Serve.Log = path })
		g.ask("POST", "/v2/models/machine/infer", infer(machineInput, "INT8", "[1,51]", numbers(51)))
		g.ask("POST", "/v2/models/machine/infer", []byte("{"))
	}) // the server is closed here
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []logLine
	for text := range strings.Lines(string(data)) {
		var l logLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	if len(lines) != 2 || lines[0].Status != 200 || lines[0].Version != "1.0.0" || len(lines[0].Digest) != 64 || lines[0].Client != "socket" || lines[1].Status != 400 {
		t.Fatalf("%s", data)
	}
	if lines[1].Input != "021fb596db81e6d02bf3d2586ee3981fe519f275c0ac9ca76bbcf2ebb4097d96" { // sha256 of "{"
		t.Errorf("digest of the body %s", lines[1].Input)
	}
}

// TestLogTurns: the log keeps to its size, one old file beside it.
func TestLogTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := &requestLog{path: path, limit: 1000, lines: make(chan logLine, logQueue), stop: make(chan struct{})}
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	l.failed = func(err error) { t.Error(err) }
	l.written.Go(l.write)
	for range 500 {
		l.lines <- logLine{Method: "POST", Path: "/v2", Status: 200}
	}
	close(l.stop)
	l.written.Wait()
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		if err != nil || info.Size() > 1000+2*logFlush {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 2 {
		t.Errorf("%v %v", entries, err)
	}
}

// TestBadPeers: what is sent half, slowly or in vast amounts is cut off, and
// others are served meanwhile.
func TestBadPeers(t *testing.T) {
	g := newRig(t, nil)
	dial := func() net.Conn {
		c, err := net.Dial("unix", g.server.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(headerTimeout + 10*time.Second))
		return c
	}
	var slow []net.Conn
	for range 64 { // slowloris: a header that never ends
		c := dial()
		io.WriteString(c, "GET /v2 HTTP/1.1\r\nHost: d\r\nX: ")
		slow = append(slow, c)
	}
	for range 32 { // large bodies that never come
		io.WriteString(dial(), "POST /v2/models/machine/infer HTTP/1.1\r\nHost: d\r\nContent-Length: 8000000\r\n\r\n{")
	}
	for range 20 {
		if code, _, text := g.ask("POST", "/v2/models/machine/infer", infer(machineInput, "INT8", "[1,51]", numbers(51))); code != 200 {
			t.Fatalf("beside them: %d %s", code, text)
		}
	}
	for name, tt := range map[string]struct{ send, want string }{
		"huge header":         {"GET /v2 HTTP/1.1\r\nHost: d\r\nX: " + strings.Repeat("x", 1<<20), "431"},
		"no HTTP":             {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400"},
		"negative length":     {"POST /v2/models/machine/infer HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n", "400"},
		"two lengths":         {"POST /v2/models/machine/infer HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{", "400"},
		"announced too much":  {"POST /v2/models/machine/infer HTTP/1.1\r\nHost: d\r\nContent-Length: 99999999999\r\n\r\n", "413"},
		"chunks without end":  {"POST /v2/models/machine/infer HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("10000\r\n"+strings.Repeat(" ", 0x10000)+"\r\n", 160), "413"},
		"compressed":          {"POST /v2/models/machine/infer HTTP/1.1\r\nHost: d\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "415"},
		"header length alone": {"POST /v2/models/machine/infer HTTP/1.1\r\nHost: d\r\nInference-Header-Content-Length: 9223372036854775807\r\nContent-Length: 2\r\n\r\n{}", "400"},
	} {
		c := dial()
		go io.Copy(c, strings.NewReader(tt.send)) // the server may close before all is sent
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := fmt.Sprint(resp.StatusCode); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	for _, c := range slow { // the server ends them
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Fatalf("a slow header was not cut off: %v", err)
		}
	}
	if code, _, _ := g.ask("GET", "/v2/health/live", nil); code != 200 {
		t.Error("not alive afterwards")
	}
}

// TestMemory: a model that has no room for its sessions is refused as such.
func TestMemory(t *testing.T) {
	g := newRig(t, func(_ *Config, c *serve.Config) { c.Memory = 1 })
	code, _, text := g.ask("POST", "/invocations", []byte(`{"instances":[]}`), targetModel+": machine")
	if code != http.StatusInsufficientStorage || !strings.Contains(text, "no room") {
		t.Errorf("%d %s", code, text)
	}
}

// TestBodiesTogether: what all clients send at a time is bounded.
func TestBodiesTogether(t *testing.T) {
	b := &bodies{limit: maxAllBodies}
	b.taken.Store(maxAllBodies - firstBody)
	r, err := http.NewRequest("POST", "http://d/", bytes.NewReader(make([]byte, 2*firstBody)))
	if err != nil {
		t.Fatal(err)
	}
	x, err := b.read(nil, r)
	b.giveBack(x)
	if got := statusOf(err); got != http.StatusServiceUnavailable {
		t.Errorf("%d %v", got, err)
	}
	if n := b.taken.Load(); n != maxAllBodies-firstBody {
		t.Errorf("%d bytes are taken afterwards, %d before", n, maxAllBodies-firstBody)
	}
}
