package controller

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// A Group is a query by name. It has no members of its own: who is in it shows
// whenever it is asked for.
type Group struct {
	Name    string    `json:"name"`
	Query   string    `json:"query"`
	Author  string    `json:"author"`
	Updated time.Time `json:"updated"`
}

// maxGroups bounds how many there may be: each query reads them all.
const maxGroups = 1000

// query reads a query, in which @NAME stands for the query of a group.
func (c *Controller) query(ctx context.Context, text string) (query, error) {
	return queryOf(ctx, c.store.db, text)
}

func queryOf(ctx context.Context, db querier, text string) (query, error) {
	all, err := groups(ctx, db)
	if err != nil {
		return query{}, err
	}
	byName := map[string]string{}
	for _, g := range all {
		byName[g.Name] = g.Query
	}
	return parseQuery(text, byName)
}

// Groups returns the groups by name.
func (c *Controller) Groups(ctx context.Context) ([]Group, error) { return groups(ctx, c.store.db) }

func groups(ctx context.Context, db querier) ([]Group, error) {
	rows, err := db.QueryContext(ctx, `SELECT name, query, author, updated FROM groups ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Group{}
	for rows.Next() {
		var g Group
		var updated int64
		if err := rows.Scan(&g.Name, &g.Query, &g.Author, &updated); err != nil {
			return nil, err
		}
		g.Updated = fromMS(updated)
		all = append(all, g)
	}
	return all, rows.Err()
}

// SetGroup makes or changes a group. What was assigned or commanded to it stays
// with the devices it had then.
func (c *Controller) SetGroup(ctx context.Context, author, name, text string) error {
	if fleet.CheckID(name) != nil {
		return problem(400, fmt.Sprintf("group %.64q: 1 to 64 of a-z, 0-9 and -", name), "")
	}
	return c.changeGroup(ctx, author, name, "group.set", text, func(tx *sql.Tx, now time.Time) (sql.Result, error) {
		return tx.ExecContext(ctx, `INSERT INTO groups (name, query, author, updated) VALUES ($1, $2, $3, $4)
			ON CONFLICT (name) DO UPDATE SET query = excluded.query, author = excluded.author, updated = excluded.updated`, name, text, author, ms(now))
	})
}

// RemoveGroup forgets a group that no other is made of.
func (c *Controller) RemoveGroup(ctx context.Context, author, name string) error {
	return c.changeGroup(ctx, author, name, "group.remove", "", func(tx *sql.Tx, _ time.Time) (sql.Result, error) {
		return tx.ExecContext(ctx, `DELETE FROM groups WHERE name = $1`, name)
	})
}

// changeGroup changes one and sees that all can still be read, in one transaction.
func (c *Controller) changeGroup(ctx context.Context, author, name, action, detail string, change func(*sql.Tx, time.Time) (sql.Result, error)) error {
	now := c.now()
	return c.store.tx(ctx, func(tx *sql.Tx) error {
		done, err := change(tx, now)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return first(err, problem(404, fmt.Sprintf("no group %.64q", name), "dunlin-fleet group lists them"))
		}
		all, err := groups(ctx, tx)
		if err != nil {
			return err
		}
		if len(all) > maxGroups {
			return problem(409, fmt.Sprintf("more than %d groups", maxGroups), "")
		}
		for _, g := range all {
			if _, err := queryOf(ctx, tx, g.Query); err != nil {
				p := AsProblem(err)
				return problem(p.Status, fmt.Sprintf("group %s: %s", g.Name, p.Title), p.Hint)
			}
		}
		return audit(ctx, tx, now, author, action, name, detail)
	})
}

// first returns the first error that there is.
func first(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}
