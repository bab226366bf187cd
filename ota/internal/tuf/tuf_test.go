package tuf

import (
	"bytes"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
)

func TestAccept(t *testing.T) {
	docs := newRepo(t).sign(t)
	s, err := accept(docs)
	if err != nil {
		t.Fatal(err)
	}
	f, ok := s.Targets["models"].Files[target]
	if !ok || f.Length != 6 || string(f.Custom) != `{"kind":"bundle"}` {
		t.Errorf("%+v", f)
	}
	if err := peer(docs); err != nil {
		t.Errorf("go-tuf refuses the repository of these tests: %v", err)
	}
}

// TestRefused is what a signer could write, or somebody else could send, and
// what must not pass.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*repo)
		why    string
	}{
		"one of two keys":         {func(r *repo) { r.c, r.b = r.a, r.a }, "second by key"},
		"threshold of zero":       {func(r *repo) { role(r, TimestampRole)["threshold"] = int64(0) }, "at least 1"},
		"negative threshold":      {func(r *repo) { role(r, TimestampRole)["threshold"] = int64(-1) }, "at least 1"},
		"one key listed twice":    {func(r *repo) { twice(r) }, "signed by 1 of the 2"},
		"role without keys":       {func(r *repo) { role(r, SnapshotRole)["keyids"] = []any{} }, "signed by 0"},
		"a key of another kind":   {func(r *repo) { key(r, r.online)["scheme"] = "rsassa-pss-sha256" }, "signed by 0"},
		"a missing role":          {func(r *repo) { delete(r.docs[RootRole]["roles"].(object), SnapshotRole) }, "no role snapshot"},
		"version zero":            {func(r *repo) { r.docs[TimestampRole]["version"] = int64(0) }, "at least 1"},
		"version in capitals":     {func(r *repo) { rename(r.docs[SnapshotRole], "version", "Version") }, `no "version"`},
		"another type":            {func(r *repo) { r.docs[SnapshotRole]["_type"] = "timestamp" }, "not snapshot"},
		"a later specification":   {func(r *repo) { r.docs[TimestampRole]["spec_version"] = "2.0.0" }, "is not known here"},
		"expired":                 {func(r *repo) { r.docs[SnapshotRole]["expires"] = "2030-01-01T12:00:00Z" }, "expired"},
		"expired root":            {func(r *repo) { r.docs[RootRole]["expires"] = "2029-01-01T12:00:00Z" }, "the last root"},
		"a time with an offset":   {func(r *repo) { r.docs[SnapshotRole]["expires"] = "2031-01-01T12:00:00+01:00" }, "a time like"},
		"another snapshot":        {func(r *repo) { r.docs[SnapshotRole]["version"] = int64(2) }, "the timestamp names 1"},
		"targets not listed":      {func(r *repo) { delete(r.docs[SnapshotRole]["meta"].(object), "targets.json") }, "not in the snapshot"},
		"a role of the root's":    {func(r *repo) { delegated(r)["name"] = "root" }, "no delegated role"},
		"the same role twice":     {func(r *repo) { list := delegations(r); list["roles"] = []any{delegated(r), delegated(r)} }, "twice"},
		"paths and hash prefixes": {func(r *repo) { delegated(r)["path_hash_prefixes"] = []any{"00"} }, "alone"},
		"bins of 33 bits": {func(r *repo) {
			d := delegations(r)
			delete(d, "roles")
			d["succinct_roles"] = with(signedBy(1, r.models), object{"bit_length": int64(33), "name_prefix": "bin"})
		}, "at most 32"},
		"a hash that nobody knows": {func(r *repo) {
			r.docs[TimestampRole]["meta"].(object)["snapshot.json"].(object)["hashes"] = object{"md5": "00"}
		}, "not known here"},
		"another length": {func(r *repo) {
			r.docs[TimestampRole]["meta"].(object)["snapshot.json"].(object)["length"] = int64(3)
		}, "not the 3"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			c.change(r)
			if _, err := accept(r.sign(t)); err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%v, want %q", err, c.why)
			}
		})
	}
}

