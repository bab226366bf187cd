package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
)

const watchUsage = `Usage: dunlin watch [--url URL] [--json]

Shows a running agent live: class bars, the sensor's signal, rates, latencies
and decisions. Keys: 1 to 9 inject the machine faults listed, q quits.

With --json it prints one status a line instead, for other programs.

Examples:
  dunlin watch
  dunlin watch --url http://127.0.0.1:8321
  dunlin watch --json | head -1
`

func runWatch(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	at := fl.String("url", "http://"+config.DefaultListen, "watch the agent at this `URL`")
	asJSON := fl.json("one status a line")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	u, err := url.Parse(*at)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usageError("write it as http://127.0.0.1:8321", "--url %q: not an http address", *at)
	}
	r, err := connect(ctx, strings.TrimSuffix(*at, "/"))
	if err != nil {
		return hintError(fmt.Errorf("watch: %w", err), "is the agent running there? Start it with: dunlin run")
	}
	defer r.close()
	if *asJSON {
		return r.print(ctx, e)
	}
	if !isTerminal(e.stdout) {
		return usageError("use --json to feed other programs", "watch: standard output is no terminal")
	}
	err = watch(ctx, e, r, strings.TrimSuffix(*at, "/")+"/")
	return hintError(err, "it ended, or the connection broke; start it with: dunlin run")
}

// Limits of the status stream.
const (
	maxEvent       = 8 << 20
	requestTimeout = 5 * time.Second
)

// remote is an agent seen through its HTTP interface.
type remote struct {
	base  string
	body  io.ReadCloser
	lines *bufio.Scanner
}

func connect(ctx context.Context, base string) (*remote, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/stream", nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: requestTimeout}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%s answered %s", base, resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	return &remote{base, resp.Body, lines}, nil
}

func (r *remote) close() { r.body.Close() }

// event returns the next status as it came.
func (r *remote) event(ctx context.Context) ([]byte, error) {
	for r.lines.Scan() {
		if data, ok := bytes.CutPrefix(r.lines.Bytes(), []byte("data: ")); ok {
			return data, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, errors.Join(errors.New("the agent has gone"), r.lines.Err())
}

func (r *remote) next(ctx context.Context) (*agent.Status, error) {
	data, err := r.event(ctx)
	if err != nil {
		return nil, err
	}
	var s agent.Status
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	return &s, nil
}

func (r *remote) inject(ctx context.Context, source, fault string, severity float64) error {
	body, err := json.Marshal(map[string]any{"fault": fault, "severity": severity})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+"/api/v1/sources/"+url.PathEscape(source)+"/inject", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("inject %s: %s", fault, resp.Status)
	}
	return nil
}

// print writes the statuses as they come.
func (r *remote) print(ctx context.Context, e *env) error {
	for {
		data, err := r.event(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(e.stdout, "%s\n", data); err != nil {
			return nil // the reader has what it wanted
		}
	}
}

// target is an agent that can be watched.
type target interface {
	// next waits for the next status, some ten a second.
	next(ctx context.Context) (*agent.Status, error)
	inject(ctx context.Context, source, fault string, severity float64) error
}

// Terminal modes: the alternate screen, and the cursor hidden.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
)

// watch draws a target until q or the end of ctx.
func watch(ctx context.Context, e *env, t target, url string) error {
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	keys := make(chan byte, 8)
	if in, ok := e.stdin.(*os.File); ok && fileIsTerminal(in) {
		restore, err := rawKeys(in)
		if err == nil {
			defer restore()
			go readKeys(in, keys)
		}
	}
	fmt.Fprint(e.stdout, enterScreen)
	defer fmt.Fprint(e.stdout, leaveScreen)
	v := &screen{e: e, url: url}
	for {
		s, err := t.next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		width, height := terminalSize(e.stdout)
		fmt.Fprint(e.stdout, v.draw(s, width, height))
		select {
		case k := <-keys:
			if k == 'q' || k == 'Q' {
				return nil
			}
			v.note = press(ctx, t, s, k)
		default:
		}
	}
}

// readKeys passes keys on; it ends with the process.
func readKeys(in *os.File, keys chan<- byte) {
	var b [1]byte
	for {
		if n, err := in.Read(b[:]); err != nil || n == 0 {
			return
		}
		select {
		case keys <- b[0]:
		default:
		}
	}
}

// press carries out a digit and says what happened.
func press(ctx context.Context, t target, s *agent.Status, key byte) string {
	n := int(key - '1')
	list := faults(s)
	if n < 0 || n >= len(list) {
		return ""
	}
	f := list[n]
	if err := t.inject(ctx, f.source, f.fault, 1); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s: injected %s", f.source, f.fault)
}

// sourceFault is something that can be injected.
type sourceFault struct{ source, fault string }

// faults lists them in the order of the digit keys.
func faults(s *agent.Status) []sourceFault {
	var list []sourceFault
	for _, src := range s.Sources {
		for _, f := range src.Faults {
			list = append(list, sourceFault{src.Name, f})
		}
	}
	return list[:min(len(list), 9)]
}
