package inference

import "testing"

// wideDigest is as lateDigest.
const wideDigest = "dbc55b104e0989610be3dcf2edf615a37d5c1bc444062aeeee5c257267404b01"

// TestWideOpsNearLiteRT compares the models of scripts/golden/ops_wide.py: wider
// types and variants of operators.
func TestWideOpsNearLiteRT(t *testing.T) {
	compareDigested(t, "DUNLIN_OPS_WIDE", "testdata/ops_wide.zip", wideDigest)
}
