package controller

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// receiver takes webhooks and checks their signatures as the specification of
// Standard Webhooks has it.
type receiver struct {
	t      *testing.T
	secret string

	mu     sync.Mutex
	answer int
	got    []hookMessage
	ids    []string
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		v.t.Error(err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(v.secret, "whsec_"))
	if err != nil {
		v.t.Error(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
		v.t.Errorf("signed %q, want %q", r.Header.Get("webhook-signature"), want)
	}
	if _, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64); err != nil {
		v.t.Error(err)
	}
	if v.answer != 200 {
		w.WriteHeader(v.answer)
		return
	}
	var m hookMessage
	if err := json.Unmarshal(body, &m); err != nil {
		v.t.Error(err)
	}
	v.got, v.ids = append(v.got, m), append(v.ids, r.Header.Get("webhook-id"))
}

func (v *receiver) types() (all []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.got {
		all = append(all, m.Type)
	}
	return all
}

// round lets each webhook that is due be told once.
func (s *stage) round() {
	s.t.Helper()
	due, err := s.webhooks(s.t.Context(), s.now)
	s.must(err)
	for _, h := range due {
		s.must(s.tellHook(context.Background(), &http.Client{Timeout: hookTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, h))
	}
}

// TestWebhooksTellRollouts: a release goes to its end and another is stopped by
// a device that refuses it; who listens hears of each state and of the device,
// in order, once, over an outage of theirs and a restart of ours.
func TestWebhooksTellRollouts(t *testing.T) {
	s, oldSHA, newSHA := newStage(t)
	ctx := t.Context()
	v := &receiver{t: t, answer: 200}
	server := httptest.NewServer(v)
	defer server.Close()
	h, err := s.SetWebhook(ctx, "test", "chat", server.URL+"/hook?key=secret", nil)
	s.must(err)
	v.secret = h.Secret
	if h.URL != server.URL+"/hook" || !strings.HasPrefix(h.Secret, secretStart) {
		t.Errorf("%+v", h)
	}
	all, err := s.Webhooks(ctx)
	s.must(err)
	if shown, err := json.Marshal(all); err != nil || all[0].Secret != "" || strings.Contains(string(shown), "key=secret") {
		t.Errorf("shown again: %s %v", shown, err)
	}
	s.addDevice("d-1")
	report := func(slot fleet.SlotReported) {
		slot.Slot = "machine"
		_, err := s.commit(ctx, []message{say(&actor{id: "d-1"}, fleet.TopicReported, fleet.Reported{Slots: []fleet.SlotReported{slot}, Pipelines: []fleet.PipelineReported{{Name: "machine", Digest: slot.Active}}})})
		s.must(err)
	}
	push := func(target string, slot fleet.SlotReported) {
		_, err := s.Assign(ctx, "test", AssignmentOptions{Target: target, Waves: []Wave{{Percent: 100}}, Soak: time.Second})
		s.must(err)
		s.must(s.tick(ctx))
		report(slot)
		for range 5 {
			s.now = s.now.Add(2 * time.Second)
			s.must(s.tick(ctx))
		}
	}
	report(fleet.SlotReported{Active: oldSHA})
	push("models/machine/1.1.0.dunlin", fleet.SlotReported{Active: newSHA})
	s.round()
	first := []string{"assignment.create", "assignment.done"}
	if got := v.types(); !slices.Equal(got, first) {
		t.Fatalf("told %v", got)
	}
	v.answer = 503
	push("models/machine/1.0.0.dunlin", fleet.SlotReported{Active: newSHA, Refused: oldSHA, Reason: "golden sample 2 differs"})
	s.round()
	s.round() // not due: it waits after a failure
	if all, err = s.Webhooks(ctx); err != nil || !strings.Contains(all[0].Failed, "503") || all[0].Told == 0 {
		t.Errorf("%+v %v", all, err)
	}
	s.reopen()
	v.answer = 200
	s.round()
	if got := v.types(); len(got) != 2 {
		t.Errorf("told without a wait: %v", got)
	}
	s.now = s.now.Add(hookWait)
	s.round()
	s.round()
	want := append(first, "assignment.create", "device.failed", "assignment.done")
	if got := v.types(); !slices.Equal(got, want) {
		t.Fatalf("told %v, want %v", got, want)
	}
	if m := v.got[3]; m.Data.Object != "d-1" || !strings.Contains(m.Data.Detail, "golden sample 2 differs") || m.Fleet != "default" {
		t.Errorf("%+v", m)
	}
	if len(slices.Compact(slices.Sorted(slices.Values(v.ids)))) != len(v.ids) {
		t.Errorf("ids repeat: %v", v.ids)
	}
	s.must(s.RemoveWebhook(ctx, "test", "chat"))
	push("models/machine/1.1.0.dunlin", fleet.SlotReported{Active: newSHA})
	s.round()
	if got := v.types(); len(got) != len(want) {
		t.Errorf("told after it was removed: %v", got)
	}
}

// TestWebhooksDoNotFollow: the answer of an address leads nowhere else, and what
// is a day old is not told.
func TestWebhooksDoNotFollow(t *testing.T) {
	s, _, _ := newStage(t)
	ctx := t.Context()
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	_, err := s.SetWebhook(ctx, "test", "chat", server.URL, []string{"group.*"})
	s.must(err)
	s.must(s.SetGroup(ctx, "test", "north", ""))
	s.round()
	if all, err := s.Webhooks(ctx); err != nil || elsewhere != 0 || !strings.Contains(all[0].Failed, "307") {
		t.Errorf("%d elsewhere, %+v %v", elsewhere, all, err)
	}
	s.now = s.now.Add(hookAge)
	s.round()
	if all, err := s.Webhooks(ctx); err != nil || all[0].Failed != "" {
		t.Errorf("%+v %v", all, err)
	}
}

// TestDriftIsNews: a level is told when it changes, and not before.
func TestDriftIsNews(t *testing.T) {
	s, _, _ := newStage(t)
	ctx := t.Context()
	x := Cohort{Model: "m", Bundle: "machine@1.0.0", Board: "Pi", Pipeline: "machine", Devices: 7}
	for _, level := range []string{"quiet", "warn", "warn", "alarm", "quiet", "quiet"} {
		s.must(s.lead(ctx, func(tx *sql.Tx) error {
			return s.noteLevel(ctx, tx, x, FeatureDrift{Name: "score", Level: level, PSI: 0.3})
		}))
	}
	lines, err := s.Audit(ctx, 0, 100)
	s.must(err)
	var got []string
	for _, e := range lines {
		got = append(got, e.Action)
	}
	if want := []string{"drift.warn", "drift.alarm", "drift.quiet"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
