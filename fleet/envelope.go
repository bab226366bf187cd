package fleet

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// errSignature marks an envelope that the key did not sign, or that holds
// another type of document.
var errSignature = errors.New("signature refused")

// envelope is a DSSE envelope (github.com/secure-systems-lab/dsse, v1.0.2).
type envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"` // base64
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// Down is a document that the director signs.
type Down interface {
	Desired | Ack | Command
	payloadType() string
	check() error
}

// keyID names a public key: the first 16 hex digits of its sha256. It is a
// hint; nothing is trusted because of it.
func keyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// preAuth is DSSE's pre-authentication encoding: a signature for one type of
// payload can never pass for another's.
func preAuth(payloadType string, payload []byte) []byte {
	b := append([]byte("DSSEv1 "), strconv.Itoa(len(payloadType))...)
	b = append(append(b, ' '), payloadType...)
	b = append(append(b, ' '), strconv.Itoa(len(payload))...)
	return append(append(b, ' '), payload...)
}

// Sign returns doc in an envelope, ready to be published. The director's key is
// an ed25519 one.
func Sign[D Down](key crypto.Signer, doc D) ([]byte, error) {
	if err := doc.check(); err != nil {
		return nil, fmt.Errorf("sign %s: %w", doc.payloadType(), err)
	}
	payload, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", doc.payloadType(), err)
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("sign %s: the key is not an ed25519 one", doc.payloadType())
	}
	sig, err := key.Sign(nil, preAuth(doc.payloadType(), payload), crypto.Hash(0))
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", doc.payloadType(), err)
	}
	return json.Marshal(envelope{doc.payloadType(), payload, []signature{{keyID(public), sig}}})
}

// Verify opens an envelope and returns its document. Nothing of the payload is
// read before the signature holds. It gives errSignature where the key did not
// sign it, and another error where a signed document is not valid.
func Verify[D Down](key ed25519.PublicKey, data []byte) (D, error) {
	var doc D
	if len(data) > TopicDesired.MaxPayload() {
		return doc, fmt.Errorf("%w: envelope of %d bytes", errSignature, len(data))
	}
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return doc, fmt.Errorf("%w: not an envelope", errSignature)
	}
	if e.PayloadType != doc.payloadType() {
		return doc, fmt.Errorf("%w: payload type %.60q, want %s", errSignature, e.PayloadType, doc.payloadType())
	}
	if !signedBy(key, e) {
		return doc, fmt.Errorf("%w: not signed by key %s", errSignature, keyID(key))
	}
	if err := decodeExact(e.Payload, &doc); err != nil {
		return doc, fmt.Errorf("%s: %w", doc.payloadType(), err)
	}
	if err := doc.check(); err != nil {
		return doc, fmt.Errorf("%s: %w", doc.payloadType(), err)
	}
	return doc, nil
}

func signedBy(key ed25519.PublicKey, e envelope) bool {
	if len(key) != ed25519.PublicKeySize {
		return false
	}
	message := preAuth(e.PayloadType, e.Payload)
	for _, s := range e.Signatures[:min(len(e.Signatures), 4)] {
		if ed25519.Verify(key, message, s.Sig) {
			return true
		}
	}
	return false
}
