package tuf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// peer runs the workflow in go-tuf.
func peer(docs map[string][]byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	s, err := trustedmetadata.New(docs[RootRole])
	if err != nil {
		return err
	}
	s.RefTime = now
	if _, err := s.UpdateTimestamp(docs[TimestampRole]); err != nil {
		return err
	}
	if _, err := s.UpdateSnapshot(docs[SnapshotRole], false); err != nil {
		return err
	}
	top, err := s.UpdateTargets(docs[TargetsRole])
	if err != nil || top.Signed.Delegations == nil {
		return err
	}
	for _, d := range top.Signed.Delegations.GetRolesForTarget(target) {
		if _, err := s.UpdateDelegatedTargets(docs[d.Name], d.Name, metadata.TARGETS); err != nil {
			return err
		}
	}
	return nil
}

// TestNeverLaxerThanGoTUF changes one thing in a repository and signs it
// again, many times: what is accepted here, go-tuf accepts as well, but for
// the two things that the specification has otherwise.
func TestNeverLaxerThanGoTUF(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var both, neither, stricter, known int
	for i := range 2000 {
		r := sharedRepo(t)
		role := []string{RootRole, TimestampRole, SnapshotRole, TargetsRole, "models"}[rng.IntN(5)]
		how := mutate(rng, r.docs[role])
		docs := r.sign(t)
		_, ours := accept(docs)
		theirs := peer(docs)
		switch {
		case ours == nil && theirs == nil:
			both++
		case ours == nil && (unknownKey(theirs) || rewritten(t, docs[role], r.docs[role])):
			known++
		case ours == nil:
			t.Errorf("case %d, %s: %s: accepted here, go-tuf: %v", i, role, how, theirs)
		case theirs == nil:
			stricter++
		default:
			neither++
		}
	}
	t.Logf("accepted by both %d, by neither %d, by go-tuf alone %d, here alone as explained %d", both, neither, stricter, known)
	if both < 100 || neither < 100 {
		t.Error("the changes do not reach both verdicts")
	}
}

// unknownKey tells errors of go-tuf about a key that it does not know or find:
// here its signature does not count, and enough others may (specification 4.2).
func unknownKey(err error) bool {
	for _, text := range []string{"not found in", "unsupported public key", "invalid", "encoding/hex", "PEM", "x509", "ed25519"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// rewritten tells whether go-tuf, which verifies what it decoded and encoded
// anew, verifies something else than was signed: absent members come back
// with a default, names lose their capitals, large numbers their last digits.
func rewritten(t *testing.T, data []byte, signed object) bool {
	t.Helper()
	var again any
	var err error
	switch signed["_type"] {
	case RootRole:
		again, err = signedPart[metadata.RootType](data)
	case TimestampRole:
		again, err = signedPart[metadata.TimestampType](data)
	case SnapshotRole:
		again, err = signedPart[metadata.SnapshotType](data)
	default:
		again, err = signedPart[metadata.TargetsType](data)
	}
	if err != nil {
		return false
	}
	text, err := cjson.EncodeCanonical(again)
	return err == nil && !bytes.Equal(text, appendCanonical(nil, signed))
}

func signedPart[T metadata.Roles](data []byte) (any, error) {
	m, err := new(metadata.Metadata[T]).FromBytes(data)
	if err != nil {
		return nil, err
	}
	return m.Signed, nil
}

var made *repo

// sharedRepo makes keys once, and documents that can be changed each time.
func sharedRepo(t *testing.T) *repo {
	if made == nil {
		made = newRepo(t)
	}
	r := *made
	r.docs = map[string]object{}
	for role, doc := range made.docs {
		v, err := parse(plain(t, doc))
		if err != nil {
			t.Fatal(err)
		}
		r.docs[role] = v.(object)
	}
	return &r
}

// mutate changes one member somewhere below o.
func mutate(rng *rand.Rand, o object) string {
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	if len(names) == 0 {
		return "an empty object"
	}
	// The map's order must not decide what a seed means.
	for i := range names {
		for j := i + 1; j < len(names); j++ {
			if names[j] < names[i] {
				names[i], names[j] = names[j], names[i]
			}
		}
	}
	name := names[rng.IntN(len(names))]
	switch v := o[name].(type) {
	case object:
		if len(v) > 0 && rng.IntN(8) > 0 {
			return name + "." + mutate(rng, v)
		}
	case []any:
		if len(v) > 0 && rng.IntN(4) > 0 {
			i := rng.IntN(len(v))
			if sub, ok := v[i].(object); ok && rng.IntN(4) > 0 {
				return fmt.Sprintf("%s[%d].%s", name, i, mutate(rng, sub))
			}
			v[i] = value(rng)
			return fmt.Sprintf("%s[%d] = %v", name, i, v[i])
		}
	}
	switch rng.IntN(5) {
	case 0:
		delete(o, name)
		return name + " deleted"
	case 1:
		other := strings.ToUpper(name[:1]) + name[1:]
		o[other] = o[name]
		delete(o, name)
		return name + " becomes " + other
	case 2:
		o["x-"+name] = value(rng)
		return "x-" + name + " added"
	}
	o[name] = value(rng)
	return fmt.Sprintf("%s = %v", name, o[name])
}

func value(rng *rand.Rand) any {
	return []any{nil, true, false, int64(0), int64(1), int64(2), int64(-1), int64(1) << 62, "", "root", "timestamp", "targets", "models",
		"models/*/*", "**", "[", "2029-01-01T00:00:00Z", later, "<&\u2028\x01", `quote " and \`, []any{}, []any{"a", "a"}, object{},
		object{"version": int64(2)}}[rng.IntN(24)]
}

// TestCanonicalLikePeer: what is signed is the same text as in go-tuf, for
// whatever both can read.
func TestCanonicalLikePeer(t *testing.T) {
	for _, text := range []string{`{"b":[1,-2,{"z":"\u00e9\n\"\\","a":null}],"a":true}`, `{"":"","\u0000":"\u007f","é":[]}`, `[]`,
		`{"n":9007199254740991,"<":"&"}`} {
		v, err := parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var theirs any
		if err := json.Unmarshal([]byte(text), &theirs); err != nil {
			t.Fatal(err)
		}
		want, err := cjson.EncodeCanonical(theirs)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendCanonical(nil, v); !bytes.Equal(got, want) {
			t.Errorf("%s: %s, go-securesystemslib has %s", text, got, want)
		}
	}
}
