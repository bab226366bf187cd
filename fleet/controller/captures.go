package controller

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

// A Capture is a window that a device has kept whole. Its file comes only when
// somebody asks the device for it.
type Capture struct {
	Device string    `json:"device"`
	SHA256 string    `json:"sha256"`
	Size   int64     `json:"size"` // bytes
	Why    string    `json:"why"`
	At     time.Time `json:"at"`
	Have   int64     `json:"have"`  // bytes that are here
	Whole  bool      `json:"whole"` // all of them, and the digest holds
}

const (
	maxCapture   = 16 << 20
	captureShare = 10 // one device may take a tenth of the quota
	maxWrong     = 3  // uploads with a wrong digest, then no more
)

// captures notes what a new chunk tells of files on its device.
func (b *ingestTx) captures(device string, chunk *telemetry.Chunk) error {
	for _, x := range chunk.Captures {
		if _, err := b.tx.ExecContext(b.ctx, `INSERT INTO captures (sha256, device, size, why, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
			hex.EncodeToString(x.Digest[:]), device, int64(x.Size), int64(x.Why), ms(chunk.Wall(x.Time))); err != nil {
			return fmt.Errorf("capture of %s: %w", device, err)
		}
	}
	return nil
}

// Captures returns those of a device by digest, after one, at most limit.
func (c *Controller) Captures(ctx context.Context, device, after string, limit int) ([]Capture, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT device, sha256, size, why, at, have, whole FROM captures WHERE device = $1 AND sha256 > $2 ORDER BY sha256 LIMIT $3`, device, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Capture{}
	for rows.Next() {
		x, err := scanCapture(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, rows.Err()
}

func scanCapture(row interface{ Scan(...any) error }) (x Capture, err error) {
	var why, at, whole int64
	err = row.Scan(&x.Device, &x.SHA256, &x.Size, &why, &at, &x.Have, &whole)
	x.Why, x.At, x.Whole = capture.Reason(why).String(), fromMS(at), whole != 0
	return x, err
}

// capture returns one that a device has told of.
func (c *Controller) capture(ctx context.Context, device, sha string) (Capture, error) {
	x, err := scanCapture(c.store.db.QueryRowContext(ctx, `SELECT device, sha256, size, why, at, have, whole FROM captures WHERE device = $1 AND sha256 = $2`, device, sha))
	if errors.Is(err, sql.ErrNoRows) {
		err = problem(404, fmt.Sprintf("device %.64q has told of no capture %.64q", device, sha), "a capture is known once its record was delivered")
	}
	return x, err
}

// capturePath is where a file is. Both parts are names that we have checked: a
// device's, and a digest's that the database holds.
func (c *Controller) capturePath(device, sha string) string {
	return filepath.Join(c.cfg.Dir, "captures", device, sha)
}

// admitCapture says whether there is room for a device's file.
func (c *Controller) admitCapture(ctx context.Context, x Capture) error {
	if x.Size <= 0 || x.Size > maxCapture {
		return problem(413, fmt.Sprintf("a capture of %d bytes, at most %d", x.Size, maxCapture), "")
	}
	var all, own, wrong int64
	if err := c.store.db.QueryRowContext(ctx, `SELECT coalesce(sum(size), 0), coalesce(sum(CASE WHEN device = $1 THEN size ELSE 0 END), 0) FROM captures WHERE have > 0 AND NOT (device = $1 AND sha256 = $2)`, x.Device, x.SHA256).Scan(&all, &own); err != nil {
		return err
	}
	if err := c.store.db.QueryRowContext(ctx, `SELECT wrong FROM captures WHERE device = $1 AND sha256 = $2`, x.Device, x.SHA256).Scan(&wrong); err != nil {
		return err
	}
	switch {
	case wrong >= maxWrong:
		return problem(403, fmt.Sprintf("%d uploads of it had another digest", wrong), "")
	case own+x.Size > c.cfg.Captures/captureShare:
		return problem(507, "the captures of this device have no more room", "erase some: DELETE /api/v1/devices/{id}/captures/{sha256}")
	case all+x.Size > c.cfg.Captures:
		return problem(507, "captures have no more room", "serve --captures gives them more")
	}
	return nil
}

// addToCapture appends what body holds from an offset on, which has to be where
// the file ends. What arrives before the line breaks stays.
func (c *Controller) addToCapture(ctx context.Context, x Capture, offset int64, body io.Reader) (Capture, error) {
	if offset != x.Have {
		return x, problem(409, fmt.Sprintf("%d bytes are here, not %d", x.Have, offset), "HEAD tells where to go on")
	}
	path := c.capturePath(x.Device, x.SHA256)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return x, err
	}
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return x, err
	}
	// What the database does not know of was written by a process that died.
	if err := f.Truncate(x.Have); err != nil {
		return x, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(x.Have, io.SeekStart); err != nil {
		return x, errors.Join(err, f.Close())
	}
	n, broken := io.Copy(f, io.LimitReader(body, x.Size-x.Have+1))
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return x, err
	}
	if x.Have += n; x.Have > x.Size {
		return c.refuseCapture(ctx, x, "it is longer than its record says")
	}
	if x.Have == x.Size {
		return c.finishCapture(ctx, x)
	}
	_, err = c.store.db.ExecContext(context.WithoutCancel(ctx), `UPDATE captures SET have = $1 WHERE device = $2 AND sha256 = $3`, x.Have, x.Device, x.SHA256)
	return x, first(err, broken)
}

// finishCapture judges a file that is complete.
func (c *Controller) finishCapture(ctx context.Context, x Capture) (Capture, error) {
	path := c.capturePath(x.Device, x.SHA256)
	data, err := os.ReadFile(path + ".part")
	if err != nil {
		return x, err
	}
	if capture.ID(data) != x.SHA256 {
		return c.refuseCapture(ctx, x, "its digest is "+capture.ID(data))
	}
	if _, err := capture.Decode(data); err != nil {
		return c.refuseCapture(ctx, x, err.Error())
	}
	if err := os.Rename(path+".part", path); err != nil {
		return x, err
	}
	x.Whole = true
	return x, c.store.tx(context.WithoutCancel(ctx), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE captures SET have = size, whole = 1 WHERE device = $1 AND sha256 = $2`, x.Device, x.SHA256); err != nil {
			return err
		}
		return audit(ctx, tx, c.now(), "device "+x.Device, "capture.upload", x.Device, x.SHA256)
	})
}

// refuseCapture throws a file away that is not what the device has told of.
func (c *Controller) refuseCapture(ctx context.Context, x Capture, why string) (Capture, error) {
	if err := os.Remove(c.capturePath(x.Device, x.SHA256) + ".part"); err != nil {
		return x, err
	}
	x.Have = 0
	err := c.store.tx(context.WithoutCancel(ctx), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE captures SET have = 0, wrong = wrong + 1 WHERE device = $1 AND sha256 = $2`, x.Device, x.SHA256); err != nil {
			return err
		}
		return audit(ctx, tx, c.now(), "device "+x.Device, "capture.refused", x.Device, x.SHA256+": "+why)
	})
	return x, first(err, problem(422, "this is not the capture that the device has told of: "+why, ""))
}

// EraseCapture removes a file from here; the device may still have it.
func (c *Controller) EraseCapture(ctx context.Context, author, device, sha string) error {
	x, err := c.capture(ctx, device, sha)
	if err != nil {
		return err
	}
	path := c.capturePath(x.Device, x.SHA256)
	for _, p := range []string{path, path + ".part"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return c.store.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE captures SET have = 0, whole = 0 WHERE device = $1 AND sha256 = $2`, device, sha); err != nil {
			return err
		}
		return audit(ctx, tx, c.now(), author, "capture.erase", device, sha)
	})
}
