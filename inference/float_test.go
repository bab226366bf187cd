package inference

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"math"
	"os"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
)

// floatArchive calls f with every float model that LiteRT was recorded on.
func floatArchive(t *testing.T, f func(t *testing.T, model []byte, g golden)) {
	t.Helper()
	path := "testdata/ops_float.zip"
	if v := os.Getenv("DUNLIN_OPS_FLOAT"); v != "" {
		path = v
	}
	list := archive(t, path, ".golden")
	for _, e := range list {
		t.Run(e.name, func(t *testing.T) { f(t, e.model, parseGolden(t, e.name, e.beside)) })
	}
	if len(list) < 330 {
		t.Errorf("%d cases, want at least 330", len(list))
	}
}

// TestFloatOpsNearLiteRT allows max|a-b| / max|b| of 1e-5 an output tensor.
func TestFloatOpsNearLiteRT(t *testing.T) {
	worst, where := 0.0, ""
	floatArchive(t, func(t *testing.T, model []byte, g golden) {
		if e := compareFloats(t, model, g, 1e-5, io.Discard); e > worst {
			worst, where = e, t.Name()
		}
	})
	t.Logf("largest difference %.3g, %s", worst, where)
}

// compareFloats runs all cases of a golden, allows floats to differ by limit,
// writes the outputs to sum and
// returns the largest difference relative to the largest number of an output.
func compareFloats(t *testing.T, model []byte, g golden, limit float64, sum io.Writer) (worst float64) {
	t.Helper()
	m, err := openClear(model, Options{Signature: g.signature})
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, m)
	want := bytes.NewReader(g.outputs)
	for c := range g.cases {
		for i, in := range m.Inputs() {
			testmodels.Fill(s.Input(i).Bytes(), in.DType.String(), c, i)
		}
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range m.Outputs() {
			got := s.Output(i).Bytes()
			sum.Write(got)
			expect := make([]byte, len(got))
			if _, err := io.ReadFull(want, expect); err != nil {
				t.Fatalf("case %d output %d: golden: %v", c, i, err)
			}
			e := 0.0
			if m.Outputs()[i].DType == Float32 {
				e = relative(got, expect)
			} else if !bytes.Equal(got, expect) {
				t.Error(firstDiff(got, expect))
			}
			if !(e <= limit) {
				t.Errorf("case %d output %d: differs by %.3g of the largest number", c, i, e)
			}
			worst = max(worst, e)
		}
	}
	if want.Len() > 0 {
		t.Errorf("%d bytes of the golden are left", want.Len())
	}
	return worst
}

// relative returns max|a-b| / max|b|; infinities and NaN must stand in the same
// places.
func relative(got, want []byte) float64 {
	diff, top := 0.0, 0.0
	for i := 0; i < len(got); i += 4 {
		a := float64(math.Float32frombits(binary.LittleEndian.Uint32(got[i:])))
		b := float64(math.Float32frombits(binary.LittleEndian.Uint32(want[i:])))
		switch {
		case a == b || math.IsNaN(a) && math.IsNaN(b):
		case math.IsNaN(a-b) || math.IsInf(a-b, 0):
			return math.Inf(1)
		default:
			diff = max(diff, math.Abs(a-b))
		}
		if !math.IsInf(b, 0) && !math.IsNaN(b) {
			top = max(top, math.Abs(b))
		}
	}
	if diff == 0 {
		return 0
	}
	return diff / top
}

// floatModels names the SHA-256 of what every CPU must answer on the seeded
// inputs.
var floatModels = map[string]string{
	"pretrainedResnet":           "ac89758c363fea3b4a5c0f3ddcc63bdad77a5b184ea859c35c8fee0b1ebf9c35",
	"vww_96_float":               "9262ad3ff5c517bae2e7a4d95306cb5aa2f9b97cc8cb371adf6f71f9d71254b1",
	"face_detection_short_range": "e508f2c6b906a2ef19763d9841e7bef1f4b1805ab570aeeba8423df0626844b2",
	"ad01_dynamic_range":         "bb4ced86115df35cb0abddc588e75ee5551eaed27ddf91fbb0a12196a6699623",
}

// TestFloatModelsNearLiteRT compares whole models; one keeps its weights as
// float16, one as int8.
func TestFloatModelsNearLiteRT(t *testing.T) {
	z, err := zip.OpenReader("testdata/models_float.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for name, digest := range floatModels {
		t.Run(name, func(t *testing.T) {
			golden, err := fs.ReadFile(z, name+".golden")
			if err != nil {
				t.Fatal(err)
			}
			g := parseGolden(t, name, golden)
			model := testmodels.Read(t, g.model)
			if sum := sha256.Sum256(model); hex.EncodeToString(sum[:]) != g.sha256 {
				t.Fatalf("%s is not the file the golden was made from", g.model)
			}
			sum := sha256.New()
			t.Logf("largest difference %.3g", compareFloats(t, model, g, 1e-5, sum))
			if got := hex.EncodeToString(sum.Sum(nil)); got != digest {
				t.Errorf("outputs digest to %s, want %s", got, digest)
			}
		})
	}
}

// floatDigest is the SHA-256 of what every CPU must answer for the committed
// archive. A change of it is a change of NUMERICS.md.
const floatDigest = "e938dc73a45e7f3f8e77124cad12c0785405b45a11b3e1d6ac0912f7c554f6d7"

// TestFloatBits runs the archive on seeded inputs and on those where CPUs
// disagree, and digests every output bit.
func TestFloatBits(t *testing.T) {
	if os.Getenv("DUNLIN_OPS_FLOAT") != "" {
		t.Skip("the digest is of the committed archive")
	}
	sum := sha256.New()
	floatArchive(t, func(t *testing.T, model []byte, g golden) {
		m, err := openClear(model, Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := session(t, m)
		for c := range g.cases + 2 {
			for i, in := range m.Inputs() {
				testmodels.Fill(s.Input(i).Bytes(), in.DType.String(), c, i)
				if c >= g.cases && in.DType == Float32 {
					fillEdges(s.Input(i).Bytes(), c-g.cases+i)
				}
			}
			if err := s.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := range m.Outputs() {
				sum.Write(s.Output(i).Bytes())
			}
		}
	})
	if got := hex.EncodeToString(sum.Sum(nil)); got != floatDigest {
		t.Errorf("outputs digest to %s, want %s", got, floatDigest)
	}
}

// fillEdges puts subnormals, the largest numbers, infinities, signed zeros and
// NaN with payloads between the seeded values.
func fillEdges(dst []byte, turn int) {
	edges := []uint32{
		0x80000000, 1, 0x807FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x33800001, 0x42B17218, 0xC2CE8ED0,
		0x7F800000, 0xFF800000, 0x7FC12345, 0xFFFFFFFF, 0x7F812345,
	}
	if turn%2 == 0 {
		edges = edges[:9] // finite ones: what they give is not all NaN
	}
	for i := 0; i < len(dst); i += 4 * 3 {
		binary.LittleEndian.PutUint32(dst[i:], edges[i/12%len(edges)])
	}
}
