package kernel

import (
	"runtime"
	"testing"
)

func TestPeak(t *testing.T) {
	for _, tier := range Tiers() {
		t.Setenv(TierVariable, tier)
		bytes, floats := Peak()
		t.Logf("%s: %.1f and %.1f GMAC/s", tier, bytes/1e9, floats/1e9)
		if vector := tier != TierGeneric && runtime.GOARCH != "arm"; (bytes > 0) != vector || (floats > 0) != vector {
			t.Errorf("%s: peaks %g and %g", tier, bytes, floats)
		}
	}
}
