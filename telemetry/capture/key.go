package capture

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	sealedMagic = "DUNLINE\x01"
	keyBytes    = 32
	nonceBytes  = 12
	sealedExtra = len(sealedMagic) + nonceBytes + 16
)

// ErrSealed marks a file that is encrypted, and a key that is missing or does
// not fit.
var ErrSealed = errors.New("encrypted with the key of another device, or the key is missing")

// Key encrypts captures at rest: AES-256-GCM, a random nonce a file, bound to
// the file's id. A nil Key leaves them plain.
type Key struct{ aead cipher.AEAD }

// LoadKey reads a key file of 32 bytes that nobody else may read. Where there is
// none, create makes one; losing it loses the captures.
func LoadKey(path string, create bool) (*Key, error) {
	raw, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		raw = make([]byte, keyBytes)
		rand.Read(raw) // never fails
		err = writeFile(filepath.Dir(path), filepath.Base(path), raw)
	}
	if err != nil {
		return nil, fmt.Errorf("capture key: %w", err)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fmt.Errorf("capture key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("capture key: %w", err)
	}
	return &Key{aead}, nil
}

func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	raw, err := io.ReadAll(io.LimitReader(f, keyBytes+1))
	if err == nil && len(raw) != keyBytes {
		err = fmt.Errorf("%s: not a key of %d bytes", path, keyBytes)
	}
	return raw, err
}

// seal encrypts a file; without a key it stays as it is.
func (k *Key) seal(data []byte, id string) []byte {
	if k == nil {
		return data
	}
	out := make([]byte, len(sealedMagic)+nonceBytes, len(data)+sealedExtra)
	copy(out, sealedMagic)
	nonce := out[len(sealedMagic):]
	rand.Read(nonce)
	return k.aead.Seal(out, nonce, data, []byte(id))
}

// open is the inverse of seal. It takes plain files too: those from before
// there was a key.
func (k *Key) open(file []byte, id string) ([]byte, error) {
	if len(file) < sealedExtra || string(file[:len(sealedMagic)]) != sealedMagic {
		return file, nil
	}
	if k == nil {
		return nil, ErrSealed
	}
	rest := file[len(sealedMagic):]
	data, err := k.aead.Open(nil, rest[:nonceBytes], rest[nonceBytes:], []byte(id))
	if err != nil {
		return nil, ErrSealed
	}
	return data, nil
}
