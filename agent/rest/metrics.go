package rest

import (
	"fmt"
	"strings"

	"github.com/dunlin-edge/dunlin/agent/serve"
)

// metrics answers in the Prometheus text format 0.0.4, for every version of a
// model that was asked for.
func (c *call) metrics() error {
	var b strings.Builder
	stats := c.h.cfg.Models.Stats()
	each := func(name, help string, samples func(s *serve.Stats) map[string]float64) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s counter\n", name, help, name)
		for i := range stats {
			s := &stats[i]
			if !c.client.may(s.Model) {
				continue
			}
			for _, label := range []string{"", "done", "failed", "refused"} {
				if v, ok := samples(s)[label]; ok {
					more := ""
					if label != "" {
						more = `,outcome="` + label + `"`
					}
					fmt.Fprintf(&b, "%s{model=\"%s\",version=\"%s\"%s} %g\n", name, escape.Replace(s.Model), escape.Replace(s.Version), more, v)
				}
			}
		}
	}
	each("dunlin_serve_requests_total", "Requests by what became of them.", func(s *serve.Stats) map[string]float64 {
		return map[string]float64{"done": float64(s.Done), "failed": float64(s.Failed), "refused": float64(s.Refused)}
	})
	each("dunlin_serve_wait_seconds_total", "Time that requests waited for a session.", func(s *serve.Stats) map[string]float64 {
		return map[string]float64{"": s.Waited.Seconds()}
	})
	each("dunlin_serve_run_seconds_total", "Time that requests had a session.", func(s *serve.Stats) map[string]float64 {
		return map[string]float64{"": s.Ran.Seconds()}
	})
	fmt.Fprintf(&b, "# HELP dunlin_serve_log_dropped_total Lines of the request log that the disk was too slow for.\n# TYPE dunlin_serve_log_dropped_total counter\ndunlin_serve_log_dropped_total %d\n", c.h.log.lost())
	c.w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	return c.write([]byte(b.String()))
}

// escape is that of label values in the text format.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
