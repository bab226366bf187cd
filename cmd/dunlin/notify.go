package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dunlin-edge/dunlin/agent"
)

// stuckAfter is how long a pipeline may finish no window while its source
// delivers, before the watchdog is told nothing any more. A pipeline that is
// slower than that by design gets ten of its own windows.
const stuckAfter = 2 * time.Minute

// notifier tells systemd how the agent fares (sd_notify(3)).
type notifier struct {
	conn     net.Conn
	watchdog time.Duration // 0: nobody watches
	moved    map[string]movement
}

type movement struct {
	windows, read uint64
	at            time.Time // of the last finished window
}

// newNotifier returns nil where systemd does not ask.
func newNotifier(getenv func(string) string) (*notifier, error) {
	path := getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil, nil
	}
	if path[0] == '@' {
		path = "\x00" + path[1:] // an abstract name
	}
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return nil, fmt.Errorf("notify systemd: %w", err)
	}
	n := &notifier{conn: conn, moved: map[string]movement{}}
	if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 && watched(getenv("WATCHDOG_PID")) {
		n.watchdog = time.Duration(us) * time.Microsecond
	}
	return n, nil
}

func watched(pid string) bool { return pid == "" || pid == strconv.Itoa(os.Getpid()) }

// run tells what there is to tell until ctx ends, then that it stops.
func (n *notifier) run(ctx context.Context, status func() agent.Status) {
	if n == nil {
		return
	}
	defer n.conn.Close()
	every := 5 * time.Second
	if n.watchdog > 0 {
		every = min(every, n.watchdog/3)
	}
	t := time.NewTicker(every)
	defer t.Stop()
	n.say("READY=1\n" + n.report(status()))
	for {
		select {
		case <-ctx.Done():
			n.say("STOPPING=1\nSTATUS=finishing what is in flight")
			return
		case <-t.C:
			n.say(n.report(status()))
		}
	}
}

// report words the status, and feeds the watchdog unless a pipeline hangs.
func (n *notifier) report(s agent.Status) string {
	text := "STATUS=" + summary(s)
	if hung := n.hung(s); hung != "" {
		return text + ", " + hung + " hangs"
	}
	if n.watchdog > 0 {
		text += "\nWATCHDOG=1"
	}
	return text
}

// summary is "2 pipelines, 14.9 fps, connected".
func summary(s agent.Status) string {
	rate := 0.0
	for _, p := range s.Pipelines {
		rate += p.PerSecond
	}
	text := fmt.Sprintf("%d pipelines, %.1f fps", len(s.Pipelines), rate)
	switch {
	case s.Fleet == nil:
		return text + ", alone"
	case s.Fleet.Connected:
		return text + ", connected"
	}
	return text + ", offline"
}

// hung names a pipeline that finishes nothing of what its source delivers. One
// that waits for its restart is not hung, it is looked after.
func (n *notifier) hung(s agent.Status) string {
	read := map[string]uint64{}
	for _, f := range s.Sources {
		read[f.Name] = f.Read
	}
	name := ""
	for _, p := range s.Pipelines {
		m, known := n.moved[p.Name]
		if !known || p.Windows != m.windows || read[p.Source] == m.read || p.State != agent.Running || p.Bundle == "" {
			n.moved[p.Name] = movement{p.Windows, read[p.Source], s.Time}
			continue
		}
		m.read = read[p.Source]
		n.moved[p.Name] = m
		allowed := stuckAfter
		if p.PerSecond > 0 {
			allowed = max(allowed, time.Duration(10/p.PerSecond*float64(time.Second)))
		}
		if s.Time.Sub(m.at) > allowed {
			name = "pipeline " + p.Name
		}
	}
	return name
}

// reloading tells that the configuration is read again. The service counts as
// reloading until reloaded.
func (n *notifier) reloading() {
	if n == nil {
		return
	}
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // every system that notifies has it
	n.say(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d\nSTATUS=reading the configuration again", now.Nano()/1000))
}

// reloaded tells what came of it; the next report overwrites that.
func (n *notifier) reloaded(err error) {
	if n == nil {
		return
	}
	text := "configuration reloaded"
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		text = "configuration not taken: " + first
	}
	n.say("READY=1\nSTATUS=" + text)
}

// say tells systemd. What is lost is said again.
func (n *notifier) say(text string) { _, _ = n.conn.Write([]byte(text)) }
