package controller

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	last, err := c.lastLine(ctx)
	if err != nil {
		return nil, err
	}
	all, err := c.Audit(ctx, last-int64(limit), limit)
	slices.Reverse(all)
	return all, err
}

// lastLine is the number of the newest line.
func (c *Controller) lastLine(ctx context.Context) (n int64, err error) {
	err = c.store.db.QueryRowContext(ctx, `SELECT coalesce(max(n), 0) FROM audit`).Scan(&n)
	return n, err
}

// eachLine calls use for every line, in order.
func (c *Controller) eachLine(ctx context.Context, use func(Entry) error) error {
	for after := int64(0); ; {
		page, err := c.Audit(ctx, after, 1000)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			if err := use(e); err != nil {
				return err
			}
			after = e.N
		}
	}
}

// auditChain recomputes the hashes of lines in their order.
type auditChain struct {
	lines int64
	last  string
}

func (a *auditChain) add(e Entry) error {
	if e.N != a.lines+1 || e.Hash != e.chain(a.last) {
		return fmt.Errorf("audit log: line %d was changed, or one before it is missing", e.N)
	}
	a.lines, a.last = e.N, e.Hash
	return nil
}

// VerifyAudit recomputes the chain. It names the first line that does not fit.
func (c *Controller) VerifyAudit(ctx context.Context) (lines int64, err error) {
	var a auditChain
	err = c.eachLine(ctx, a.add)
	return a.lines, err
}

// ExportAudit writes all lines, one JSON object each.
func (c *Controller) ExportAudit(ctx context.Context, w io.Writer) error {
	out := json.NewEncoder(w)
	return c.eachLine(ctx, func(e Entry) error { return out.Encode(e) })
}

// VerifyExport recomputes the chain of what ExportAudit wrote. The hash of the
// last line stands for all of them: kept elsewhere, it shows whether the log of
// later still begins with these.
func VerifyExport(r io.Reader) (lines int64, last string, err error) {
	var a auditChain
	for d := json.NewDecoder(r); ; {
		var e Entry
		if err := d.Decode(&e); err == io.EOF {
			return a.lines, a.last, nil
		} else if err != nil {
			return a.lines, a.last, fmt.Errorf("audit log: line %d: %w", a.lines+1, err)
		}
		if err := a.add(e); err != nil {
			return a.lines, a.last, err
		}
	}
}
