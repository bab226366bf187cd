package controller

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// TestAllowList: a token of an image enrols whom somebody allowed, and nobody
// else; of two machines with one name, the one that asked first.
func TestAllowList(t *testing.T) {
	r := newRig(t, t.TempDir())
	ctx := t.Context()
	image := r.token(TokenOptions{Uses: 1000, Listed: true, Labels: map[string]string{"image": "7", "site": "none"}})
	ask := func(id string) error {
		_, err := fleet.Enroll(ctx, r.url, image, id, newKey(t))
		return err
	}
	key := newKey(t)
	for range 2 {
		if _, err := fleet.Enroll(ctx, r.url, image, "cam-1", key); err == nil || !strings.Contains(err.Error(), "until somebody allows it") {
			t.Fatalf("nobody allowed it: %v", err)
		}
	}
	if err := ask("cam-1"); err == nil {
		t.Error("another machine with its name enrols")
	}
	waiting, err := r.Pending(ctx, "", 10)
	if err != nil || len(waiting) != 1 || waiting[0].Device != "cam-1" || time.Since(waiting[0].Asked) > time.Minute {
		t.Errorf("%+v, %v", waiting, err)
	}
	if err := r.Allow(ctx, "test", []string{"cam-1", "cam-2"}, map[string]string{"site": "north"}); err != nil {
		t.Fatal(err)
	}
	if err := ask("cam-1"); err == nil || !strings.Contains(err.Error(), "asked for the name cam-1 first") {
		t.Errorf("another machine takes the allowance: %v", err)
	}
	if _, err := fleet.Enroll(ctx, r.url, image, "cam-1", key); err != nil {
		t.Error(err)
	}
	if err := ask("cam-2"); err != nil { // allowed before it asked
		t.Error(err)
	}
	if err := ask("cam-3"); err == nil {
		t.Error("one that was not allowed enrols")
	}
	d, err := r.Device(ctx, "cam-1")
	if err != nil || d.Labels["site"] != "north" || d.Labels["image"] != "7" {
		t.Errorf("%v, %v", d.Labels, err)
	}
	if err := r.Allow(ctx, "test", []string{"../x"}, nil); err == nil {
		t.Error("a name that is none is allowed")
	}
	// An allowance is for one enrolment.
	if err := r.Remove(ctx, "test", "cam-1"); err != nil {
		t.Fatal(err)
	}
	if err := ask("cam-1"); err == nil {
		t.Error("a removed device enrols again by an old allowance")
	}
}

// TestEnrolBeforeBroker: a device that asks while the controller starts is not
// sent to a broker without a port.
func TestEnrolBeforeBroker(t *testing.T) {
	for listen, want := range map[string]string{"127.0.0.1:0": "", ":8883": "tls://h:8883"} {
		c, err := Open(t.Context(), Config{Dir: t.TempDir(), Hosts: []string{"h"}, Broker: listen, Child: []string{"none"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err = c.enroll(ctx, fleet.EnrollRequest{})
		if early := errors.Is(err, errNoBroker); early != (want == "") || want != "" && c.brokerURL() != want {
			t.Errorf("%s: %v, %s", listen, err, c.brokerURL())
		}
	}
}
