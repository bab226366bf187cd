package inference

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// flowDigest is the SHA-256 of what every CPU must answer for the committed
// archive.
const flowDigest = "2ce0fa9c734cecdafc46004728566bb62d200bb20a441a9d0b6af4405168f8bc"

// TestFlowNearLiteRT compares models of several subgraphs and computed shapes
// (scripts/golden/ops_flow.py).
func TestFlowNearLiteRT(t *testing.T) {
	compareDigested(t, "DUNLIN_OPS_FLOW", "testdata/ops_flow.zip", flowDigest)
}

func TestSignatures(t *testing.T) {
	data := zipModel(t, "testdata/ops_flow.zip", "signature_000")
	m, err := Open(data, Options{Signature: "bend"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.Signatures(), " "); got != "join bend" {
		t.Errorf("signatures %q", got)
	}
	if in, out := m.Inputs(), m.Outputs(); len(in) != 1 || in[0].Name != "value" || len(out) != 1 || out[0].Name != "bent" {
		t.Errorf("inputs %v, outputs %v", in, out)
	}
	if _, err := Open(data, Options{Signature: "twist"}); !errors.Is(err, ErrSignature) || !strings.Contains(err.Error(), "join, bend") {
		t.Errorf("error %v, want one that names the signatures", err)
	}
}

// TestLoopLimits runs a loop with fewer steps than it takes, and with a context
// that ends.
func TestLoopLimits(t *testing.T) {
	data := zipModel(t, "testdata/ops_flow.zip", "while_000")
	run := func(o Options, ctx context.Context) error {
		m, err := Open(data, o)
		if err != nil {
			t.Fatal(err)
		}
		s := session(t, m)
		s.Input(0).Int32()[0] = 6
		return s.Run(ctx)
	}
	if err := run(Options{}, t.Context()); err != nil {
		t.Fatal(err)
	}
	steps := int64(1)
	for ; ; steps++ { // the fewest that open it
		if _, err := Open(data, Options{MaxSteps: steps}); err == nil {
			break
		}
	}
	if err := run(Options{MaxSteps: steps}, t.Context()); !errors.Is(err, ErrSteps) {
		t.Errorf("error %v, want ErrSteps", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(Options{}, ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}
