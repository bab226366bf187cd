package controller

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Entry is one line of the audit log. Each hash covers the one before, so that
// a line cannot be changed or taken out unnoticed.
type Entry struct {
	N      int64  `json:"n"`
	At     int64  `json:"at"` // Unix milliseconds
	Author string `json:"author"`
	Action string `json:"action"`
	Object string `json:"object"`
	Detail string `json:"detail"`
	Hash   string `json:"hash"`
}

func (e Entry) chain(before string) string {
	e.Hash = before
	data, _ := json.Marshal(e) // strings and integers only: cannot fail
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// audit adds a line within the transaction that does what it tells of.
func audit(ctx context.Context, tx *sql.Tx, now time.Time, author, action, object, detail string) error {
	var n int64
	var before string
	err := tx.QueryRowContext(ctx, `SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1`).Scan(&n, &before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("audit: %w", err)
	}
	e := Entry{N: n + 1, At: ms(now), Author: author, Action: action, Object: object, Detail: detail}
	e.Hash = e.chain(before)
	_, err = tx.ExecContext(ctx, `INSERT INTO audit (n, at, author, action, object, detail, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		e.N, e.At, e.Author, e.Action, e.Object, e.Detail, e.Hash)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// Audit returns the lines after n, at most limit of them.
func (c *Controller) Audit(ctx context.Context, after int64, limit int) ([]Entry, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT n, at, author, action, object, detail, hash FROM audit WHERE n > $1 ORDER BY n LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Entry{}
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.N, &e.At, &e.Author, &e.Action, &e.Object, &e.Detail, &e.Hash); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

// LastAudit returns the last lines, the newest first.
func (c *Controller) LastAudit(ctx context.Context, limit int) ([]Entry, error) {
	var last int64
	if err := c.store.db.QueryRowContext(ctx, `SELECT coalesce(max(n), 0) FROM audit`).Scan(&last); err != nil {
		return nil, err
	}
	all, err := c.Audit(ctx, last-int64(limit), limit)
	slices.Reverse(all)
	return all, err
}

// VerifyAudit recomputes the chain. It names the first line that does not fit.
func (c *Controller) VerifyAudit(ctx context.Context) (lines int64, err error) {
	before := ""
	for {
		page, err := c.Audit(ctx, lines, 1000)
		if err != nil || len(page) == 0 {
			return lines, err
		}
		for _, e := range page {
			if e.N != lines+1 || e.Hash != e.chain(before) {
				return lines, fmt.Errorf("audit log: line %d was changed, or one before it is missing", e.N)
			}
			lines, before = e.N, e.Hash
		}
	}
}
