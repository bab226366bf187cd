package inference

import (
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// TestEveryTier repeats the golden comparisons on every instruction set of this
// CPU but the best, which all other tests run on. In short mode, for emulated
// CPUs in the gate, whole models are left to the long run.
func TestEveryTier(t *testing.T) {
	for _, tier := range kernel.Tiers()[1:] {
		t.Run(tier, func(t *testing.T) {
			t.Setenv(kernel.TierVariable, tier)
			if Tier() != tier {
				t.Fatalf("tier %s in use", Tier())
			}
			t.Run("ops", TestOpsEqualLiteRT)
			t.Run("more ops", TestMoreOpsEqualLiteRT)
			t.Run("types", TestTypesNearLiteRT)
			t.Run("cells", TestCellsNearLiteRT)
			t.Run("float ops", TestFloatBits)
			if testing.Short() {
				return
			}
			t.Run("models", TestEqualsLiteRT)
			t.Run("float models", TestFloatModelsNearLiteRT)
		})
	}
}

func TestUnknownTier(t *testing.T) {
	t.Setenv(kernel.TierVariable, "abacus")
	if _, err := Open(nil, Options{}); err == nil || !strings.Contains(err.Error(), "generic") {
		t.Errorf("error %v, want one that names the tiers there are", err)
	}
}
