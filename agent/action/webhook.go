package action

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/dunlin-edge/dunlin/agent/config"
)

// Waits between attempts grow from first to last.
const (
	firstRetryWait = 500 * time.Millisecond
	lastRetryWait  = 30 * time.Second
)

// maxReply bounds what is read of a reply, so that connections can be reused.
const maxReply = 64 << 10

// webhook posts records. It tries again after network errors, 429 and 5xx.
type webhook struct {
	url    string
	name   string // what errors call it: host and path, since a query may hold a secret
	client *retryablehttp.Client
}

func newWebhook(cfg config.Action) *webhook {
	c := retryablehttp.NewClient()
	c.Logger = nil
	c.RetryMax = cfg.Retries
	c.RetryWaitMin, c.RetryWaitMax = firstRetryWait, lastRetryWait
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler
	c.HTTPClient.Timeout = cfg.Timeout
	// The address was configured; it is not for the far side to choose another.
	c.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &webhook{cfg.URL, publicName(cfg.URL), c}
}

func publicName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "webhook"
	}
	return u.Host + u.Path
}

func (w *webhook) do(ctx context.Context, _ *Record, line []byte) error {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, w.url, line)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.client.Do(req)
	if err != nil {
		var whole *url.Error // repeats the address
		if errors.As(err, &whole) {
			err = whole.Err
		}
		return fmt.Errorf("%s: %w", w.name, err)
	}
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, maxReply); err != nil && err != io.EOF {
		return fmt.Errorf("reply: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s", w.name, resp.Status)
	}
	return nil
}
