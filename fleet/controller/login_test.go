package controller

import (
	"strings"
	"sync"
	"testing"
	"time"
)

const goodPassword = "correct horse battery staple"

// TestBruteForce: wrong passwords hold back what follows, each for longer; the
// right one is not told from them meanwhile; another person is not held back.
func TestBruteForce(t *testing.T) {
	s, _, _ := newStage(t)
	ctx := t.Context()
	s.must(s.SetUser(ctx, "test", "alice", Approver, goodPassword))
	s.must(s.SetUser(ctx, "test", "bob", Viewer, goodPassword))
	status := func(name, password string) int {
		p, err := s.SignIn(ctx, name, password)
		if err == nil {
			if p.Name != name || p.Role == "" {
				t.Errorf("%s is %+v", name, p)
			}
			return 200
		}
		return AsProblem(err).Status
	}
	wait := time.Second
	for i := range 4 {
		if got := status("alice", "wrong password"); got != 403 {
			t.Fatalf("guess %d: %d", i, got)
		}
		if got := status("alice", goodPassword); got != 429 {
			t.Errorf("the right one at once after a wrong one: %d", got)
		}
		s.now = s.now.Add(wait - time.Millisecond)
		if got := status("alice", goodPassword); got != 429 {
			t.Errorf("the right one %s after wrong one %d: %d", wait, i, got)
		}
		s.now = s.now.Add(time.Millisecond)
		wait *= 2
	}
	if got := status("bob", goodPassword); got != 200 {
		t.Errorf("another person: %d", got)
	}
	if got := status("alice", goodPassword); got != 200 {
		t.Errorf("after the wait: %d", got)
	}
	if got := status("nobody", goodPassword); got != 403 {
		t.Errorf("nobody: %d", got)
	}
	if got := status("nobody", goodPassword); got != 429 {
		t.Errorf("nobody, again: an answer tells that there is no such person: %d", got)
	}
	for _, bad := range []string{"", strings.Repeat("x", maxPassword+1)} {
		if got := status("bob", bad); got != 403 {
			t.Errorf("%.10q: %d", bad, got)
		}
		s.now = s.now.Add(longestWait)
	}
	lines, err := s.Audit(ctx, 0, 100)
	s.must(err)
	n := map[string]int{}
	for _, e := range lines {
		n[e.Action]++
	}
	if n["login.refused"] < 6 || n["login"] != 2 {
		t.Errorf("audited: %v", n)
	}
}

// TestStormOfNames: made-up names cost one hash at a time and a bounded memory.
func TestStormOfNames(t *testing.T) {
	now := time.Now()
	l := newLogin(func() time.Time { return now })
	for i := range maxBrakes + 100 {
		l.wrong(strings.Repeat("x", i%64) + string(rune('a'+i%26)) + time.Duration(i).String())
	}
	if len(l.brakes) > maxBrakes+100 || l.held("fresh") == 0 {
		t.Errorf("%d names are kept, and a fresh one waits %s", len(l.brakes), l.held("fresh"))
	}
	now = now.Add(11*longestWait + time.Second)
	l.wrong("x")
	if len(l.brakes) != 1 || l.held("fresh") > 0 {
		t.Errorf("%d names are kept for good", len(l.brakes))
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if len(l.one) > 1 {
				t.Error("two hashes at once")
			}
			if _, err := l.hash(t.Context(), goodPassword); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestPasswordsAreHashed(t *testing.T) {
	s, _, _ := newStage(t)
	ctx := t.Context()
	s.must(s.SetUser(ctx, "test", "alice", Approver, goodPassword))
	s.must(s.SetUser(ctx, "test", "bob", Approver, goodPassword))
	read := func(name string) (hash string) {
		s.must(s.store.db.QueryRow(`SELECT password FROM users WHERE name = $1`, name).Scan(&hash))
		return hash
	}
	a, b := read("alice"), read("bob")
	if !strings.HasPrefix(a, "$argon2id$v=19$m=65536,t=3,p=1$") || a == b || strings.Contains(a, goodPassword) {
		t.Errorf("%s, %s", a, b)
	}
	before, err := s.User(ctx, "alice")
	s.must(err)
	s.now = s.now.Add(time.Second)
	s.must(s.SetUser(ctx, "test", "alice", Viewer, ""))
	after, err := s.User(ctx, "alice")
	s.must(err)
	if read("alice") != a || after.Role != Viewer || after.Updated.Equal(before.Updated) {
		t.Errorf("another role changed the password, or nothing: %+v", after)
	}
	s.must(s.RemoveUser(ctx, "test", "alice"))
	if _, err := s.SignIn(ctx, "alice", goodPassword); AsProblem(err).Status != 403 {
		t.Errorf("a person who was removed: %v", err)
	}
}
