package inference

import "testing"

// restDigest is the SHA-256 of what every CPU must answer for the committed
// archive.
const restDigest = "210fa4639f26b327d4076d6eec81e2734363162a796735b40357a9660c45fc11"

// TestRestOpsNearLiteRT compares the operators of scripts/golden/ops_rest.py:
// integers exactly, floats within 1e-5 of the largest number.
func TestRestOpsNearLiteRT(t *testing.T) {
	compareDigested(t, "DUNLIN_OPS_REST", "testdata/ops_rest.zip", restDigest)
}

// TestYOLOEqualsLiteRT compares a small int8 export of YOLOv8's shape
// (scripts/golden/yolo.py; "scripts/golden/make yolo" compares one of full size).
func TestYOLOEqualsLiteRT(t *testing.T) {
	compareArchive(t, "testdata/yolo.zip", 1)
}