func role(r *repo, name string) object { return r.docs[RootRole]["roles"].(object)[name].(object) }
func key(r *repo, s *signer) object    { return r.docs[RootRole]["keys"].(object)[s.id].(object) }
func delegations(r *repo) object       { return r.docs[TargetsRole]["delegations"].(object) }
func delegated(r *repo) object         { return delegations(r)["roles"].([]any)[0].(object) }

func rename(o object, from, to string) { o[to] = o[from]; delete(o, from) }

// twice lists one key of the timestamp under two identifiers.
func twice(r *repo) {
	keys := r.docs[RootRole]["keys"].(object)
	keys["other"] = keys[r.online.id]
	role(r, TimestampRole)["keyids"] = []any{r.online.id, "other"}
	role(r, TimestampRole)["threshold"] = int64(2)
}

// TestBytes is what no honest encoder writes.
func TestBytes(t *testing.T) {
	good := string(newRepo(t).sign(t)[RootRole])
	for name, text := range map[string]string{
		"empty":                      "",
		"cut":                        good[:len(good)/2],
		"more behind":                good + "{}",
		"an array":                   "[]",
		"a member twice":             strings.Replace(good, `"signatures":`, `"signatures":[],"signatures":`, 1),
		"a fraction":                 strings.Replace(good, `"version":1`, `"version":1.5`, 1),
		"an exponent":                strings.Replace(good, `"version":1`, `"version":1e0`, 1),
		"more than 64 bits":          strings.Replace(good, `"version":1`, `"version":99999999999999999999`, 1),
		"not UTF-8":                  strings.Replace(good, `"version":1`, "\"\xff\":1,\"version\":1", 1),
		"deep":                       strings.Repeat("[", 100000),
		"a signature that is no hex": strings.Replace(good, `"sig":"`, `"sig":"zz`, 1),
		"an unknown member added":    strings.Replace(good, `"version":1`, `"extra":1,"version":1`, 1),
		"null":                       "null",
	} {
		if _, err := NewSet([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestUnknownMembers: what this version does not know is covered by the
// signature all the same, and no reason to refuse.
func TestUnknownMembers(t *testing.T) {
	r := newRepo(t)
	r.docs[RootRole]["x-note"] = object{"list": []any{nil, true, int64(-3), "<\u2028>"}}
	docs := r.sign(t)
	if _, err := accept(docs); err != nil {
		t.Fatal(err)
	}
	docs[RootRole] = bytes.Replace(docs[RootRole], []byte("-3"), []byte("-4"), 1)
	if _, err := accept(docs); err == nil {
		t.Error("a changed member passed")
	}
}

func TestRootChain(t *testing.T) {
	r := newRepo(t)
	s, err := NewSet(r.sign(t)[RootRole])
	if err != nil {
		t.Fatal(err)
	}
	s.Now = now
	next := newSigner(t, "ed25519")
	r.docs[RootRole]["version"] = int64(2)
	keys, holders := r.docs[RootRole]["keys"].(object), role(r, RootRole)
	keys[next.id] = next.meta
	holders["keyids"] = []any{r.a.id, r.b.id, next.id}
	if err := s.UpdateRoot(document(t, r.docs[RootRole], r.a, next)); err == nil || !strings.Contains(err.Error(), "root before it") {
		t.Errorf("by one old and one new key: %v", err)
	}
	if err := s.UpdateRoot(document(t, r.docs[RootRole], r.b, r.c)); err == nil || !strings.Contains(err.Error(), "its own keys") {
		t.Errorf("without enough of its own keys: %v", err)
	}
	two := document(t, r.docs[RootRole], r.a, r.b)
	if err := s.UpdateRoot(two); err != nil {
		t.Fatal(err)
	}
	if err := s.UpdateRoot(two); err == nil {
		t.Error("the same version again")
	}
	r.docs[RootRole]["version"] = int64(4)
	if err := s.UpdateRoot(document(t, r.docs[RootRole], r.a, r.b)); err == nil {
		t.Error("a version left out")
	}
}

func TestNothingOlder(t *testing.T) {
	r := newRepo(t)
	r.docs[TimestampRole]["version"] = int64(5)
	docs := r.sign(t)
	s, err := NewSet(docs[RootRole])
	if err != nil {
		t.Fatal(err)
	}
	s.Now = now
	if err := s.UpdateTimestamp(docs[TimestampRole]); err != nil {
		t.Fatal(err)
	}
	if err := s.UpdateTimestamp(docs[TimestampRole]); !errors.Is(err, ErrSameVersion) {
		t.Errorf("%v", err)
	}
	r.docs[TimestampRole]["version"] = int64(4)
	if err := s.UpdateTimestamp(r.sign(t)[TimestampRole]); err == nil || !strings.Contains(err.Error(), "4 after 5") {
		t.Errorf("%v", err)
	}
	r.docs[TimestampRole]["version"], r.docs[TimestampRole]["expires"] = int64(6), "2029-01-01T00:00:00Z"
	if err := s.UpdateTimestamp(r.sign(t)[TimestampRole]); !errors.Is(err, ErrExpired) || s.Timestamp.Version != 6 {
		t.Errorf("%v, version %d", err, s.Timestamp.Version)
	}
}

// TestPaths: wildcards stop at slashes, prefixes are of the SHA-256 in
// hexadecimal, and bins are named by its first bits.
func TestPaths(t *testing.T) {
	for _, c := range []struct {
		d    delegation
		path string
		want bool
	}{
		{delegation{paths: []string{"models/*"}}, "models/a", true},
		{delegation{paths: []string{"models/*"}}, "models/a/b", false},
		{delegation{paths: []string{"*"}}, "models/a", false},
		{delegation{paths: []string{"models/[ab]?.*"}}, "models/ax.y", true},
		{delegation{paths: []string{"["}}, "[", false},
		{delegation{prefixes: []string{"2c26"}}, "foo", true}, // SHA-256 of "foo" begins 2c26b46b
		{delegation{prefixes: []string{"2c27", ""}}, "foo", true},
		{delegation{prefixes: []string{"2c27"}}, "foo", false},
		{delegation{}, "foo", false},
	} {
		if got := c.d.matches(c.path); got != c.want {
			t.Errorf("%v %v covers %s: %v", c.d.paths, c.d.prefixes, c.path, got)
		}
	}
	for bits, want := range map[int64]string{1: "bin-0", 4: "bin-2", 10: "bin-0b0", 32: "bin-2c26b46b"} {
		if got := (&bins{bits: bits, prefix: "bin"}).role("foo"); got != want {
			t.Errorf("%d bits: %s, want %s", bits, got, want)
		}
	}
}

// FuzzDocuments: no bytes end the program, and what parses has one canonical
// form.
func FuzzDocuments(f *testing.F) {
	docs := newRepo(f).sign(f)
	for _, d := range docs {
		f.Add(d)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for role := range docs {
			changed := map[string][]byte{}
			for r, d := range docs {
				changed[r] = d
			}
			changed[role] = data
			_, _ = accept(changed)
		}
		v, err := parse(data)
		if err != nil {
			return
		}
		again, err := parse(plain(t, v))
		if err != nil || !bytes.Equal(appendCanonical(nil, again), appendCanonical(nil, v)) {
			t.Errorf("%q: %v", data, err)
		}
	})
}

// TestKeyOffItsCurve: a key that is no point of its curve is one that does not
// count, in a document of whoever sits on the line.
func TestKeyOffItsCurve(t *testing.T) {
	r := newRepo(t)
	public := key(r, r.b)["keyval"].(object)["public"].(string)
	block, _ := pem.Decode([]byte(public))
	block.Bytes[len(block.Bytes)-1] ^= 1
	key(r, r.b)["keyval"].(object)["public"] = string(pem.EncodeToMemory(block))
	if _, err := NewSet(r.sign(t)[RootRole]); err != nil {
		t.Errorf("by the two others: %v", err)
	}
	r.c = r.b
	if _, err := NewSet(r.sign(t)[RootRole]); err == nil {
		t.Error("its signature counts")
	}
}
