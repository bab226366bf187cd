package controller

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/bundle"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// A Plan is what an assignment would do.
type Plan struct {
	Bundle string            `json:"bundle"`
	Slot   string            `json:"slot"`
	Waves  []int             `json:"waves"`             // new devices in each
	Cannot map[string]string `json:"cannot,omitempty"`  // devices that the query chose and that cannot run it: why
	Same   int               `json:"already,omitempty"` // devices of Waves that run it now
	Forced string            `json:"forced,omitempty"`  // it missed thresholds and was released all the same: by whom and why
	fit    []chosen          // in the order of the waves
	target release.Released  // of a bundle; of a program, only what its variants share
	byArch map[string]release.Released
	waves  []Wave
	query  query
	tuning *fleet.Tuning // instead of a release; nil for one
}

// A chosen device and the variant that it gets.
type chosen struct {
	id     string
	target release.Released
}

// programSlot is the slot of the agent's own program.
const programSlot = "agent"

// Plan tells what an assignment would do, before anything is sent.
func (c *Controller) Plan(ctx context.Context, o AssignmentOptions) (*Plan, error) {
	q, err := c.query(ctx, o.Query)
	if err != nil {
		return nil, err
	}
	p := &Plan{Cannot: map[string]string{}, query: q, waves: o.Waves}
	if len(p.waves) == 0 {
		p.waves = defaultWaves
	}
	if err := checkWaves(p.waves); err != nil {
		return nil, err
	}
	needs, err := c.prepare(p, o)
	if err != nil {
		return nil, err
	}
	if err := c.choose(ctx, p, needs); err != nil {
		return nil, err
	}
	if len(p.fit) == 0 {
		hint := "dunlin-fleet devices --query QUERY shows what a query chooses"
		if len(p.Cannot) > 0 {
			hint = "see why in cannot: each has its reason"
		}
		return p, problem(400, fmt.Sprintf("the query chooses no device that could run %s; %d cannot", p.Bundle, len(p.Cannot)), hint)
	}
	at := 0
	for _, w := range p.waves {
		n := max(w.size(len(p.fit)), at)
		p.Waves = append(p.Waves, n-at)
		at = n
	}
	return p, nil
}

// prepare finds out what is to be assigned, and what it asks of a board.
func (c *Controller) prepare(p *Plan, o AssignmentOptions) (*bundle.Requires, error) {
	if len(o.Tuning) > 0 {
		return nil, p.tune(o)
	}
	repo, err := c.repository()
	if err != nil {
		return nil, err
	}
	return p.find(repo, o)
}

// find looks for what is to be assigned, and returns what it asks of a board.
func (p *Plan) find(repo *release.Repo, o AssignmentOptions) (_ *bundle.Requires, err error) {
	const hint = "dunlin-fleet releases lists what is; dunlin-fleet publish releases a bundle"
	for _, r := range repo.Released() {
		switch {
		case r.Custom.Kind == "agent" && (strings.HasPrefix(r.Path, o.Target+"/") || r.Path == o.Target):
			if p.byArch == nil {
				p.byArch = map[string]release.Released{}
			}
			p.byArch[r.Custom.Arch] = r
			p.target = release.Released{Path: o.Target, Custom: r.Custom}
		case r.Path == o.Target && r.Custom.Kind != "bundle":
			return nil, problem(400, o.Target+" is no bundle", hint)
		case r.Path == o.Target:
			p.target = r
		}
	}
	if p.target.Path == "" {
		return nil, problem(404, fmt.Sprintf("%.200q is not released", o.Target), hint)
	}
	p.Bundle = p.target.Custom.Name + "@" + p.target.Custom.Version
	p.Slot = cmp.Or(o.Slot, p.target.Custom.Name)
	if p.byArch == nil {
		if p.Forced, err = forced(repo, p.target.Path); err != nil {
			return nil, err
		}
		return requirements(repo, p.target)
	}
	if p.Slot = programSlot; o.Slot != "" && o.Slot != programSlot {
		return nil, problem(400, "a program of the agent goes to no pipeline", "leave the slot out")
	}
	return &bundle.Requires{}, nil
}

// variant is what a device would get; why not, otherwise.
func (p *Plan) variant(d *Device) (r release.Released, why string) {
	if p.byArch == nil {
		return p.target, ""
	}
	if d.Reported == nil {
		return r, "it has never said what it is built for"
	}
	r, ok := p.byArch[d.Reported.Board.Arch]
	if !ok {
		return r, "there is no variant for " + d.Reported.Board.Arch
	}
	return r, ""
}

