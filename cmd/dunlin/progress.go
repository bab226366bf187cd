package main

import (
	"fmt"
	"strings"
	"time"
)

// progress draws a bar on standard error while a person watches; elsewhere it
// is silent.
type progress struct {
	e     *env
	on    bool
	total int
	start time.Time
	drawn time.Time
}

const (
	barWidth    = 28
	redrawEvery = 100 * time.Millisecond
)

// progress begins a bar over total steps. Call done at the end.
func (e *env) progress(total int) *progress {
	return &progress{e: e, on: total > 1 && isTerminal(e.stderr), total: total, start: time.Now()}
}

// step shows that n steps are done, now busy with what.
func (p *progress) step(n int, what string) {
	now := time.Now()
	if !p.on || now.Sub(p.drawn) < redrawEvery {
		return
	}
	p.drawn = now
	full := barWidth * n / p.total
	left := ""
	if spent := now.Sub(p.start); n > 0 && spent > time.Second {
		left = (spent * time.Duration(p.total-n) / time.Duration(n)).Round(time.Second).String() + " left"
	}
	line := fmt.Sprintf("%s%s %d/%d %s %s", strings.Repeat("█", full), strings.Repeat("░", barWidth-full), n, p.total, left, what)
	fmt.Fprintf(p.e.stderr, "\r\x1b[K%s", clip(line, terminalWidth(p.e.stderr)-1))
}

// done removes the bar.
func (p *progress) done() {
	if p.on && !p.drawn.IsZero() {
		fmt.Fprint(p.e.stderr, "\r\x1b[K")
	}
}

// clip cuts a text to width runes.
func clip(s string, width int) string {
	r := []rune(s)
	if len(r) <= width || width < 1 {
		return s
	}
	return string(r[:width-1]) + "…"
}
