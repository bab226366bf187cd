package trust

import (
	"context"
	"fmt"
	"strings"

	"github.com/dunlin-edge/dunlin/ota/internal/tuf"
)

// CanaryRole is the role that a build machine signs for: bundles that only
// canaries may try, before people release them.
const CanaryRole = "canary"

// IsCanary tells whether a target is the canary role's.
func IsCanary(name string) bool { return strings.HasPrefix(name, CanaryRole+"/") }

// canary returns what the canary role allows on a canary. Its document stands
// outside the snapshot, whose keys its signer does not have: a floor of its own
// keeps older ones away, and a short life takes the timestamp's place.
func (r *refresh) canary(ctx context.Context, name string) (Target, error) {
	if !r.cfg.Canary {
		return Target{}, fmt.Errorf("this device is no canary: %w", ErrNotAllowed)
	}
	top, err := r.load(ctx, tuf.TargetsRole, tuf.RootRole)
	if err == nil {
		err = r.fresh(top)
	}
	if err != nil {
		return Target{}, err
	}
	data, err := r.fetch(ctx, CanaryRole, 0, MaxTargetsBytes)
	if err != nil {
		return Target{}, fmt.Errorf("role %s: %w", CanaryRole, err)
	}
	m, err := r.set.ReadDetached(data, CanaryRole, tuf.TargetsRole)
	if err != nil {
		return Target{}, fmt.Errorf("role %s: %w", CanaryRole, err)
	}
	keys := strings.Join(top.Signers(CanaryRole), " ")
	if keys == r.floors.CanaryKeys && m.Version < r.floors.Canary {
		return Target{}, fmt.Errorf("role %s: version %d, but %d was seen", CanaryRole, m.Version, r.floors.Canary)
	}
	if err := r.raise(func(f *floors) { f.Canary, f.CanaryKeys = m.Version, keys }); err != nil {
		return Target{}, err
	}
	if f, ok := m.Files[name]; ok {
		return newTarget(name, f)
	}
	return Target{}, ErrNotAllowed
}
