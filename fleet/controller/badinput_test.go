package controller

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBadAssignments: what cannot be meant is refused before anything is sent,
// with a word on what to do.
func TestBadAssignments(t *testing.T) {
	s, _, _ := newStage(t)
	s.addDevice("d-0")
	const target = "models/machine/1.1.0.dunlin"
	for what, o := range map[string]AssignmentOptions{
		"no target":                   {},
		"an unknown target":           {Target: "models/machine/9.9.9.dunlin"},
		"a path out of the folder":    {Target: "../../etc/passwd"},
		"an unknown field of a query": {Target: target, Query: "colour = red"},
		"a query that chooses nobody": {Target: target, Query: "id = nobody"},
		"waves that fall":             {Target: target, Waves: []Wave{{Percent: 50}, {Percent: 10}, {Percent: 100}}},
		"waves that do not reach all": {Target: target, Waves: []Wave{{Percent: 10}, {Percent: 50}}},
		"more than all":               {Target: target, Waves: []Wave{{Percent: 101}}},
		"a wave of nobody":            {Target: target, Waves: []Wave{{}, {Percent: 100}}},
		"a count below 0":             {Target: target, Waves: []Wave{{Count: -1}, {Percent: 100}}},
	} {
		_, err := s.Assign(t.Context(), "test", o)
		if err == nil || AsProblem(err).Status < 400 || AsProblem(err).Status >= 500 {
			t.Errorf("%s: %v", what, err)
		}
	}
	var n int
	if err := s.store.db.QueryRow(`SELECT (SELECT count(*) FROM assignments) + (SELECT count(*) FROM desired)`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows are left of what was refused, %v", n, err)
	}
}

// TestLostKey: a folder without the CA's key is not given another CA, which no
// device would know.
func TestLostKey(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, Hosts: []string{"127.0.0.1"}, Broker: "127.0.0.1:0", Child: []string{os.Args[0], "broker"}}
	c, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	before := c.ca.pem()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "ca.key")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	if c, err = Open(t.Context(), cfg); err == nil {
		c.Close()
		t.Fatal("it starts without its key")
	}
	if !strings.Contains(err.Error(), "restore it from the backup") {
		t.Errorf("%v: no word on what to do", err)
	}
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	if c, err = Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if string(c.ca.pem()) != string(before) {
		t.Error("it has another CA")
	}
}
