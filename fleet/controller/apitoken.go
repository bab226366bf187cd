package controller

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"time"
)

// apiTokenPrefix lets people and scanners of secrets know what they have found.
const apiTokenPrefix = "dunlin-api-"

// maxTokenLife bounds how long a token may count.
const maxTokenLife = 3 * 365 * 24 * time.Hour

// An APIToken lets a program use the REST interface.
type APIToken struct {
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Author  string    `json:"author"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Token   string    `json:"token,omitempty"` // once, when it is made; a hash of it is kept
}

// NewAPIToken gives a program a token; one of before with its name counts no more.
func (c *Controller) NewAPIToken(ctx context.Context, author, name string, role Role, life time.Duration) (APIToken, error) {
	if life == 0 {
		life = 90 * 24 * time.Hour
	}
	if err := first(checkPerson(name), role.check()); err != nil {
		return APIToken{}, err
	}
	if life < time.Minute || life > maxTokenLife {
		return APIToken{}, problem(400, "life: a minute to three years", "")
	}
	now := c.now()
	t := APIToken{Name: name, Role: role, Author: author, Created: now.UTC(), Expires: now.Add(life).UTC(), Token: apiTokenPrefix + rand.Text()}
	err := c.store.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO api_tokens (name, hash, role, author, created, expires) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, role = excluded.role, author = excluded.author, created = excluded.created, expires = excluded.expires`,
			name, hashToken(t.Token), string(role), author, ms(now), ms(t.Expires)); err != nil {
			return err
		}
		return audit(ctx, tx, now, author, "api-token.create", name, fmt.Sprintf("%s until %s", role, t.Expires.Format(time.DateOnly)))
	})
	if err != nil {
		return APIToken{}, err
	}
	return t, nil
}

// APITokens returns the tokens of programs by name, without the secrets.
func (c *Controller) APITokens(ctx context.Context) ([]APIToken, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT name, role, author, created, expires FROM api_tokens ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []APIToken{}
	for rows.Next() {
		var t APIToken
		var created, expires int64
		if err := rows.Scan(&t.Name, &t.Role, &t.Author, &created, &expires); err != nil {
			return nil, err
		}
		t.Created, t.Expires = fromMS(created), fromMS(expires)
		all = append(all, t)
	}
	return all, rows.Err()
}

// RemoveAPIToken lets a token count no more.
func (c *Controller) RemoveAPIToken(ctx context.Context, author, name string) error {
	return c.forget(ctx, author, "api-token.remove", name, `DELETE FROM api_tokens WHERE name = $1`, "dunlin-fleet user lists them")
}

// forget deletes one row by name.
func (c *Controller) forget(ctx context.Context, author, action, name, query, hint string) error {
	return c.store.tx(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, query, name)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return first(err, problem(404, fmt.Sprintf("there is no %.64q", name), hint))
		}
		return audit(ctx, tx, c.now(), author, action, name, "")
	})
}
