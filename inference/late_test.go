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
const cellsDigest = "7809f668b22b6762b4d95b1d2d5180be89fb5c3368ca8ac16f22636c281439a0"

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
