package controller

import (
	"archive/tar"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/ota/release"
)

const (
	databaseFile   = "fleet.db"
	repositoryName = "repository"
)

// stateFiles are what a state folder has besides the database and the
// repository. Whoever has them is the controller.
var stateFiles = []string{"ca.pem", "ca.key", "director.key", "admin.token", timestampKey}

// Backup writes the database as it is at one moment, the keys and the releases
// as a tar file.
func (c *Controller) Backup(ctx context.Context, author string, w io.Writer) error {
	if c.store.postgres {
		return problem(409, "the database is Postgres", "back it up with pg_dump, and the state folder with it")
	}
	now := c.now()
	if err := c.store.tx(ctx, func(tx *sql.Tx) error { return audit(ctx, tx, now, author, "backup", c.cfg.Fleet, "") }); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(c.cfg.Dir, ".backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, databaseFile)
	if _, err := c.store.db.ExecContext(ctx, `VACUUM INTO $1`, copied); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	out := tar.NewWriter(w)
	if err := addFile(out, copied, databaseFile); err != nil {
		return err
	}
	for _, name := range stateFiles {
		if err := addFile(out, filepath.Join(c.cfg.Dir, name), name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := addTree(out, c.cfg.Repository); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return out.Close()
}

func addTree(out *tar.Writer, root string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.HasPrefix(e.Name(), ".") {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return addFile(out, path, repositoryName+"/"+filepath.ToSlash(name))
	})
}

func addFile(out *tar.Writer, path, name string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := out.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.CopyN(out, f, info.Size())
	return err
}

// Restore makes a state folder of a backup. What the controller of before did
// after the backup, devices may have seen: the term rises above all of its
// assignments, the repository's timestamp above all of its own, and records it
// had acknowledged are declared lost when their devices say so.
func Restore(ctx context.Context, dir string, backup io.Reader, now time.Time) error {
	if _, err := os.Stat(filepath.Join(dir, databaseFile)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("restore: %s holds a controller already", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := unpack(dir, tar.NewReader(backup)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	s, err := openSQLite(ctx, "sqlite", filepath.Join(dir, databaseFile))
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	err = s.tx(ctx, func(tx *sql.Tx) error {
		for name, value := range map[string]int64{"term": now.Unix(), "restored": ms(now)} {
			if _, err := tx.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, strconv.FormatInt(value, 10)); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE devices SET online = 0`); err != nil {
			return err
		}
		return audit(ctx, tx, now, "restore", "restore", dir, "")
	})
	if err := errors.Join(err, s.close()); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return raiseTimestamp(dir, now)
}

// unpack writes the files of a backup, and no others.
func unpack(dir string, in *tar.Reader) error {
	found := false
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			if !found {
				return errors.New("this is no backup of a controller")
			}
			return nil
		}
		if err != nil {
			return err
		}
		known := h.Name == databaseFile || slices.Contains(stateFiles, h.Name) || strings.HasPrefix(h.Name, repositoryName+"/")
		if !known || !filepath.IsLocal(h.Name) || h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%.100q is nothing that a backup holds", h.Name)
		}
		found = found || h.Name == databaseFile
		if err := unpackFile(filepath.Join(dir, filepath.FromSlash(h.Name)), in); err != nil {
			return err
		}
	}
}

func unpackFile(path string, in io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Sync(), f.Close())
}

// raiseTimestamp signs the repository's timestamp above any that devices have
// seen, where the controller holds that key.
func raiseTimestamp(dir string, now time.Time) error {
	key, err := release.ReadKey(filepath.Join(dir, timestampKey))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	repo, err := release.Open(filepath.Join(dir, repositoryName), func() time.Time { return now })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = repo.SignTimestampAbove(release.Ring{key}, now.Unix())
	}
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// setting reads a number; 0 where there is none.
func (s *store) setting(ctx context.Context, name string) (int64, error) {
	var text string
	err := s.db.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = $1`, name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// lost declares the records that a device has deleted because the controller of
// before a restore had them, and this one has not.
func (b *ingestTx) lost(device string, epoch uint32, lo uint64, r *committed) error {
	var seen int64
	if err := b.tx.QueryRowContext(b.ctx, `SELECT seen FROM devices WHERE id = $1`, device).Scan(&seen); err != nil || seen >= b.restored || epoch == 0 {
		return err
	}
	for r.Hi < lo {
		end := lo
		if len(r.Rest) > 0 {
			end = min(end, r.Rest[0].First)
		}
		first, count := r.Hi, end-r.Hi
		if _, err := r.add(rangeOf(first, count)); err != nil {
			return err
		}
		if _, err := b.tx.ExecContext(b.ctx, `INSERT INTO gaps (device, epoch, first, count, reason) VALUES ($1, $2, $3, $4, 'controller-lost')`, device, epoch, int64(first), int64(count)); err != nil {
			return err
		}
	}
	return nil
}
