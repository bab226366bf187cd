package oip

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds what a server may answer.
const maxAnswer = MaxBytes + 1<<20

// Client asks one server. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// NewClient makes a client of a server on this machine: http://127.0.0.1:8000, or
// unix:/run/dunlin/serve.sock. Input leaves no device, so other machines are
// refused.
func NewClient(address string) (*Client, error) {
	t := &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, DisableCompression: true}
	c := &Client{http: &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("a redirection") }}}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}
		c.base = "http://device"
		return c, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Host == "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("%q is no address of a server: want http://127.0.0.1:8000 or unix:/path", address)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s is another machine: the server must be on this one", u.Host)
	}
	c.base = "http://" + u.Host
	return c, nil
}

// A Metadata describes a model of a server.
type Metadata struct {
	Name     string   `json:"name"`
	Versions []string `json:"versions"`
	Platform string   `json:"platform"`
	Inputs   []Spec   `json:"inputs"`
	Outputs  []Spec   `json:"outputs"`
}

// A Spec describes a tensor of a model; -1 in its shape is any number.
type Spec struct {
	Name     string   `json:"name"`
	Datatype Datatype `json:"datatype"`
	Shape    []int    `json:"shape"`
}

// path is that of a model; version "" is the server's choice.
func path(model, version string) string {
	p := "/v2/models/" + url.PathEscape(model)
	if version != "" {
		p += "/versions/" + url.PathEscape(version)
	}
	return p
}

// Metadata asks what a model takes and gives.
func (c *Client) Metadata(ctx context.Context, model, version string) (*Metadata, error) {
	body, _, err := c.do(ctx, http.MethodGet, path(model, version), nil, 0)
	if err != nil {
		return nil, err
	}
	var m Metadata
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", model, err)
	}
	return &m, nil
}

// Infer runs a model once.
func (c *Client) Infer(ctx context.Context, model, version string, r *Request) (*Response, error) {
	body, header := r.Append(nil)
	answer, length, err := c.do(ctx, http.MethodPost, path(model, version)+"/infer", body, header)
	if err != nil {
		return nil, err
	}
	return DecodeResponse(answer, length)
}

// do sends one request and returns the answer and its [HeaderLength].
func (c *Client) do(ctx context.Context, method, path string, body []byte, header int) ([]byte, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	if header > 0 {
		req.Header.Set(HeaderLength, strconv.Itoa(header))
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, "", err
	}
	if len(answer) > maxAnswer {
		return nil, "", fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	if resp.StatusCode != http.StatusOK {
		var why struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(answer, &why) // the status line serves without it
		return nil, "", fmt.Errorf("the server answered %s: %.200s", resp.Status, why.Error)
	}
	return answer, resp.Header.Get(HeaderLength), nil
}
