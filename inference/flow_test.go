package inference

import (
	"bytes"
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

// TestRowsThatNobodySees: what follows a number of rows which a run decides
// computes the most there can be, whatever was in their memory before.
func TestRowsThatNobodySees(t *testing.T) {
	for _, name := range []string{"masked_000", "masked_001", "masked_002", "masked_003"} {
		m, err := Open(zipModel(t, "testdata/ops_flow.zip", name), Options{})
		if err != nil {
			t.Fatal(err)
		}
		run := func(fill byte) (outputs []byte) {
			s := session(t, m)
			for i := range s.arena {
				s.arena[i] = fill
			}
			for i := range 2 {
				for k := range s.Input(i).Bytes() {
					s.Input(i).Bytes()[k] = byte(k % 2)
				}
			}
			if err := s.Run(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for i := range s.Outputs() {
				outputs = append(outputs, s.Output(i).Bytes()...)
			}
			return outputs
		}
		if a, b := run(0), run(0xFF); !bytes.Equal(a, b) || len(a) == 0 {
			t.Errorf("%s: outputs %v and %v", name, a, b)
		}
	}
}
