package controller

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"
)

// A Webhook is an address that is told lines of the audit log, signed in the
// way of Standard Webhooks (standardwebhooks.com, 1.0.0).
type Webhook struct {
	Name    string    `json:"name"`
	URL     string    `json:"url"`     // without what a query of it says
	Actions []string  `json:"actions"` // patterns such as assignment.*
	Author  string    `json:"author"`
	Created time.Time `json:"created"`
	Told    int64     `json:"told"`             // last line of the log that it has
	Failed  string    `json:"failed,omitempty"` // why the next does not go through
	Secret  string    `json:"secret,omitempty"` // once, when it is made

	address string
	tries   int
}

// hookActions are what a webhook is told where it names nothing: the states of
// assignments, devices that fail, drift.
var hookActions = []string{"assignment.*", "device.failed", "drift.*"}

const (
	maxHooks    = 50
	secretStart = "whsec_"
)

// SetWebhook tells an address what happens from now on.
func (c *Controller) SetWebhook(ctx context.Context, author, name, address string, actions []string) (Webhook, error) {
	if len(actions) == 0 {
		actions = hookActions
	}
	if err := checkHook(name, address, actions); err != nil {
		return Webhook{}, err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	h := Webhook{Name: name, URL: public(address), Actions: actions, Author: author, Created: c.now().UTC(), Secret: secretStart + base64.StdEncoding.EncodeToString(secret)}
	list, err := json.Marshal(actions)
	if err != nil {
		return Webhook{}, err
	}
	err = c.store.tx(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM webhooks WHERE name != $1`, name).Scan(&n); err != nil {
			return err
		}
		if n >= maxHooks {
			return problem(409, fmt.Sprintf("there are %d webhooks already", n), "")
		}
		if err := audit(ctx, tx, c.now(), author, "webhook.set", name, h.URL+" "+string(list)); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT max(n) FROM audit`).Scan(&h.Told); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO webhooks (name, url, secret, actions, author, created, told) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (name) DO UPDATE SET url = excluded.url, secret = excluded.secret, actions = excluded.actions, author = excluded.author, created = excluded.created, told = excluded.told, failed = '', retry = 0, tries = 0`,
			name, address, h.Secret, string(list), author, ms(h.Created), h.Told)
		return err
	})
	return h, err
}

func checkHook(name, address string, actions []string) error {
	if err := checkPerson(name); err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || len(address) > 2000 {
		return problem(400, "url: want https://host/path", "")
	}
	if len(actions) > 20 {
		return problem(400, "more than 20 actions", "")
	}
	for _, a := range actions {
		if _, err := path.Match(a, ""); err != nil || a == "" || len(a) > 64 {
			return problem(400, fmt.Sprintf("action %.64q: want a name or a pattern such as assignment.*", a), "dunlin-fleet audit shows which there are")
		}
	}
	return nil
}

// public is an address without what may be a secret in it.
func public(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// Webhooks returns the webhooks by name.
func (c *Controller) Webhooks(ctx context.Context) ([]Webhook, error) {
	all, err := c.webhooks(ctx, c.now().Add(24*time.Hour))
	for i := range all {
		all[i].Secret = ""
	}
	return all, err
}

// webhooks reads those that may be tried before a time, with their secrets.
func (c *Controller) webhooks(ctx context.Context, before time.Time) ([]Webhook, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT name, url, secret, actions, author, created, told, failed, tries FROM webhooks WHERE retry <= $1 ORDER BY name`, ms(before))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Webhook{}
	for rows.Next() {
		var h Webhook
		var actions string
		var created int64
		if err := rows.Scan(&h.Name, &h.address, &h.Secret, &actions, &h.Author, &created, &h.Told, &h.Failed, &h.tries); err != nil {
			return nil, err
		}
		h.URL, h.Created = public(h.address), fromMS(created)
		if err := json.Unmarshal([]byte(actions), &h.Actions); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, rows.Err()
}

// RemoveWebhook tells an address no more.
func (c *Controller) RemoveWebhook(ctx context.Context, author, name string) error {
	return c.forget(ctx, author, "webhook.remove", name, `DELETE FROM webhooks WHERE name = $1`, "dunlin-fleet webhook lists them")
}

func (h *Webhook) wants(action string) bool {
	for _, a := range h.Actions {
		if ok, _ := path.Match(a, action); ok { // checked when it was set
			return true
		}
	}
	return false
}

// signature is the value of the header webhook-signature.
func (h *Webhook) signature(id string, at time.Time, body []byte) (string, error) {
	text, ok := strings.CutPrefix(h.Secret, secretStart)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		return "", errors.New("secret is not of this form")
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
