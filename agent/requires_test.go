package agent

import (
	"testing"

	"github.com/dunlin-edge/dunlin/ota/bundle"
)

func TestNewerAgent(t *testing.T) {
	for _, c := range []struct {
		needs, have string
		ok          bool
	}{
		{"", "1.0.0", true}, {"1.2.0", "1.2.0", true}, {"1.2.0", "v1.10.0", true}, {"1.2.0", "1.1.9", false},
		{"1.2.0", "1.2.0-rc.1", false}, {"1.2.0", "dev", true}, {"1.2.0", "", true},
	} {
		u := &Unit{Manifest: &bundle.Manifest{Requires: &bundle.Requires{MinAgent: c.needs}}}
		if err := u.newerAgent(c.have); (err == nil) != c.ok {
			t.Errorf("needs %q, agent %q: %v", c.needs, c.have, err)
		}
	}
	if err := (&Unit{Manifest: &bundle.Manifest{}}).newerAgent("1.0.0"); err != nil {
		t.Error(err)
	}
}
