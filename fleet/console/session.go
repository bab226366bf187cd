package console

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

// Sessions last for sessionLife; what signs in is an invitation that works
// once, for inviteLife. A wrong one costs everybody loginPause.
const (
	sessionLife = 12 * time.Hour
	inviteLife  = time.Hour
	loginPause  = time.Second
	cookie      = "dunlin-session"
	maxSessions = 1000
)

// sessions are who is signed in. They live in memory: a restart of the
// controller signs everybody out.
type sessions struct {
	now func() time.Time

	mu      sync.Mutex
	open    map[string]session // by cookie
	invites map[string]time.Time
	failed  time.Time
}

type session struct {
	form string // what forms must carry
	ends time.Time
}

// Invite returns a secret that signs one person in, once, within an hour.
func (c *Console) Invite() string { return c.sessions.invite() }

func (s *sessions) invite() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.invites == nil {
		s.invites = map[string]time.Time{}
	}
	for k, t := range s.invites {
		if s.now().After(t) {
			delete(s.invites, k)
		}
	}
	if len(s.invites) >= maxSessions {
		return ""
	}
	secret := rand.Text()
	s.invites[secret] = s.now().Add(inviteLife)
	return secret
}

// accept turns an invitation into a session.
func (s *sessions) accept(secret string) (id string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now().Sub(s.failed) < loginPause {
		return "", false
	}
	found := ""
	for k, ends := range s.invites {
		if subtle.ConstantTimeCompare([]byte(k), []byte(secret)) == 1 && s.now().Before(ends) {
			found = k
		}
	}
	if found == "" {
		s.failed = s.now()
		return "", false
	}
	delete(s.invites, found)
	if s.open == nil {
		s.open = map[string]session{}
	}
	for k, x := range s.open {
		if s.now().After(x.ends) {
			delete(s.open, k)
		}
	}
	id = rand.Text() + rand.Text()
	s.open[id] = session{form: rand.Text(), ends: s.now().Add(sessionLife)}
	return id, true
}

// of returns the session of a request.
func (s *sessions) of(r *http.Request) (session, bool) {
	k, err := r.Cookie(cookie)
	if err != nil {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.open[k.Value]
	return x, ok && s.now().Before(x.ends)
}

// form is what the forms of a session carry, so that no other site can send one.
func (s *sessions) form(r *http.Request) string {
	x, _ := s.of(r)
	return x.form
}

func (s *sessions) end(r *http.Request) {
	if k, err := r.Cookie(cookie); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, k.Value)
	}
}

// signedIn lets only sessions through, and only forms of their own.
func (c *Console) signedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x, ok := c.sessions.of(r)
		if !ok {
			if r.Method == http.MethodGet {
				http.Redirect(w, r, "/login", http.StatusSeeOther)
				return
			}
			http.Error(w, "not signed in", http.StatusUnauthorized)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if r.Method != http.MethodGet && subtle.ConstantTimeCompare([]byte(x.form), []byte(r.FormValue("form"))) != 1 {
			http.Error(w, "the form is not of this session; load the page again", http.StatusForbidden)
			return
		}
		next(w, r)
	}
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	c.show(w, r, page{name: "login", Title: "Sign in", Line: c.line("console"), Data: r.URL.Query().Get("invite")}, nil)
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	id, ok := c.sessions.accept(r.PostFormValue("invite"))
	if !ok {
		c.show(w, r, page{}, controller.NewProblem(http.StatusForbidden, "the invitation is wrong, used up or too old", "dunlin-fleet console prints a new one; wait a second before you try again"))
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil, MaxAge: int(sessionLife.Seconds())})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *Console) signOut(r *http.Request) (string, error) {
	c.sessions.end(r)
	return "/login", nil
}
