package agent

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

// OtherBundleError says that a capture was made by another bundle.
type OtherBundleError struct{ Made, Given string } // SHA-256, hex

func (e *OtherBundleError) Error() string {
	return fmt.Sprintf("the capture was made by bundle %.12s, this is %.12s", e.Made, e.Given)
}

// Hint says what to do next.
func (e *OtherBundleError) Hint() string {
	return "give the bundle whose SHA-256 begins with " + e.Made[:12]
}

// Replay computes a captured window again and returns what it decides. The
// error is an *[OtherBundleError] where the unit is not the one that made it,
// and a *[pipeline.DifferError] where a byte came out otherwise.
func (u *Unit) Replay(ctx context.Context, c *capture.Capture) (*pipeline.Result, error) {
	if made := hex.EncodeToString(c.Bundle[:]); made != u.Digest {
		return nil, fmt.Errorf("replay: %w", &OtherBundleError{made, u.Digest})
	}
	if c.Numerics > inference.Numerics {
		return nil, fmt.Errorf("replay: numerics %d: this engine knows up to %d; it is too old for the capture", c.Numerics, inference.Numerics)
	}
	p, err := u.newPipeline()
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	r := &pipeline.Result{}
	if err := p.Again(ctx, &pipeline.Snapshot{State: c.State, Input: c.Input, Output: c.Output}, r); err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	return r, nil
}
