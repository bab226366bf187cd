package controller

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A Role is what a person or a program may do. Each may what those before it may.
type Role string

// The roles. Approver is who lets something reach more devices than it has.
const (
	Viewer   Role = "viewer"   // looks
	Operator Role = "operator" // enrols, groups, commands; pauses and aborts assignments
	Approver Role = "approver" // begins, promotes and resumes assignments
	Admin    Role = "admin"    // revokes, backs up, and says who may do what
)

var roles = []Role{Viewer, Operator, Approver, Admin}

// May says whether the role is enough where another is needed.
func (r Role) May(need Role) bool {
	return slices.Contains(roles, need) && slices.Index(roles, r) >= slices.Index(roles, need)
}

func (r Role) check() error {
	if !slices.Contains(roles, r) {
		return problem(400, fmt.Sprintf("role %.40q is unknown", string(r)), "viewer, operator, approver or admin")
	}
	return nil
}

// A Person is who a request is from. Programs count as persons here.
type Person struct {
	Name string `json:"name"` // as the audit log has it
	Role Role   `json:"role"`
}

// owner is whoever can read the state folder.
var owner = Person{"admin", Admin}

// SignOn is another way to find out who a request is from, such as the ID token
// of an OpenID Connect provider or the header of a proxy that checks one. It
// answers false for a request that says nothing it knows, and an error for one
// that it refuses.
type SignOn interface {
	Person(*http.Request) (Person, bool, error)
}

var errNotSignedIn = problem(401, "not signed in", "send the content of admin.token in the state folder, or of dunlin-fleet user token, as bearer token")

// identify finds out who a request is from, by its bearer token or by the
// configured sign-on.
func (c *Controller) identify(r *http.Request) (Person, error) {
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if subtle.ConstantTimeCompare([]byte(given), []byte(c.admin)) == 1 {
			return owner, nil
		}
		if strings.HasPrefix(given, apiTokenPrefix) {
			return c.tokenHolder(r.Context(), given)
		}
	}
	if c.cfg.SignOn != nil {
		p, known, err := c.cfg.SignOn.Person(r)
		if err != nil {
			return Person{}, problem(401, err.Error(), "")
		}
		if known {
			return p, p.Role.check()
		}
	}
	return Person{}, errNotSignedIn
}

// tokenHolder finds the program that a token was given to. The database is asked for a
// hash of 130 random bits: how long a comparison takes tells nothing.
func (c *Controller) tokenHolder(ctx context.Context, token string) (Person, error) {
	var name, role string
	var expires int64
	err := c.store.db.QueryRowContext(ctx, `SELECT name, role, expires FROM api_tokens WHERE hash = $1`, hashToken(token)).Scan(&name, &role, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Person{}, errNotSignedIn
	case err != nil:
		return Person{}, err
	case expires <= ms(c.now()):
		return Person{}, problem(401, "the token has expired", "dunlin-fleet user token makes another")
	}
	return Person{"token " + name, Role(role)}, nil
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

type personKey struct{}

// who is the person that a handler of the API serves.
func who(r *http.Request) Person {
	p, _ := r.Context().Value(personKey{}).(Person)
	return p
}

// Allowed says whether a person may do what needs a role. A refusal is audited:
// somebody tried.
func (c *Controller) Allowed(ctx context.Context, p Person, need Role, what string) error {
	if p.Role.May(need) {
		return nil
	}
	if err := c.note(ctx, p.Name, "refused", what, fmt.Sprintf("%s is %s, it takes %s", p.Name, p.Role, need)); err != nil {
		return err
	}
	return problem(403, fmt.Sprintf("%s may not do this: it takes the role %s", p.Role, need), "ask somebody who has it, or an admin to give it to you")
}

// note adds a line of its own to the audit log.
func (c *Controller) note(ctx context.Context, author, action, object, detail string) error {
	return c.store.tx(ctx, func(tx *sql.Tx) error { return audit(ctx, tx, c.now(), author, action, object, detail) })
}
