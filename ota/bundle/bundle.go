// Package bundle reads and writes Dunlin bundles: one model and all it needs,
// in a deterministic tar.
//
// Start with [Open], which checks everything before it returns, [Pack], and
// [Manifest]. The archive has one form only: USTAR headers with zero times and
// ids, manifest.json first, then the files it lists in byte order of their
// names, zero padding, two zero blocks, end of file. Every header is therefore
// known from the manifest, and a reader compares instead of interpreting: a
// link, device, duplicate, unlisted or misplaced entry cannot be expressed.
// The digest of a bundle is the SHA-256 of that tar.
//
// The manifest's own bytes are taken as they stand (any JSON spacing), so the
// digest never depends on one release's JSON writer. Signatures are not part
// of the bundle; they cover its digest from outside.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// Limits of a bundle. A bundle outside them is refused before it is read.
const (
	MaxManifestBytes = 1 << 20   // manifest.json
	MaxFiles         = 1024      // files beside the manifest
	MaxFileBytes     = 1 << 30   // one file
	MaxBundleBytes   = 2 << 30   // the whole tar
	MaxReadBytes     = 512 << 20 // what File and Model return in one piece
	MaxNameBytes     = 100       // a file's name: the USTAR name field
	MaxGolden        = 256       // golden samples of a model
	MaxVariants      = 8         // models
)

// ManifestName is the archive's first entry.
const ManifestName = "manifest.json"

// A Bundle is an open, completely checked bundle. Its methods, Close
// excepted, may be called concurrently.
type Bundle struct {
	manifest Manifest
	raw      []byte
	digest   [sha256.Size]byte
	entries  map[string]entry
	r        io.ReaderAt
	closer   io.Closer
}

// Open opens the bundle at path and checks all of it: layout, limits, names,
// sizes, hashes and manifest. It streams; memory use does not depend on the
// bundle's size. The caller closes the bundle.
func Open(path string) (*Bundle, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	b, err := openFile(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	b.closer = f
	return b, nil
}

func openFile(f *os.File) (*Bundle, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("size: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file (%s)", st.Mode().Type())
	}
	return Read(f, st.Size())
}

// Verify checks the bundle at path as Open does and closes it.
func Verify(path string) error {
	b, err := Open(path)
	if err != nil {
		return err
	}
	return b.Close()
}

// Read is Open on size bytes of r, which must not change while the bundle is
// in use.
func Read(r io.ReaderAt, size int64) (*Bundle, error) {
	if size > MaxBundleBytes {
		return nil, fmt.Errorf("%d bytes, limit %d", size, int64(MaxBundleBytes))
	}
	b := &Bundle{r: r}
	if err := b.scan(io.NewSectionReader(r, 0, size), size); err != nil {
		return nil, err
	}
	return b, nil
}

// Manifest returns the bundle's manifest. The caller does not change it.
func (b *Bundle) Manifest() *Manifest { return &b.manifest }

// RawManifest returns manifest.json as it stands in the bundle.
func (b *Bundle) RawManifest() []byte { return bytes.Clone(b.raw) }

// Digest returns the SHA-256 of the tar.
func (b *Bundle) Digest() [sha256.Size]byte { return b.digest }

// Model returns the bytes of the model file, at most MaxReadBytes.
func (b *Bundle) Model() ([]byte, error) { return b.File(b.manifest.Model.File) }

// ModelSum returns the SHA-256 of the model file, in hex.
func (b *Bundle) ModelSum() string { return b.entries[b.manifest.Model.File].file.SHA256 }

// File returns one file's bytes, at most MaxReadBytes. The hash is checked
// again: a file changed on disk since Open is refused.
func (b *Bundle) File(name string) ([]byte, error) {
	e, ok := b.entries[name]
	if !ok {
		return nil, fmt.Errorf("file %q: not in the bundle", name)
	}
	if e.file.Size > MaxReadBytes {
		return nil, fmt.Errorf("file %q: %d bytes, limit %d", name, e.file.Size, MaxReadBytes)
	}
	data := make([]byte, e.file.Size)
	if _, err := io.ReadFull(io.NewSectionReader(b.r, e.offset, e.file.Size), data); err != nil {
		return nil, fmt.Errorf("file %q: %w", name, err)
	}
	sum := sha256.Sum256(data)
	if hex.EncodeToString(sum[:]) != e.file.SHA256 {
		return nil, fmt.Errorf("file %q: contents changed since the bundle was opened", name)
	}
	return data, nil
}

// Golden returns sample i's tensors: one byte slice (little-endian, row-major)
// per model input and per model output.
func (b *Bundle) Golden(i int) (inputs, outputs [][]byte, err error) {
	if i < 0 || i >= len(b.manifest.Golden) {
		return nil, nil, fmt.Errorf("golden sample %d: the bundle has %d", i, len(b.manifest.Golden))
	}
	g := b.manifest.Golden[i]
	if inputs, err = b.files(g.Input); err != nil {
		return nil, nil, fmt.Errorf("golden sample %d: %w", i, err)
	}
	if outputs, err = b.files(g.Output); err != nil {
		return nil, nil, fmt.Errorf("golden sample %d: %w", i, err)
	}
	return inputs, outputs, nil
}

func (b *Bundle) files(names []string) ([][]byte, error) {
	out := make([][]byte, len(names))
	for i, name := range names {
		data, err := b.File(name)
		if err != nil {
			return nil, err
		}
		out[i] = data
	}
	return out, nil
}

// Variants returns how many models the bundle has for its pipeline.
func (b *Bundle) Variants() int { return 1 + len(b.manifest.Variants) }

// Variant returns the bundle with its i-th best model, from 0, as the only one.
// It reads the same file, which b closes.
func (b *Bundle) Variant(i int) *Bundle {
	v := &Bundle{manifest: b.manifest, raw: b.raw, digest: b.digest, entries: b.entries, r: b.r}
	if i > 0 {
		o := b.manifest.Variants[i-1]
		v.manifest.Model, v.manifest.Requires, v.manifest.Golden = o.Model, o.Requires, o.Golden
	}
	v.manifest.Variants = nil
	return v
}

// Close releases the underlying file. It is idempotent.
func (b *Bundle) Close() error {
	if b.closer == nil {
		return nil
	}
	c := b.closer
	b.closer = nil
	return c.Close()
}
