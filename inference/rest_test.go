package inference

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"
)

// restDigest is the SHA-256 of what every CPU must answer for the committed
// archive.
const restDigest = "210fa4639f26b327d4076d6eec81e2734363162a796735b40357a9660c45fc11"

// TestRestOpsNearLiteRT compares the operators of scripts/golden/ops_rest.py:
// integers exactly, floats within 1e-5 of the largest number.
func TestRestOpsNearLiteRT(t *testing.T) {
	path, other := os.LookupEnv("DUNLIN_OPS_REST")
	if !other {
		path = "testdata/ops_rest.zip"
	}
	sum, worst, where := sha256.New(), 0.0, ""
	for _, e := range archive(t, path, ".golden") {
		t.Run(e.name, func(t *testing.T) {
			if d := compareFloats(t, e.model, parseGolden(t, e.name, e.beside), sum); d > worst {
				worst, where = d, t.Name()
			}
		})
	}
	t.Logf("largest difference %.3g, %s", worst, where)
	if got := hex.EncodeToString(sum.Sum(nil)); got != restDigest && !other {
		t.Errorf("outputs digest to %s, want %s", got, restDigest)
	}
}

// TestYOLOEqualsLiteRT compares a small int8 export of YOLOv8's shape
// (scripts/golden/yolo.py; "scripts/golden/make yolo" compares one of full size).
func TestYOLOEqualsLiteRT(t *testing.T) {
	compareArchive(t, "testdata/yolo.zip", 1)
}
