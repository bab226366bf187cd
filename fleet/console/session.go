package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

const (
	sessionLife = 12 * time.Hour
	cookie      = "dunlin-session"
	maxSessions = 1000
)

// sessions are who is signed in. They live in memory: a restart of the
// controller signs everybody out.
type sessions struct {
	now func() time.Time

	mu   sync.Mutex
	open map[string]session // by cookie
}

type session struct {
	person controller.Person
	since  time.Time // of who signed in by password: as their row was changed last
	form   string    // what forms must carry
	ends   time.Time
}

// begin makes a session, and returns its cookie. The oldest gives way where
// there are too many.
func (s *sessions) begin(p controller.Person, since time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string]session{}
	}
	oldest := ""
	for k, x := range s.open {
		if s.now().After(x.ends) {
			delete(s.open, k)
		} else if oldest == "" || x.ends.Before(s.open[oldest].ends) {
			oldest = k
		}
	}
	if len(s.open) >= maxSessions {
		delete(s.open, oldest)
	}
	id := rand.Text() + rand.Text()
	s.open[id] = session{person: p, since: since, form: rand.Text(), ends: s.now().Add(sessionLife)}
	return id
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

func (s *sessions) end(r *http.Request) {
	if k, err := r.Cookie(cookie); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, k.Value)
	}
}

// of returns the session of a request whose person is still who they were: one
// that was changed or removed is signed out.
func (c *Console) of(r *http.Request) (session, bool) {
	x, ok := c.sessions.of(r)
	if ok && !x.since.IsZero() {
		u, err := c.cfg.Controller.User(r.Context(), x.person.Name)
		ok = err == nil && u.Updated.Equal(x.since)
	}
	return x, ok
}

// signedIn lets only sessions through whose role is enough, and only forms of their own.
func (c *Console) signedIn(need controller.Role, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x, ok := c.of(r)
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
		r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, x))
		role := need
		if action := r.PathValue("action"); action != "" {
			role = controller.SteerRole(action)
		}
		if err := c.cfg.Controller.Allowed(r.Context(), x.person, role, r.Method+" "+r.URL.Path); err != nil {
			c.show(w, r, page{}, err)
			return
		}
		next(w, r)
	}
}

type sessionKey struct{}

// current is the session that a handler serves.
func current(r *http.Request) session {
	x, _ := r.Context().Value(sessionKey{}).(session)
	return x
}

// who stands in the audit log for who uses the console.
func who(r *http.Request) string { return current(r).person.Name }

func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	c.show(w, r, page{name: "login", Title: "Sign in", Line: c.line("console"), Data: r.URL.Query().Get("invite")}, nil)
}

// signIn takes an invitation, or a name and its password.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	p, since, err := c.accept(r)
	if err != nil {
		c.show(w, r, page{}, err)
		return
	}
	id := c.sessions.begin(p, since)
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil, MaxAge: int(sessionLife.Seconds())})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *Console) accept(r *http.Request) (p controller.Person, since time.Time, err error) {
	if name := r.PostFormValue("name"); name != "" {
		if p, err = c.cfg.Controller.SignIn(r.Context(), name, r.PostFormValue("password")); err != nil {
			return p, since, err
		}
		u, err := c.cfg.Controller.User(r.Context(), name)
		return controller.Person{Name: u.Name, Role: u.Role}, u.Updated, err
	}
	p, err = c.cfg.Controller.Accept(r.PostFormValue("invite"))
	return p, since, err
}

func (c *Console) signOut(r *http.Request) (string, error) {
	c.sessions.end(r)
	return "/login", nil
}
