package controller

import (
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/fleet"
)

var queryDevice = Device{
	ID: "press-7", State: "online", Labels: map[string]string{"site": "north", "line": "a b"},
	Reported: &fleet.Reported{
		Version: "v0.1.0", Labels: map[string]string{"site": "ignored", "room": "12"},
		Board:     fleet.Board{Model: "Raspberry Pi 5 Model B Rev 1.0", Arch: "arm64", CPUs: 4, Memory: 8 << 30},
		Pipelines: []fleet.PipelineReported{{Name: "machine", Bundle: "machine", Version: "1.0.0", State: "running", Label: "normal"}},
	},
}

var queryGroups = map[string]string{
	"north": "labels.site = north", "pis": "@north and board.model ~ pi", "all": "", "loop": "@loop or id = x", "wide": "@wide or @wide", "bad": "colour = red",
}

func TestQuery(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "id = press-7": true, "id != 'press-7'": false, "not id = x": true,
		"labels.site = 'north'": true, "labels.site = ignored": false, "labels.room = 12": true, "labels.absent = ''": true,
		"labels.line = \"a b\"": true, "board.model ~ 'pi 5'": true, "board.model !~ jetson": true,
		"board.cpus >= 4": true, "board.cpus>4": false, "board.memory < 16e9": true, "board.model > 3": false,
		"labels.site = 'north' and board.model ~ 'Pi 5'":        true,
		"id = x or id = y or id = press-7":                      true,
		"id = x or id = press-7 and state = offline":            false,
		"(id = x or id = press-7) and state = online":           true,
		"not (id = x or id = y) AND pipeline.machine.label ~ n": true,
		"pipeline.machine.version = 1.0.0":                      true,
		"pipeline.other.version = ''":                           true,
		"@north":                                                true, "not @pis": false, "@pis and id = press-7": true, "@all and (@north or id = x)": true, "id = '@north'": false,
	} {
		q, err := parseQuery(text, queryGroups)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := q.match(&queryDevice); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestQueryRefused(t *testing.T) {
	for text, want := range map[string]string{
		"site = north": "no field is named \"site\"", "id": "it ends", "id =": "it ends", "id = 'x": "no end to the text",
		"id like x": "no operator", "(id = x": "not closed", "id = x id = y": "want and, or", "board.cpus > many": "wants a number",
		"id = = x": "a value should stand", "pipeline.machine = 3": "no field", "labels. = x": "no field",
		strings.Repeat("(", 30) + "id = x": "levels deep", strings.Repeat("x", 3000): "longer than",
		"@south": "no group is named", "@loop": "levels deep", "@wide": "more than", "@bad": "no field", "@": "no group", "@north id = x": "want and, or",
	} {
		if _, err := parseQuery(text, queryGroups); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %q", text, err, want)
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"id = 'a'", "not (labels.x ~ y or board.cpus >= 2) and state != offline", "pipeline.a.b.label = \"\"", "id=\f", " id = a\r\n", "@pis or not @all", "@loop"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := parseQuery(text, queryGroups)
		if err != nil {
			return
		}
		first := q.match(&queryDevice)
		again, err := parseQuery(q.String(), queryGroups)
		if err != nil || again.match(&queryDevice) != first {
			t.Errorf("%q read again: %v", text, err)
		}
	})
}
