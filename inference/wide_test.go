package inference

import "testing"

// wideDigest is as lateDigest.
const wideDigest = "d3485ff7bc5181e6fad51ccc167efe7b35759214429249ebd0b1dd1e3fd976ce"

// TestWideOpsNearLiteRT compares the models of scripts/golden/ops_wide.py: wider
// types and variants of operators.
func TestWideOpsNearLiteRT(t *testing.T) {
	compareDigested(t, "DUNLIN_OPS_WIDE", "testdata/ops_wide.zip", wideDigest)
}
