package controller

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
)

// Cost of a password's hash: RFC 9106, section 4, its second choice with one
// lane. One is computed at a time, so that guessing takes 64 MiB and one CPU of
// the controller, never more.
const (
	argonTime   = 3
	argonMemory = 64 << 10 // KiB
	argonSalt   = 16       // bytes
	argonKey    = 32
)

const (
	minPassword = 12
	maxPassword = 256
	inviteLife  = time.Hour
	maxInvites  = 1000
	maxBrakes   = 10_000
	longestWait = time.Minute // after many wrong guesses of one name
)

// login is who may come in by a password or an invitation.
type login struct {
	now func() time.Time
	one chan struct{} // a token for who computes a hash

	mu      sync.Mutex
	invites map[string]time.Time
	brakes  map[string]brake
}

// brake holds back who guesses a name's password.
type brake struct {
	wrong int
	until time.Time
}

func newLogin(now func() time.Time) *login {
	return &login{now: now, one: make(chan struct{}, 1), invites: map[string]time.Time{}, brakes: map[string]brake{}}
}

// derive computes a key, alone.
func (l *login) derive(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case l.one <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-l.one }()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, 1, argonKey), nil
}

// hash returns what is kept of a password, in the usual form of such hashes.
func (l *login) hash(ctx context.Context, password string) (string, error) {
	if len(password) < minPassword || len(password) > maxPassword {
		return "", problem(400, fmt.Sprintf("password: %d to %d bytes", minPassword, maxPassword), "four words that have nothing to do with each other are one")
	}
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails
	key, err := l.derive(ctx, password, salt)
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, argonMemory, argonTime, enc(salt), enc(key)), err
}

// fits says whether a password is the one of a hash. A hash of other costs than
// today's fits nothing: there is none.
func (l *login) fits(ctx context.Context, hash, password string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return false, errors.New("password hash: not of this form")
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, err
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, err
	}
	got, err := l.derive(ctx, password, salt)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

// nobody is what a password of an unknown name is compared with, so that an
// answer takes as long as for a known one.
const nobody = "$argon2id$v=19$m=65536,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

var errPassword = problem(403, "name and password do not fit", "wait a moment before you try again; an admin can set a new one: dunlin-fleet user set")

// SignIn finds out who somebody is. Wrong guesses of a name hold back all that
// follow, for longer each time, and are audited.
func (c *Controller) SignIn(ctx context.Context, name, password string) (Person, error) {
	if len(name) > 64 || len(password) > maxPassword {
		return Person{}, errPassword
	}
	if wait := c.login.held(name); wait > 0 {
		return Person{}, problem(429, fmt.Sprintf("too many wrong passwords; wait %s", wait.Round(time.Second)), "")
	}
	hash, role := nobody, Role("")
	err := c.store.db.QueryRowContext(ctx, `SELECT password, role FROM users WHERE name = $1`, name).Scan(&hash, &role)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Person{}, err
	}
	ok, err := c.login.fits(ctx, hash, password)
	if err != nil {
		return Person{}, err
	}
	if !ok || role == "" {
		c.login.wrong(name)
		return Person{}, first(c.note(ctx, fmt.Sprintf("%.64q", name), "login.refused", "console", ""), errPassword)
	}
	c.login.right(name)
	return Person{name, role}, c.note(ctx, name, "login", "console", string(role))
}

// held says how long nobody may try a name.
func (l *login) held(name string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.brakes[name]
	if !known && len(l.brakes) >= maxBrakes { // a storm of made-up names: known ones are not let through either
		return time.Second
	}
	return b.until.Sub(l.now())
}

func (l *login) wrong(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, b := range l.brakes {
		if l.now().Sub(b.until) > 10*longestWait {
			delete(l.brakes, k)
		}
	}
	b := l.brakes[name]
	b.until = l.now().Add(min(longestWait, time.Second<<min(b.wrong, 10)))
	b.wrong++
	l.brakes[name] = b
}

func (l *login) right(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.brakes, name)
}

// Invite returns a secret that signs one person in as admin, once, within an
// hour. Who asks can read the state folder, and is one already.
func (c *Controller) Invite() string {
	l := c.login
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, t := range l.invites {
		if l.now().After(t) {
			delete(l.invites, k)
		}
	}
	if len(l.invites) >= maxInvites {
		return ""
	}
	secret := rand.Text()
	l.invites[secret] = l.now().Add(inviteLife)
	return secret
}

var errInvite = problem(403, "the invitation is wrong, used up or too old", "dunlin-fleet console prints a new one; wait a second before you try again")

// inviteName is the name under which guesses of invitations are held back; no
// person has it.
const inviteName = "\x00invitation"

// Accept takes an invitation.
func (c *Controller) Accept(secret string) (Person, error) {
	l := c.login
	if l.held(inviteName) > 0 {
		return Person{}, errInvite
	}
	l.mu.Lock()
	found := ""
	for k, ends := range l.invites {
		if subtle.ConstantTimeCompare([]byte(k), []byte(secret)) == 1 && l.now().Before(ends) {
			found = k
		}
	}
	delete(l.invites, found)
	l.mu.Unlock()
	if found == "" {
		l.wrong(inviteName)
		return Person{}, errInvite
	}
	l.right(inviteName)
	return owner, nil
}
