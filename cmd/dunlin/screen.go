package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dunlin-edge/dunlin/agent"
)

// Widths of the parts of a line of bars.
const (
	nameWidth = 16
	maxRows   = 10 // bars per pipeline
)

// screen draws statuses as full pictures of the terminal.
type screen struct {
	e    *env
	url  string
	note string // what the last key did
}

// draw returns the escape sequences and text of one picture. It never writes
// more lines than the terminal has.
func (v *screen) draw(s *agent.Status, width, height int) string {
	var lines []string
	lines = append(lines, v.header(s, width), "")
	rows := shareRows(s.Pipelines, height-4-5*len(s.Pipelines))
	for i := range s.Pipelines {
		lines = append(lines, v.pipeline(s, &s.Pipelines[i], width, rows[i])...)
		lines = append(lines, "")
	}
	foot := v.footer(s, width)
	lines = lines[:min(len(lines), max(0, height-1-len(foot)))]
	for len(lines) < height-len(foot) {
		lines = append(lines, "")
	}
	lines = append(lines, foot...)
	lines = lines[max(0, len(lines)-height):]
	var b strings.Builder
	b.WriteString("\x1b[H")
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(line)
		b.WriteString("\x1b[K")
	}
	b.WriteString("\x1b[J")
	return b.String()
}

// shareRows gives each pipeline rows for its bars: one each in turn while it
// has classes to show and there is room.
func shareRows(list []agent.PipelineStatus, room int) []int {
	rows := make([]int, len(list))
	for gave := true; gave; {
		gave = false
		for i := range list {
			if rows[i] < min(maxRows, len(list[i].Scores)) && (room > 0 || rows[i] == 0) {
				rows[i]++
				room--
				gave = true
			}
		}
	}
	return rows
}

func (v *screen) header(s *agent.Status, width int) string {
	title := "Dunlin  " + s.Device
	page := v.url
	if v.url == "off" {
		page = ""
	}
	gap := max(2, width-utf8.RuneCountInString(title)-utf8.RuneCountInString(page)-1)
	return v.e.style(bold, "Dunlin") + "  " + s.Device + strings.Repeat(" ", gap) + v.e.style(cyan, page)
}

func (v *screen) pipeline(s *agent.Status, p *agent.PipelineStatus, width, rows int) []string {
	src := sourceOf(s, p)
	lines := []string{v.title(p), v.e.style(dim, clip(v.figures(s, p), width-1))}
	if reason := trouble(p, src); reason != "" {
		return append(lines, v.e.style(red, clip("  restarting: "+reason, width-1)))
	}
	for _, class := range strongest(p, rows) {
		lines = append(lines, v.bar(p, class, width))
	}
	if src != nil && len(src.Trace) > 0 {
		lines = append(lines, v.signal(src, width))
	} else if p.Item != "" {
		lines = append(lines, v.e.style(dim, clip("  image "+p.Item, width-1)))
	}
	return append(lines, v.lastEvent(s, p, width))
}

func (v *screen) title(p *agent.PipelineStatus) string {
	line := v.e.style(bold, p.Name) + "  " + p.Bundle
	if p.Simulated {
		line += "  " + v.e.style(yellow, "[simulated]")
	}
	if p.State != agent.Running {
		line += "  " + string(p.State)
	}
	return line
}

func (v *screen) figures(s *agent.Status, p *agent.PipelineStatus) string {
	if p.Windows == 0 {
		return "  waiting for data from " + p.Source
	}
	return fmt.Sprintf("  %.1f windows/s  p50 %s  p95 %s  lost %d  updated %s",
		p.PerSecond, microsText(p.P50US), microsText(p.P95US), p.Lost, agoText(s.Time.Sub(p.Updated)))
}

// trouble says why a pipeline or its source is not running.
func trouble(p *agent.PipelineStatus, src *agent.SourceStatus) string {
	if p.State == agent.Waiting {
		return p.Reason
	}
	if src != nil && src.State == agent.Waiting {
		return "source " + src.Name + ": " + src.Reason
	}
	return ""
}

func sourceOf(s *agent.Status, p *agent.PipelineStatus) *agent.SourceStatus {
	for i := range s.Sources {
		if s.Sources[i].Name == p.Source {
			return &s.Sources[i]
		}
	}
	return nil
}