// ParseWaves reads waves as people write them: "1,10%,50%,100%". The empty
// text means the default.
func ParseWaves(text string) ([]Wave, error) {
	var all []Wave
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" && text == "" {
			return nil, nil
		}
		var w Wave
		var err error
		if share, ok := strings.CutSuffix(part, "%"); ok {
			w.Percent, err = strconv.ParseFloat(strings.TrimSpace(share), 64)
		} else {
			w.Count, err = strconv.Atoi(part)
		}
		if err != nil {
			return nil, problem(400, fmt.Sprintf("wave %.40q is no number and no share", part), "write them like 1,10%,50%,100%")
		}
		all = append(all, w)
	}
	return all, checkWaves(all)
}

func checkWaves(waves []Wave) error {
	const hint = `write them rising and ending with all, like 1,10%,50%,100%`
	if len(waves) > 20 {
		return problem(400, "more than 20 waves", hint)
	}
	count, percent := 0, 0.0
	for _, w := range waves {
		switch {
		case w.Count < 0 || w.Percent < 0 || w.Percent > 100 || (w.Count > 0) == (w.Percent > 0) || math.IsNaN(w.Percent):
			return problem(400, "a wave is a number of devices or a share up to 100 %", hint)
		case w.Count > 0 && (w.Count <= count || percent > 0), w.Percent > 0 && w.Percent <= percent:
			return problem(400, "the waves do not rise", hint)
		}
		count, percent = max(count, w.Count), max(percent, w.Percent)
	}
	if percent != 100 {
		return problem(400, "the last wave is not 100 %", hint)
	}
	return nil
}

// requirements reads what a released bundle asks of a board.
func requirements(repo *release.Repo, r release.Released) (*bundle.Requires, error) {
	file, err := repo.File(r)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Open(file)
	if err != nil {
		return nil, problem(409, "the released bundle cannot be read here: "+err.Error(), "")
	}
	defer b.Close()
	least := &bundle.Requires{}
	for i := range b.Variants() { // a board takes the one that fits it
		r := b.Variant(i).Manifest().Requires
		if r == nil {
			return &bundle.Requires{}, nil
		}
		if i == 0 || r.RAMBytes < least.RAMBytes {
			least = r
		}
	}
	return least, nil
}

// choose sorts the devices of the query into those that may run the target and
// those that cannot.
func (c *Controller) choose(ctx context.Context, p *Plan, needs *bundle.Requires) error {
	err := c.eachDevice(ctx, func(d *Device) {
		if d.State == "revoked" || !p.query.match(d) {
			return
		}
		why := ""
		switch {
		case p.tuning != nil:
			why = p.cannotTune(d)
		case trust.IsCanary(p.target.Path) && (d.Reported == nil || !d.Reported.Canary):
			why = "it is no canary (fleet: {canary: true} in its configuration)"
		default:
			why = cannot(d, p.Slot, needs)
		}
		r, other := p.variant(d)
		if why = cmp.Or(why, other); why != "" {
			p.Cannot[d.ID] = why
			return
		}
		if d.loaded(p.Slot) == r.SHA256 {
			p.Same++
		}
		p.fit = append(p.fit, chosen{d.ID, r})
	})
	salt := cmp.Or(p.target.SHA256, p.Bundle)
	slices.SortFunc(p.fit, func(a, b chosen) int {
		return cmp.Or(cmp.Compare(bucket(salt, a.id), bucket(salt, b.id)), cmp.Compare(a.id, b.id))
	})
	return err
}

// bucket places a device in the order of the waves, by chance but always the same.
func bucket(salt, device string) uint64 {
	sum := sha256.Sum256([]byte(salt + " " + device))
	return binary.BigEndian.Uint64(sum[:])
}

// cannot tells why a device could not run a bundle, as far as it has told of
// itself.
func cannot(d *Device, slot string, needs *bundle.Requires) string {
	if d.Reported == nil {
		return "" // it decides for itself, when it comes
	}
	r := d.Reported
	i := slices.IndexFunc(r.Slots, func(s slotReported) bool { return s.Slot == slot })
	switch {
	case i < 0 && slot == programSlot:
		return "dunlin-guard does not start its agent, so its program cannot be replaced"
	case i < 0 && d.pipeline(slot, "state") != "":
		return "its configuration does not let the fleet choose the bundle of pipeline " + slot + " (assigned: true)"
	case i < 0:
		return "it has no pipeline " + slot
	case needs.RAMBytes > 0 && r.Board.Memory > 0 && needs.RAMBytes > r.Board.Memory:
		return fmt.Sprintf("the bundle needs %d bytes of memory, the board has %d", needs.RAMBytes, r.Board.Memory)
	}
	return ""
}
