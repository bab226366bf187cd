package controller

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A User is a person who signs in with a password.
type User struct {
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Author  string    `json:"author"`
	Updated time.Time `json:"updated"` // of role or password; what was signed in before is signed out
}

// checkPerson wants a name that can stand in a log line and an address.
func checkPerson(name string) error {
	if name == "" || len(name) > 64 {
		return problem(400, "name: 1 to 64 characters", "")
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != '@' {
			return problem(400, fmt.Sprintf("name %.64q: only letters, digits and - _ . @", name), "")
		}
	}
	if name == owner.Name {
		return problem(400, "admin is the name of who owns the state folder", "choose another")
	}
	return nil
}

// SetUser makes a person known or changes one. Without a password that of
// before stays.
func (c *Controller) SetUser(ctx context.Context, author, name string, role Role, password string) error {
	if err := first(checkPerson(name), role.check()); err != nil {
		return err
	}
	hash, now := "", c.now()
	if password != "" {
		var err error
		if hash, err = c.login.hash(ctx, password); err != nil {
			return err
		}
	}
	return c.store.tx(ctx, func(tx *sql.Tx) error {
		query := `INSERT INTO users (name, role, password, author, updated) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password, author = excluded.author, updated = excluded.updated`
		if hash == "" {
			query = `UPDATE users SET role = $2, author = $4, updated = $5 WHERE name = $1 AND $3 = ''`
		}
		done, err := tx.ExecContext(ctx, query, name, string(role), hash, author, ms(now))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return first(err, problem(400, fmt.Sprintf("%s is new and needs a password", name), ""))
		}
		what := "role " + string(role)
		if hash != "" {
			what += ", new password"
		}
		return audit(ctx, tx, now, author, "user.set", name, what)
	})
}

// Users returns the persons who may sign in, by name.
func (c *Controller) Users(ctx context.Context) ([]User, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT name, role, author, updated FROM users ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []User{}
	for rows.Next() {
		var u User
		var updated int64
		if err := rows.Scan(&u.Name, &u.Role, &u.Author, &updated); err != nil {
			return nil, err
		}
		u.Updated = fromMS(updated)
		all = append(all, u)
	}
	return all, rows.Err()
}

// User returns one person.
func (c *Controller) User(ctx context.Context, name string) (u User, err error) {
	var updated int64
	err = c.store.db.QueryRowContext(ctx, `SELECT name, role, author, updated FROM users WHERE name = $1`, name).Scan(&u.Name, &u.Role, &u.Author, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		err = problem(404, fmt.Sprintf("nobody is named %.64q", name), "dunlin-fleet user lists them")
	}
	u.Updated = fromMS(updated)
	return u, err
}

// RemoveUser lets a person sign in no more; what is signed in ends.
func (c *Controller) RemoveUser(ctx context.Context, author, name string) error {
	return c.forget(ctx, author, "user.remove", name, `DELETE FROM users WHERE name = $1`, "dunlin-fleet user lists them")
}
