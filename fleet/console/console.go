// Package console is the controller's web page for people: who is there, what
// each device decides and runs, releases on their way, and the log of who did what.
//
// Start with [New]. Pages are made on the server; one small script of our own
// keeps them fresh, and without it they still work. There is no third party's
// code in them, and the content security policy allows none.
package console

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

//go:embed assets pages
var files embed.FS

// Config configures a Console.
type Config struct {
	Controller *controller.Controller
	Devices    string           // URL at which devices enrol
	Dir        string           // state folder, for the command lines that pages show
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: silent
}

// Console serves the pages. Its methods may be called concurrently.
type Console struct {
	cfg      Config
	pages    map[string]*template.Template
	sessions sessions
	mux      *http.ServeMux
	streams  atomic.Int64
}

// New makes the console.
func New(cfg Config) (*Console, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Console{cfg: cfg, pages: map[string]*template.Template{}, mux: http.NewServeMux()}
	c.sessions.now = cfg.Now
	for _, name := range []string{"login", "overview", "devices", "device", "releases", "assignments", "assignment", "enrol", "audit", "groups", "commands", "batch", "access", "drift", "problem"} {
		t, err := template.New("frame.html").Funcs(c.functions()).ParseFS(files, "pages/frame.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		c.pages[name] = t
	}
	c.routes()
	return c, nil
}

func (c *Console) routes() {
	c.mux.Handle("GET /assets/", http.FileServerFS(files))
	c.mux.HandleFunc("GET /login", c.login)
	c.mux.HandleFunc("POST /login", c.signIn)
	c.mux.HandleFunc("GET /devices/{id}/decided", c.signedIn(controller.Viewer, c.pushDecided))
	for _, x := range c.views() {
		c.mux.HandleFunc(x.path, c.signedIn(x.need, func(w http.ResponseWriter, r *http.Request) {
			p, err := x.show(r)
			c.show(w, r, p, err)
		}))
	}
	for _, x := range c.actions() {
		c.mux.HandleFunc(x.path, c.signedIn(x.need, func(w http.ResponseWriter, r *http.Request) {
			to, err := x.do(r)
			if err != nil {
				c.show(w, r, page{}, err)
				return
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
		}))
	}
}

// A view is a page, and who may see it.
type view struct {
	path string
	need controller.Role
	show func(*http.Request) (page, error)
}

func (c *Console) views() []view {
	return []view{
		{"GET /{$}", controller.Viewer, c.overview},
		{"GET /devices", controller.Viewer, c.devices},
		{"GET /devices/{id}", controller.Viewer, c.device},
		{"GET /releases", controller.Viewer, c.releases},
		{"GET /assignments", controller.Viewer, c.assignments},
		{"GET /assignments/{id}", controller.Viewer, c.assignment},
		{"GET /enrol", controller.Viewer, c.enrol},
		{"GET /audit", controller.Viewer, c.audit},
		{"GET /groups", controller.Viewer, c.groups},
		{"GET /commands", controller.Viewer, c.commands},
		{"GET /commands/{id}", controller.Viewer, c.batch},
		{"GET /access", controller.Viewer, c.people},
		{"GET /drift", controller.Viewer, c.drift},
		{"POST /releases/plan", controller.Viewer, c.plan},
		{"POST /enrol", controller.Operator, c.newToken},
	}
}

// An action changes something, and shows a page of it then. Steering takes the
// role of what is done.
type action struct {
	path string
	need controller.Role
	do   func(*http.Request) (string, error)
}

func (c *Console) actions() []action {
	return []action{
		{"POST /releases/assign", controller.Approver, c.assign},
		{"POST /assignments/{id}/{action}", controller.Operator, c.steer},
		{"POST /groups", controller.Operator, c.setGroup},
		{"POST /groups/{name}/remove", controller.Operator, c.removeGroup},
		{"POST /commands", controller.Operator, c.commandAll},
		{"POST /access/allow", controller.Operator, c.allow},
		{"POST /devices/{id}/command", controller.Operator, c.command},
		{"POST /devices/{id}/revoke", controller.Admin, c.revoke},
		{"POST /logout", controller.Viewer, c.signOut},
	}
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if !strings.HasPrefix(r.URL.Path, "/assets/") {
		h.Set("Cache-Control", "no-store")
	}
	c.mux.ServeHTTP(w, r)
}

// A page is what a template shows.
type page struct {
	name  string
	Title string
	Live  bool   // it is fetched again while somebody looks
	Line  string // the same on the command line
	Data  any
}

// show writes a page, or the problem that there is instead.
func (c *Console) show(w http.ResponseWriter, r *http.Request, p page, err error) {
	status := http.StatusOK
	if err != nil {
		problem := controller.AsProblem(err)
		status = problem.Status
		if status >= 500 {
			c.cfg.Log.Error("console", "path", r.URL.Path, "err", err)
		}
		p = page{name: "problem", Title: "That did not work", Data: problem}
	}
	var out bytes.Buffer
	x := current(r)
	err = c.pages[p.name].Execute(&out, struct {
		page
		Path   string
		Token  string
		Person controller.Person
	}{p, r.URL.Path, x.form, x.person})
	if err != nil {
		c.cfg.Log.Error("console", "page", p.name, "err", err)
		http.Error(w, "the page could not be made; the controller's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the reader is gone
}

// functions are what templates may call.
func (c *Console) functions() template.FuncMap {
	return template.FuncMap{
		"ago": func(t time.Time) string { return age(c.cfg.Now().Sub(t), t.IsZero()) },
		"at":  func(ms int64) time.Time { return time.UnixMilli(ms).UTC() },
		"iso": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") },
		"short": func(s string) string {
			return s[:min(len(s), 12)]
		},
		"size": func(n int64) string {
			if n < 1e6 {
				return fmt.Sprintf("%.1f kB", float64(n)/1e3)
			}
			if n < 1e9 {
				return fmt.Sprintf("%.1f MB", float64(n)/1e6)
			}
			return fmt.Sprintf("%.1f GB", float64(n)/1e9)
		},
		"may": func(p controller.Person, need string) bool { return p.Role.May(controller.Role(need)) },
		"json": func(v any) (string, error) {
			text, err := json.Marshal(v)
			return string(text), err
		},
		"inc":  func(n int) int { return n + 1 },
		"hz":   func(x float64) string { return fmt.Sprintf("%.1f", x) },
		"wave": waveText, "chart": chart,
		"part":   func(n, of int) int { return int(100 * float64(n) / float64(max(1, of))) },
		"part64": func(n, of int64) int64 { return int64(math.Round(100 * float64(n) / float64(max(1, of)))) },
	}
}

func waveText(w controller.Wave) string {
	if w.Count > 0 {
		return fmt.Sprint(w.Count)
	}
	return fmt.Sprintf("%g %%", w.Percent)
}

// age words a length of time.
func age(d time.Duration, never bool) string {
	switch {
	case never:
		return "never"
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}
