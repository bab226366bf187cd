package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/action"
)

// someStatus has pipelines of 4, 10 and 1000 classes.
func someStatus() *agent.Status {
	now := time.Unix(1000, 0)
	s := &agent.Status{Time: now, Device: "bench", Sources: []agent.SourceStatus{
		{Name: "shaft", Health: agent.Health{State: agent.Running}, Faults: []string{"normal", "bearing"}, Unit: "g", Trace: [][]float32{make([]float32, 250)}},
		{Name: "cam", Health: agent.Health{State: agent.Running}},
	}}
	for _, n := range []int{4, 10, 1000} {
		p := agent.PipelineStatus{
			Name: fmt.Sprintf("p%d", n), Source: "cam", Bundle: "b@1", Windows: 9, Warm: true, Updated: now, Decides: true,
			Health: agent.Health{State: agent.Running}, Class: n - 1, Item: "an image with a very long name, over and over and over again.png",
			Events: []action.Record{{Label: "a label that is long enough to reach beyond the right edge of a small terminal", Time: now}},
		}
		for i := range n {
			p.Labels = append(p.Labels, fmt.Sprintf("a class with number %d", i))
			p.Scores = append(p.Scores, float32(i)/float32(n))
		}
		s.Pipelines = append(s.Pipelines, p)
	}
	s.Pipelines[0].Source, s.Pipelines[0].Simulated = "shaft", true
	return s
}

var escapes = regexp.MustCompile(`\x1b\[[?0-9;]*[A-Za-z]`)

// TestScreenFits draws on terminals of all sizes: never more lines or columns
// than there are.
func TestScreenFits(t *testing.T) {
	s := someStatus()
	for _, size := range [][2]int{{80, 24}, {80, 10}, {40, 24}, {200, 60}, {20, 3}} {
		for _, color := range []bool{false, true} {
			v := &screen{e: &env{stdout: io.Discard, color: color}, url: "http://127.0.0.1:8321/", note: "shaft: injected bearing"}
			text := v.draw(s, size[0], size[1])
			if !color && strings.Contains(text, "m") && regexp.MustCompile(`\x1b\[[0-9;]*m`).MatchString(text) {
				t.Error("colours without colour")
			}
			lines := strings.Split(escapes.ReplaceAllString(text, ""), "\r\n")
			if len(lines) > size[1] {
				t.Errorf("%v: %d lines", size, len(lines))
			}
			for _, line := range lines {
				if n := len([]rune(line)); size[0] >= 40 && n > size[0] {
					t.Errorf("%v: %d columns: %q", size, n, line)
				}
			}
		}
	}
}

func TestScreenSays(t *testing.T) {
	s := someStatus()
	s.Pipelines[1].State, s.Pipelines[1].Reason = agent.Waiting, "panic: out of luck"
	v := &screen{e: &env{stdout: io.Discard}, url: "off"}
	text := v.draw(s, 100, 60)
	for _, want := range []string{"p4  b@1  [simulated]", "restarting: panic: out of luck", "▸ a class with nu…", "inject: 1 normal  2 bearing   q quit"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestBlocks(t *testing.T) {
	for share, want := range map[float64]string{0: "····", 0.5: "██··", 1: "████", 0.125: "▌···", 0.99: "████", 0.03: "▏···"} {
		if got := blocks(share, 4); got != want {
			t.Errorf("blocks(%v) = %q, want %q", share, got, want)
		}
	}
}
