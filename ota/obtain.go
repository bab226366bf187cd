package ota

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dunlin-edge/dunlin/ota/delta"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// obtain makes a target's bytes stand: from a delta to what the slot holds
// where the repository has one, and where that fails in any way, whole.
func (c *Client) obtain(ctx context.Context, slot string, j journal, t trust.Target) (string, error) {
	whole := want(t, c.trust.FileName(t))
	if c.blobs.Check(whole) {
		return c.blobs.Path(whole.SHA256), nil
	}
	if !c.blobs.Begun(whole) {
		for _, from := range []*Installed{j.Active, j.Previous} {
			if from == nil {
				continue
			}
			path, err := c.rebuild(ctx, from, t)
			if err == nil {
				return path, nil
			}
			if ctx.Err() != nil {
				return "", err
			}
			if !errors.Is(err, trust.ErrNotAllowed) { // there is none
				c.cfg.Logger.Warn("delta not used, the whole file is fetched", "slot", slot, "target", t.Path, "err", err)
			}
		}
	}
	return c.blobs.Fetch(ctx, c.cfg.Source, whole)
}

// rebuild makes a target of what is installed. The delta is signed, but not
// trusted to be right: the result is verified as a download is.
func (c *Client) rebuild(ctx context.Context, from *Installed, t trust.Target) (string, error) {
	d, err := c.trust.Target(ctx, trust.DeltaPath(t.Path, from.SHA256))
	if err != nil {
		return "", err
	}
	if d.Custom.Kind != "delta" || d.Custom.From != from.SHA256 || d.Custom.To != t.Hex() || d.Length >= t.Length {
		return "", fmt.Errorf("%s is no delta from %.12s to %.12s", d.Path, from.SHA256, t.Hex())
	}
	w := want(d, c.trust.FileName(d))
	w.Optional = true
	path, err := c.blobs.Fetch(ctx, c.cfg.Source, w)
	if err != nil {
		return "", err
	}
	patch, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer patch.Close()
	old, err := os.Open(c.path(from))
	if err != nil {
		return "", err
	}
	defer old.Close()
	return c.blobs.Make(want(t, ""), func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 64<<10)
		if err := delta.Apply(out, old, from.Length, patch); err != nil {
			return err
		}
		return out.Flush()
	})
}
