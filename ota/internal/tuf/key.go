package tuf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
)

// minRSABits is the shortest RSA key whose signatures count.
const minRSABits = 2048

// Key is a public key. One of a kind or a scheme that this version does not
// know, or that is not well-formed, is no error: its signatures do not count.
type Key struct {
	scheme string
	public crypto.PublicKey
	// print tells keys apart, whatever identifiers they are listed under.
	print [sha256.Size]byte
}

func readKey(r *reader) *Key {
	kind, scheme := r.text("keytype"), r.text("scheme")
	public := within(r, "keyval", r.object["keyval"], func(v *reader) string { return v.text("public") })
	if r.err != nil {
		return nil
	}
	k := &Key{scheme: scheme}
	switch kind {
	case "ed25519":
		if b, err := hex.DecodeString(public); err == nil && len(b) == ed25519.PublicKeySize {
			k.public = ed25519.PublicKey(b)
		}
	case "ecdsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsa":
		if block, _ := pem.Decode([]byte(public)); block != nil {
			// With an error comes a typed nil, for a point that is not on its curve.
			if p, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
				k.public = p
			}
		}
	}
	if der, err := x509.MarshalPKIXPublicKey(k.public); err == nil {
		k.print = sha256.Sum256(der)
	} else {
		k.public = nil
	}
	return k
}

// verify tells whether sig is the key's signature of message. Scheme and key
// have to be of one kind: what the metadata says is not left to the key.
func (k *Key) verify(message, sig []byte) bool {
	switch public := k.public.(type) {
	case ed25519.PublicKey:
		return k.scheme == "ed25519" && ed25519.Verify(public, message, sig)
	case *ecdsa.PublicKey:
		switch bits := public.Curve.Params().BitSize; {
		case k.scheme == "ecdsa-sha2-nistp256" && bits == 256:
			sum := sha256.Sum256(message)
			return ecdsa.VerifyASN1(public, sum[:], sig)
		case k.scheme == "ecdsa-sha2-nistp384" && bits == 384:
			sum := sha512.Sum384(message)
			return ecdsa.VerifyASN1(public, sum[:], sig)
		}
	case *rsa.PublicKey:
		sum := sha256.Sum256(message)
		return k.scheme == "rsassa-pss-sha256" && public.N.BitLen() >= minRSABits &&
			rsa.VerifyPSS(public, crypto.SHA256, sum[:], sig, nil) == nil
	}
	return false
}
