package inference

import "testing"

// wideDigest is as lateDigest.
const wideDigest = "17e33117e334e017afaa505c06c6150c1876620d5740c5e24acf29970982f995"

// TestWideOpsNearLiteRT compares the models of scripts/golden/ops_wide.py: wider
// types and variants of operators.
func TestWideOpsNearLiteRT(t *testing.T) {
	compareDigested(t, "DUNLIN_OPS_WIDE", "testdata/ops_wide.zip", wideDigest)
}
