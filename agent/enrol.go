package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/agent/uplink"
	"github.com/dunlin-edge/dunlin/fleet"
)

// Waits between two requests to enrol double from first to last.
const (
	firstEnrolWait = 5 * time.Second
	lastEnrolWait  = 10 * time.Minute
)

// enrolByItself asks the fleet for an identity by the token of the
// configuration, which an image brought, until it has one; then the agent
// starts again as a member. Pipelines run all the while.
func (a *Agent) enrolByItself(ctx context.Context) {
	f := a.cfg.Fleet
	if a.member != nil || f.URL == "" {
		return
	}
	token, err := fleet.ParseToken(f.Token)
	if err != nil {
		a.opts.Log.Error("fleet.token", "err", err)
		return
	}
	name := imageName(a.cfg.Device.Name, machineID())
	for wait := firstEnrolWait; ; wait = min(2*wait, lastEnrolWait) {
		_, err := uplink.Enroll(ctx, f.Dir, f.URL, token, name)
		if err == nil {
			a.opts.Log.Info("enrolled, starting again as a member", "as", name)
			a.startAgain()
			return
		}
		hint := ""
		if r := (*fleet.Refusal)(nil); errors.As(err, &r) {
			hint = r.Hint
		}
		a.opts.Log.Warn("not enrolled yet", "as", name, "err", err, "hint", hint)
		if !pause(ctx, a.opts.Clock.After(wait/2+rand.N(wait))) {
			return
		}
	}
}

// imageName tells the machines of one image apart: the device's name, and what
// the machine alone has.
func imageName(name, machine string) string {
	sum := sha256.Sum256([]byte("dunlin " + machine))
	name = strings.ReplaceAll(name, "_", "-")
	return name[:min(len(name), 55)] + "-" + hex.EncodeToString(sum[:4])
}

// machineID is systemd's, made at an image's first start; without one, the
// host's name has to do.
func machineID() string {
	if id, err := os.ReadFile("/etc/machine-id"); err == nil && len(id) > 1 {
		return strings.TrimSpace(string(id))
	}
	name, _ := os.Hostname() // "" is one, too
	return name
}
