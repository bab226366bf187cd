package inference

import "testing"

// lateDigest is the SHA-256 of what every CPU must answer for the committed
// archive.
const lateDigest = "4e9d772904993182c3c8286c7107010429fd378cc7fbda8e81132df3fad8c216"

// TestLateOpsNearLiteRT compares the operators of scripts/golden/ops_late.py:
// integers exactly, floats within 1e-5 of the largest number.
func TestLateOpsNearLiteRT(t *testing.T) {
	compareDigested(t, "DUNLIN_OPS_LATE", "testdata/ops_late.zip", lateDigest)
}
