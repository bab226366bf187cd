package inference

import "testing"

// lateDigest is the SHA-256 of what every CPU must answer for the committed
// archive.
const lateDigest = "f14cb410011258f448430b91f593f295ce35518f06da7eb48dec04d15c08da2c"

// TestLateOpsNearLiteRT compares the operators of scripts/golden/ops_late.py:
// integers exactly, floats within 1e-5 of the largest number.
func TestLateOpsNearLiteRT(t *testing.T) {
	compareDigested(t, "DUNLIN_OPS_LATE", "testdata/ops_late.zip", lateDigest)
}

// cellsDigest is as lateDigest.
const cellsDigest = "8d6bf5941daf537890ba9053517a4781177f80c214277d9c2cb6c624e55a8316"

// TestCellsNearLiteRT compares the models of scripts/golden/ops_cells.py, which
// fill cells of the matrix.
func TestCellsNearLiteRT(t *testing.T) {
	compareDigested(t, "DUNLIN_OPS_CELLS", "testdata/ops_cells.zip", cellsDigest)
}

// movesDigest is as lateDigest.
const movesDigest = "951b0c1c0c1032ab9f252717cb3ddf50c8c79bbf597ac32833e47d15bec96604"

// TestMovesEqualLiteRT compares the operators of scripts/golden/ops_moves.py in
// every type.
func TestMovesEqualLiteRT(t *testing.T) {
	compareDigested(t, "DUNLIN_OPS_MOVES", "testdata/ops_moves.zip", movesDigest)
}
