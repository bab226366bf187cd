package agent

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/uplink"
	"github.com/dunlin-edge/dunlin/fleet/controller"
	"github.com/dunlin-edge/dunlin/hal"
)

// hasty is a clock by which waits are over a hundred times sooner.
type hasty struct{ hal.Wall }

func (hasty) After(d time.Duration) <-chan time.Time { return time.After(d / 100) }

// TestEnrolsByItself: an agent of an image asks until somebody allows it, with
// its pipelines at work, and starts again as a member.
func TestEnrolsByItself(t *testing.T) {
	c, err := controller.Open(t.Context(), controller.Config{Dir: t.TempDir(), Hosts: []string{"127.0.0.1"}, External: "tls://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := httptest.NewUnstartedServer(c.DeviceHandler())
	if s.TLS, err = c.ServerTLS(); err != nil {
		t.Fatal(err)
	}
	s.StartTLS()
	defer s.Close()
	token, err := c.NewToken(t.Context(), "test", controller.TokenOptions{Uses: 100, Listed: true})
	if err != nil {
		t.Fatal(err)
	}
	cfg := capturing(t, t.TempDir(), 0, config.Capture{})
	cfg.Fleet = config.Fleet{Dir: t.TempDir(), URL: s.URL, Token: token}
	cfg.Limits.Drain = time.Hour // by that clock
	a := newAgent(t, cfg, Options{Clock: hasty{}})
	ended := make(chan error, 1)
	go func() { ended <- a.Run(context.Background()) }()
	name := imageName("bench", machineID())
	waitFor(t, func() bool {
		all, err := c.Pending(t.Context(), "", 10)
		return err == nil && len(all) == 1 && all[0].Device == name
	})
	if a.Status().Pipelines[0].State != Running {
		t.Errorf("while it waits: %+v", a.Status().Pipelines[0].Health)
	}
	if err := c.Allow(t.Context(), "test", []string{name}, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, ErrRestart) {
		t.Fatal(err)
	}
	if id, err := uplink.Load(cfg.Fleet.Dir); err != nil || id.Device != name {
		t.Errorf("%v", err)
	}
	if x, y := imageName("cam", "a"), imageName("cam", "b"); x == y || len(imageName(strings.Repeat("n", 64), "a")) != 64 {
		t.Errorf("%s, %s", x, y)
	}
}
