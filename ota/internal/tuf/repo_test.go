package tuf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"testing"
	"time"
)

var now = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

const later = "2030-06-01T00:00:00Z"

// signer is a private key with what metadata says of it.
type signer struct {
	id   string
	key  crypto.Signer
	meta object
	opts crypto.SignerOpts
}

func (s *signer) sign(t testing.TB, message []byte) string {
	t.Helper()
	if s.opts.HashFunc() != 0 {
		sum := sha256.Sum256(message)
		message = sum[:]
	}
	sig, err := s.key.Sign(rand.Reader, message, s.opts)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sig)
}

func newSigner(t testing.TB, kind string) *signer {
	t.Helper()
	s := &signer{}
	var public, scheme string
	var err error
	switch kind {
	case "ed25519":
		_, s.key, err = ed25519.GenerateKey(rand.Reader)
		if err == nil {
			public = hex.EncodeToString(s.key.Public().(ed25519.PublicKey))
		}
		scheme, s.opts = "ed25519", crypto.Hash(0)
	case "ecdsa":
		s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		scheme, s.opts = "ecdsa-sha2-nistp256", crypto.SHA256
	case "rsa":
		s.key, err = rsa.GenerateKey(rand.Reader, 2048)
		scheme, s.opts = "rsassa-pss-sha256", &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	if err != nil {
		t.Fatal(err)
	}
	if public == "" {
		der, err := x509.MarshalPKIXPublicKey(s.key.Public())
		if err != nil {
			t.Fatal(err)
		}
		public = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	s.meta = object{"keytype": kind, "scheme": scheme, "keyval": object{"public": public}}
	sum := sha256.Sum256(appendCanonical(nil, s.meta))
	s.id = hex.EncodeToString(sum[:])
	return s
}

// document signs a role's members with keys.
func document(t testing.TB, signed object, by ...*signer) []byte {
	t.Helper()
	message := appendCanonical(nil, signed)
	sigs := []any{}
	for _, s := range by {
		sigs = append(sigs, object{"keyid": s.id, "sig": s.sign(t, message)})
	}
	return plain(t, object{"signed": signed, "signatures": sigs})
}

// plain writes JSON as any encoder does: canonical JSON is no JSON, as it
// leaves line feeds in strings alone.
func plain(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func signedBy(threshold int64, by ...*signer) object {
	ids := []any{}
	for _, s := range by {
		ids = append(ids, s.id)
	}
	return object{"keyids": ids, "threshold": threshold}
}

func keysOf(by ...*signer) object {
	o := object{}
	for _, s := range by {
		o[s.id] = s.meta
	}
	return o
}

func header(kind string, version int64) object {
	return object{"_type": kind, "spec_version": "1.0.31", "version": version, "expires": later}
}

func with(o object, more object) object {
	for name, v := range more {
		o[name] = v
	}
	return o
}

// repo is a repository's documents before they are signed: three root keys of
// three kinds, two of which must sign.
type repo struct {
	a, b, c, online, models *signer
	docs                    map[string]object
}

const target = "models/kws/1.dunlin"

func newRepo(t testing.TB) *repo {
	r := &repo{a: newSigner(t, "ed25519"), b: newSigner(t, "ecdsa"), c: newSigner(t, "rsa"),
		online: newSigner(t, "ed25519"), models: newSigner(t, "ed25519")}
	holders := signedBy(2, r.a, r.b, r.c)
	sum := sha256.Sum256([]byte("bundle"))
	file := object{"length": int64(6), "hashes": object{"sha256": hex.EncodeToString(sum[:])}, "custom": object{"kind": "bundle"}}
	r.docs = map[string]object{
		RootRole: with(header(RootRole, 1), object{"consistent_snapshot": true, "keys": keysOf(r.a, r.b, r.c, r.online),
			"roles": object{RootRole: holders, TargetsRole: holders, SnapshotRole: signedBy(1, r.online), TimestampRole: signedBy(1, r.online)}}),
		TimestampRole: with(header(TimestampRole, 1), object{"meta": object{"snapshot.json": object{"version": int64(1)}}}),
		SnapshotRole: with(header(SnapshotRole, 1), object{"meta": object{"targets.json": object{"version": int64(1)},
			"models.json": object{"version": int64(1)}}}),
		TargetsRole: with(header(TargetsRole, 1), object{"targets": object{}, "delegations": object{"keys": keysOf(r.models),
			"roles": []any{with(signedBy(1, r.models), object{"name": "models", "terminating": true, "paths": []any{"models/*/*"}})}}}),
		"models": with(header(TargetsRole, 1), object{"targets": object{target: file}}),
	}
	return r
}

// sign signs every document with the keys that it takes.
func (r *repo) sign(t testing.TB) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		RootRole:      document(t, r.docs[RootRole], r.a, r.b, r.c),
		TimestampRole: document(t, r.docs[TimestampRole], r.online),
		SnapshotRole:  document(t, r.docs[SnapshotRole], r.online),
		TargetsRole:   document(t, r.docs[TargetsRole], r.a, r.c),
		"models":      document(t, r.docs["models"], r.models),
	}
}

// accept runs the workflow over documents.
func accept(docs map[string][]byte) (*Set, error) {
	s, err := NewSet(docs[RootRole])
	if err != nil {
		return nil, err
	}
	s.Now = now
	if err := s.UpdateTimestamp(docs[TimestampRole]); err != nil {
		return nil, err
	}
	if err := s.UpdateSnapshot(docs[SnapshotRole], false); err != nil {
		return nil, err
	}
	top, err := s.UpdateTargets(docs[TargetsRole], TargetsRole, RootRole)
	if err != nil {
		return nil, err
	}
	for _, d := range top.Delegations(target) {
		if _, err := s.UpdateTargets(docs[d.Role], d.Role, TargetsRole); err != nil {
			return nil, err
		}
	}
	return s, nil
}
