package release

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// who says who signs a role.
type who struct {
	keyIDs    []string
	threshold int
}

// sign replaces the signatures of m by those that the ring can give for the
// roles, each of which must reach its threshold: a new root is signed for the old
// keys and for its own.
func sign[T metadata.Roles](ring Ring, name string, m *metadata.Metadata[T], roles ...who) error {
	payload, err := cjson.EncodeCanonical(m.Signed)
	if err != nil {
		return fmt.Errorf("sign %s: %w", name, err)
	}
	m.Signatures = nil
	signed := map[string]bool{}
	for _, s := range ring {
		key, err := metadata.KeyFromPublicKey(s.Public())
		if err != nil {
			return fmt.Errorf("sign %s: %w", name, err)
		}
		id, err := key.ID()
		if err != nil {
			return fmt.Errorf("sign %s: %w", name, err)
		}
		if signed[id] || !slices.ContainsFunc(roles, func(w who) bool { return slices.Contains(w.keyIDs, id) }) {
			continue
		}
		sig, err := signature(s, payload)
		if err != nil {
			return fmt.Errorf("sign %s: %w", name, err)
		}
		signed[id] = true
		m.Signatures = append(m.Signatures, metadata.Signature{KeyID: id, Signature: sig})
	}
	for _, w := range roles {
		n := 0
		for _, id := range w.keyIDs {
			if signed[id] {
				n++
			}
		}
		if n < w.threshold {
			return &MissingKeysError{Role: name, Have: n, Need: w.threshold}
		}
	}
	return nil
}

// A MissingKeysError tells that too few of a role's keys are in the ring.
type MissingKeysError struct {
	Role       string
	Have, Need int
}

func (e *MissingKeysError) Error() string {
	return fmt.Sprintf("sign %s: %d of its keys, it takes %d", e.Role, e.Have, e.Need)
}

// Hint says what to do next.
func (e *MissingKeysError) Hint() string {
	return "bring the key folders or tokens of more holders"
}

// signature signs as TUF wants: ed25519 the message, others its SHA-256.
func signature(s crypto.Signer, payload []byte) ([]byte, error) {
	if _, ok := s.Public().(ed25519.PublicKey); ok {
		return s.Sign(rand.Reader, payload, crypto.Hash(0))
	}
	sum := sha256.Sum256(payload)
	return s.Sign(rand.Reader, sum[:], crypto.SHA256)
}
