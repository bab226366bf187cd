package local

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"github.com/dunlin-edge/dunlin/agent/config"
)

// policy lets the page load only what this device serves.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// protect keeps foreign web pages out: a Host header that does not name this
// device (DNS rebinding) and writes from another origin (request forgery) are
// refused.
func protect(next http.Handler, cfg config.API) http.Handler {
	hosts := hostNames(cfg)
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !hosts.allow(r.Host) {
			fail(w, http.StatusMisdirectedRequest, "host "+r.Host+" is not this device", "use the device's address; api.listen says which")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// names are the hosts that this device answers to.
type names struct {
	remote bool // any IP address is ours: a name is what rebinding needs
	extra  []string
}

func hostNames(cfg config.API) names {
	n := names{remote: cfg.AllowRemote, extra: []string{"localhost"}}
	if host, _, err := net.SplitHostPort(cfg.Listen); err == nil && host != "" {
		n.extra = append(n.extra, host)
	}
	if host, err := os.Hostname(); err == nil && cfg.AllowRemote {
		n.extra = append(n.extra, host, host+".local")
	}
	return n
}

func (n names) allow(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if ip, err := netip.ParseAddr(host); err == nil {
		return n.remote || ip.IsLoopback()
	}
	for _, e := range n.extra {
		if strings.EqualFold(strings.TrimSuffix(host, "."), e) {
			return true
		}
	}
	return false
}
