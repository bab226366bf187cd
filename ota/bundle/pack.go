package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Pack writes the bundle of m to w and returns its digest. The files are those
// m refers to (model, golden samples, card) and those already named in
// m.Files, whose sizes and sums, where given, must hold; all come from files.
// The same manifest and files give the same bytes on every machine. m is not
// changed.
func Pack(w io.Writer, m *Manifest, files fs.FS) ([sha256.Size]byte, error) {
	full, err := complete(*m, files)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("pack: %w", err)
	}
	raw, err := full.Encode()
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("pack: %w", err)
	}
	// What is written must be readable: the reader's own check decides.
	if _, err := ParseManifest(raw); err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("pack: %w", err)
	}
	sum := sha256.New()
	if err := writeTar(io.MultiWriter(w, sum), raw, full.Files, files); err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("pack: %w", err)
	}
	return [sha256.Size]byte(sum.Sum(nil)), nil
}

// PackFile is Pack into path: written beside it, flushed, then renamed, so
// that path never holds half a bundle.
func PackFile(path string, m *Manifest, files fs.FS) (digest [sha256.Size]byte, err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return digest, fmt.Errorf("pack: %w", err)
	}
	defer os.Remove(tmp.Name())
	digest, err = Pack(tmp, m, files)
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return digest, err
	}
	return digest, publish(tmp.Name(), path)
}

// publish renames from to path and flushes the folder.
func publish(from, path string) error {
	if err := os.Rename(from, path); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// complete returns m with Files listed, sized and summed.
func complete(m Manifest, files fs.FS) (*Manifest, error) {
	given := map[string]File{}
	for _, f := range m.Files {
		given[f.Name] = f
	}
	err := m.eachNamed(func(_, name string) error {
		if _, ok := given[name]; !ok {
			given[name] = File{Name: name, Size: -1}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	m.Files = make([]File, 0, len(given))
	for _, f := range given {
		listed, err := describe(f, files)
		if err != nil {
			return nil, err
		}
		m.Files = append(m.Files, listed)
	}
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return &m, nil
}

// describe measures one file and holds it against the size and sum given.
func describe(want File, files fs.FS) (File, error) {
	if err := checkName(want.Name); err != nil {
		return File{}, fmt.Errorf("file name %w", err)
	}
	f, err := files.Open(want.Name)
	if err != nil {
		return File{}, fmt.Errorf("file %q: %w", want.Name, err)
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return File{}, fmt.Errorf("file %q: %w", want.Name, err)
	}
	got := File{Name: want.Name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}
	if want.SHA256 != "" && want != got {
		return File{}, fmt.Errorf("file %q: %d bytes with sha256 %s, the manifest lists %d and %s", got.Name, got.Size, got.SHA256, want.Size, want.SHA256)
	}
	return got, nil
}

// writeTar writes the canonical archive. The files are read a second time and
// must still be what the list says.
func writeTar(w io.Writer, manifest []byte, list []File, files fs.FS) error {
	if err := writeEntry(w, ManifestName, int64(len(manifest)), strings.NewReader(string(manifest))); err != nil {
		return err
	}
	for _, f := range list {
		if err := copyFile(w, f, files); err != nil {
			return fmt.Errorf("file %q: %w", f.Name, err)
		}
	}
	_, err := w.Write(make([]byte, 2*blockSize))
	return err
}

func copyFile(w io.Writer, f File, files fs.FS) error {
	in, err := files.Open(f.Name)
	if err != nil {
		return err
	}
	defer in.Close()
	sum := sha256.New()
	if err := writeEntry(w, f.Name, f.Size, io.TeeReader(in, sum)); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return errors.New("contents changed while packing")
	}
	return nil
}

func writeEntry(w io.Writer, name string, size int64, r io.Reader) error {
	h := header(name, size)
	if _, err := w.Write(h[:]); err != nil {
		return err
	}
	if _, err := io.CopyN(w, r, size); err != nil {
		return early(err)
	}
	_, err := w.Write(make([]byte, padding(size)))
	return err
}
