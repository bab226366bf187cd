package controller

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	hookTime   = 10 * time.Second // for an answer
	hookWait   = 5 * time.Minute  // between tries at most
	hookAge    = 24 * time.Hour   // what is older is not told any more: the log has it
	hookAtOnce = 100
)

// hookMessage is what a webhook gets.
type hookMessage struct {
	Type      string    `json:"type"` // the action
	Timestamp time.Time `json:"timestamp"`
	Fleet     string    `json:"fleet"`
	Data      Entry     `json:"data"`
}

// hooks tells the webhooks until ctx ends, each in the order of the log and at
// least once. One that is slow or away holds up no other.
func (c *Controller) hooks(ctx context.Context) {
	client := &http.Client{Timeout: hookTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for ; ctx.Err() == nil; pauseFor(ctx, time.Second) {
		all, err := c.webhooks(ctx, c.now())
		if err != nil && ctx.Err() == nil {
			c.log.Error("webhooks", "err", err)
		}
		var done sync.WaitGroup
		for _, h := range all {
			done.Go(func() {
				if err := c.tellHook(ctx, client, h); err != nil && ctx.Err() == nil && !errors.Is(err, errFenced) {
					c.log.Error("webhook", "name", h.Name, "err", err)
				}
			})
		}
		done.Wait()
	}
}

// tellHook sends what a webhook has not got yet, up to the first failure.
func (c *Controller) tellHook(ctx context.Context, client *http.Client, h Webhook) error {
	lines, err := c.Audit(ctx, h.Told, hookAtOnce)
	if err != nil || len(lines) == 0 {
		return err
	}
	told := h.Told
	for _, e := range lines {
		if h.wants(e.Action) && c.now().Sub(fromMS(e.At)) < hookAge {
			if err = c.post(ctx, client, h, e); err != nil {
				break
			}
		}
		told = e.N
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failed, tries, retry := "", 0, time.Time{}
	if err != nil {
		failed, tries = err.Error(), h.tries+1
		if told > h.Told {
			tries = 1
		}
		retry = c.now().Add(min(hookWait, time.Second<<min(tries, 10)))
		c.log.Warn("webhook", "name", h.Name, "err", failed, "tries", tries)
	}
	return c.lead(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE webhooks SET told = $1, failed = $2, tries = $3, retry = $4 WHERE name = $5 AND created = $6`, told, failed, tries, ms(retry), h.Name, ms(h.Created))
		return err
	})
}

// post sends one line. Its id is the same each time, so that who gets it twice knows.
func (c *Controller) post(ctx context.Context, client *http.Client, h Webhook, e Entry) error {
	body, err := json.Marshal(hookMessage{e.Action, fromMS(e.At), c.cfg.Fleet, e})
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, h.address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address is none")
	}
	id, at := fmt.Sprintf("%s-%d", c.cfg.Fleet, e.N), c.now()
	sign, err := h.signature(id, at, body)
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Webhook-Id", id)
	q.Header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	q.Header.Set("Webhook-Signature", sign)
	resp, err := client.Do(q)
	if err != nil {
		var whole *url.Error // repeats the address, whose query may hold a secret
		if errors.As(err, &whole) {
			err = whole.Err
		}
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it answers %s", resp.Status)
	}
	return nil
}