// strongest returns the classes to show: all in their order, or the best.
func strongest(p *agent.PipelineStatus, rows int) []int {
	classes := make([]int, len(p.Scores))
	for i := range classes {
		classes[i] = i
	}
	if len(classes) > rows {
		slices.SortStableFunc(classes, func(a, b int) int { return cmp.Compare(p.Scores[b], p.Scores[a]) })
		classes = classes[:rows]
	}
	return classes
}

func (v *screen) bar(p *agent.PipelineStatus, class, width int) string {
	name := fmt.Sprintf("#%d", class)
	if class < len(p.Labels) {
		name = p.Labels[class]
	}
	score := min(max(float64(p.Scores[class]), 0), 1)
	room := max(4, width-nameWidth-12)
	value := fmt.Sprintf("%4.0f %%", 100*score)
	if s := p.Scores[class]; s < 0 || s > 1 {
		value = fmt.Sprintf("%6.3g", s)
	}
	text := fmt.Sprintf("%-*s %s %s", nameWidth, clip(name, nameWidth), blocks(score, room), value)
	if class == p.Class && p.Warm {
		return v.e.style(green, "▸ "+text)
	}
	return "  " + text
}

// blocks draws a bar of eighths.
func blocks(share float64, width int) string {
	eighths := int(share*float64(width)*8 + 0.5)
	full := eighths / 8
	bar := strings.Repeat("█", full)
	if rest := eighths % 8; rest > 0 {
		bar += string([]rune(" ▏▎▍▌▋▊▉")[rest])
		full++
	}
	return bar + strings.Repeat("·", width-full)
}

// signal draws the first channel's swing as a row of columns.
func (v *screen) signal(src *agent.SourceStatus, width int) string {
	t := src.Trace[0]
	room := max(4, width-nameWidth-12)
	points := len(t) / 2
	first := max(0, points-room)
	peak := float32(0)
	for k := range points {
		peak = max(peak, t[2*k+1]-t[2*k])
	}
	var b strings.Builder
	levels := []rune("▁▂▃▄▅▆▇█")
	for k := first; k < points; k++ {
		level := 0
		if peak > 0 {
			level = int((t[2*k+1] - t[2*k]) / peak * float32(len(levels)-1))
		}
		b.WriteRune(levels[level])
	}
	name := "signal"
	if len(src.Channels) > 0 {
		name = "signal " + src.Channels[0]
	}
	return v.e.style(dim, fmt.Sprintf("  %-*s %s %.2g %s", nameWidth, name, b.String(), peak, src.Unit))
}

func (v *screen) lastEvent(s *agent.Status, p *agent.PipelineStatus, width int) string {
	if !p.Decides {
		return v.e.style(dim, "  scores only: the bundle makes no decisions")
	}
	if len(p.Events) == 0 {
		return v.e.style(dim, "  no decision yet")
	}
	ev := p.Events[0]
	verb := "decided"
	if ev.Event == "leave" {
		verb = "ended"
	}
	return clip(fmt.Sprintf("  %s %s, %s", verb, ev.Label, agoText(s.Time.Sub(ev.Time))), width-1)
}

// footer tells the keys.
func (v *screen) footer(s *agent.Status, width int) []string {
	var keys []string
	for i, f := range faults(s) {
		keys = append(keys, fmt.Sprintf("%d %s", i+1, f.fault))
	}
	line := "q quit"
	if len(keys) > 0 {
		line = "inject: " + strings.Join(keys, "  ") + "   " + line
	}
	if v.note != "" {
		return []string{v.e.style(yellow, clip(v.note, width-1)), clip(line, width-1)}
	}
	return []string{clip(line, width-1)}
}

func microsText(us int64) string {
	switch {
	case us < 1000:
		return fmt.Sprintf("%d µs", us)
	case us < 1e6:
		return fmt.Sprintf("%.1f ms", float64(us)/1e3)
	}
	return fmt.Sprintf("%.1f s", float64(us)/1e6)
}

func agoText(d time.Duration) string {
	switch {
	case d < time.Second:
		return "now"
	case d < 90*time.Second:
		return fmt.Sprintf("%.0f s ago", d.Seconds())
	case d < 90*time.Minute:
		return fmt.Sprintf("%.0f min ago", d.Minutes())
	}
	return fmt.Sprintf("%.0f h ago", d.Hours())
}
