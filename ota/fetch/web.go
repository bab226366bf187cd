package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// WebConfig configures a Web.
type WebConfig struct {
	URL  string // of the repository's folder
	TLS  *tls.Config
	Rate int64 // bytes a second, at least, over Patience; 0: 256
	// Patience is how long a server may take to answer, and to fall below Rate;
	// 0: 30 s.
	Patience time.Duration
	Retries  int // of a request that got no answer; 0: 2, negative: none
}

// Web is a Source on an HTTP server.
type Web struct {
	base     *url.URL
	client   *retryablehttp.Client
	rate     int64
	patience time.Duration
}

// NewWeb returns the repository below a URL.
func NewWeb(cfg WebConfig) (*Web, error) {
	base, err := url.Parse(strings.TrimSuffix(cfg.URL, "/") + "/")
	if err != nil {
		return nil, fmt.Errorf("repository: %w", err)
	}
	if base.Scheme != "https" && base.Scheme != "http" || base.Host == "" {
		return nil, fmt.Errorf("repository %q: want http or https and a host", base.Redacted())
	}
	w := &Web{base: base, rate: cfg.Rate, patience: cfg.Patience}
	if w.rate == 0 {
		w.rate = 256
	}
	if w.patience == 0 {
		w.patience = 30 * time.Second
	}
	w.client = retryablehttp.NewClient()
	w.client.Logger = nil
	w.client.RetryMax = max(cfg.Retries, 0)
	if cfg.Retries == 0 {
		w.client.RetryMax = 2
	}
	w.client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	w.client.HTTPClient = &http.Client{Transport: w.transport(cfg.TLS), CheckRedirect: checkRedirect}
	return w, nil
}

func (w *Web) transport(t *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: w.patience}).DialContext,
		TLSClientConfig:        t,
		TLSHandshakeTimeout:    w.patience,
		ResponseHeaderTimeout:  w.patience,
		MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout:        time.Minute,
		DisableCompression:     true, // offsets count bytes of the file itself
	}
}

// checkRedirect follows a few hops, never away from TLS.
func checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) > 5 {
		return errors.New("more than 5 redirects")
	}
	if via[0].URL.Scheme == "https" && next.URL.Scheme != "https" {
		return errors.New("redirect from https to " + next.URL.Scheme)
	}
	return nil
}

// Open implements Source.
func (w *Web) Open(ctx context.Context, name string, from int64, tag string) (*Part, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	p, err := w.open(ctx, name, from, tag)
	if err != nil {
		cancel(nil)
		return nil, fmt.Errorf("get %s: %w", name, err)
	}
	p.Body = watch(p.Body, w.rate, w.patience, ctx, cancel)
	return p, nil
}

func (w *Web) open(ctx context.Context, name string, from int64, tag string) (*Part, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, w.base.String()+name, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
		if tag != "" {
			req.Header.Set("If-Range", tag)
		}
	}
	res, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	p, err := part(res, from, tag)
	if err != nil {
		res.Body.Close()
	}
	return p, err
}

// part reads an answer's head.
func part(res *http.Response, from int64, tag string) (*Part, error) {
	p := &Part{Body: res.Body, Size: -1, Tag: strong(res.Header.Get("ETag"))}
	if enc := res.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, fmt.Errorf("the server sent it as %.20q", enc)
	}
	switch res.StatusCode {
	case http.StatusOK:
		p.Size = res.ContentLength
		return p, nil
	case http.StatusPartialContent:
		first, size, err := contentRange(res.Header.Get("Content-Range"))
		if err != nil {
			return nil, err
		}
		if first != from {
			return nil, fmt.Errorf("the server sent bytes from %d, asked for %d", first, from)
		}
		if tag != "" && p.Tag != tag {
			return nil, errChanged
		}
		p.From, p.Size = first, size
		return p, nil
	case http.StatusRequestedRangeNotSatisfiable:
		return nil, errChanged
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%s: %w", res.Status, fs.ErrNotExist)
	}
	return nil, errors.New(res.Status)
}

// errChanged means that a part does not belong to the file any more.
var errChanged = errors.New("the file changed on the server")

// strong returns a tag that identifies bytes, "" for a weak one.
func strong(etag string) string {
	if len(etag) > 256 || !strings.HasPrefix(etag, `"`) {
		return ""
	}
	return etag
}

// contentRange reads "bytes 5-9/10"; the size may be "*".
func contentRange(s string) (first, size int64, err error) {
	spec, ok := strings.CutPrefix(s, "bytes ")
	span, total, ok2 := strings.Cut(spec, "/")
	start, _, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, fmt.Errorf("content range %.40q", s)
	}
	if first, err = strconv.ParseInt(start, 10, 64); err != nil {
		return 0, 0, fmt.Errorf("content range %.40q", s)
	}
	if total == "*" {
		return first, -1, nil
	}
	if size, err = strconv.ParseInt(total, 10, 64); err != nil {
		return 0, 0, fmt.Errorf("content range %.40q", s)
	}
	return first, size, nil
}

// watched is a body that ends when its server is too slow.
type watched struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	read   atomic.Int64
	timer  *time.Timer
}

func watch(body io.ReadCloser, rate int64, patience time.Duration, ctx context.Context, cancel context.CancelCauseFunc) io.ReadCloser {
	w := &watched{ReadCloser: body, ctx: ctx, cancel: cancel}
	least := max(1, int64(float64(rate)*patience.Seconds()))
	w.timer = time.AfterFunc(patience, func() {
		if got := w.read.Swap(0); got < least {
			cancel(fmt.Errorf("%d bytes in %v, the server is too slow", got, patience))
			return
		}
		w.timer.Reset(patience)
	})
	return w
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.ReadCloser.Read(b)
	w.read.Add(int64(n))
	if err != nil && err != io.EOF && context.Cause(w.ctx) != nil {
		err = context.Cause(w.ctx)
	}
	return n, err
}

func (w *watched) Close() error {
	w.timer.Stop()
	w.cancel(nil)
	return w.ReadCloser.Close()
}
