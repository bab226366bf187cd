package tuf

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Header is what every document says of itself.
type Header struct {
	Version int64
	Expires time.Time

	canonical  []byte            // of "signed"
	signatures map[string][]byte // by key identifier
}

// expired tells whether the document's time is over at t.
func (h *Header) expired(t time.Time) bool { return !t.Before(h.Expires) }

// open parses a document of a type. Nothing of it is verified yet.
func open(data []byte, kind string) (*reader, Header, error) {
	var h Header
	v, err := parse(data)
	if err != nil {
		return nil, h, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, h, errors.New("not an object")
	}
	doc := &reader{object: o}
	signed := &reader{object: member[object](doc, "signed", "an object")}
	h.signatures = readSignatures(doc)
	if doc.err != nil {
		return nil, h, doc.err
	}
	if got := signed.text("_type"); got != kind && signed.err == nil {
		return nil, h, fmt.Errorf("it is %.40q, not %s", got, kind)
	}
	if v := signed.text("spec_version"); !strings.HasPrefix(v, "1.") && signed.err == nil {
		return nil, h, fmt.Errorf("version %.20q of the specification is not known here", v)
	}
	h.Version, h.Expires = signed.atLeast("version", 1), signed.time("expires")
	h.canonical = appendCanonical(nil, signed.object)
	return signed, h, signed.err
}

// readSignatures takes a document's signatures, at most one by each key.
func readSignatures(doc *reader) map[string][]byte {
	sigs := map[string][]byte{}
	for i, v := range member[[]any](doc, "signatures", "an array") {
		within(doc, fmt.Sprintf("signature %d", i), v, func(r *reader) bool {
			id, text := r.text("keyid"), r.text("sig")
			sig, err := hex.DecodeString(text)
			if err != nil {
				r.fail("sig", "hexadecimal")
			}
			if _, ok := sigs[id]; ok && r.err == nil {
				r.err = fmt.Errorf("the second by key %.80q", id)
			}
			sigs[id] = sig
			return true
		})
	}
	return sigs
}

// Role says who may sign: Threshold of the keys with these identifiers.
type Role struct {
	KeyIDs    []string
	Threshold int64
}

func readRole(r *reader) Role {
	return Role{KeyIDs: r.texts("keyids"), Threshold: r.atLeast("threshold", 1)}
}

// verify tells whether enough of the role's keys have signed. Keys count
// once, however often and under whatever identifiers they are listed.
func (role Role) verify(keys map[string]*Key, h *Header) error {
	signed := map[[32]byte]bool{}
	for _, id := range role.KeyIDs {
		key, sig := keys[id], h.signatures[id]
		if key != nil && sig != nil && key.verify(h.canonical, sig) {
			signed[key.print] = true
		}
	}
	if role.Threshold < 1 {
		return errors.New("nobody may sign it")
	}
	if int64(len(signed)) < role.Threshold {
		return fmt.Errorf("signed by %d of the %d keys it needs", len(signed), role.Threshold)
	}
	return nil
}
