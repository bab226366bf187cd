package tuf

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Targets lists files that may be installed, and roles that may list more.
type Targets struct {
	Header
	Files map[string]TargetFile

	keys  map[string]*Key
	roles []delegation
	bins  *bins
}

// TargetFile is one file, with what its signers say about it.
type TargetFile struct {
	File
	Custom []byte // JSON, nil where there is none
}

// delegation is a role that this one trusts with some paths.
type delegation struct {
	name string
	Role
	terminating bool
	paths       []string // patterns
	prefixes    []string // of the path's SHA-256, in hexadecimal
}

// bins are delegations that share all paths evenly ("succinct", TAP 15).
type bins struct {
	Role
	bits   int64 // 2^bits roles
	prefix string
}

func readTargets(data []byte) (*Targets, error) {
	r, h, err := open(data, TargetsRole)
	if err != nil {
		return nil, err
	}
	t := &Targets{Header: h, Files: objects(r, "targets", readFile)}
	if d, ok := optional[object](r, "delegations", "an object"); ok {
		within(r, "delegations", d, t.readDelegations)
	}
	return t, r.err
}

func readFile(r *reader) TargetFile {
	f := TargetFile{File: File{Length: r.atLeast("length", 0), Hashes: readHashes(r)}}
	if c, ok := r.object["custom"]; ok {
		f.Custom, _ = json.Marshal(c) // of what was parsed from JSON
	}
	return f
}

func (t *Targets) readDelegations(r *reader) bool {
	t.keys = objects(r, "keys", readKey)
	list, _ := optional[[]any](r, "roles", "an array")
	for i, v := range list {
		t.roles = append(t.roles, within(r, fmt.Sprintf("role %d", i), v, readDelegation))
	}
	seen := map[string]bool{}
	for _, d := range t.roles {
		if seen[d.name] && r.err == nil {
			r.err = fmt.Errorf("role %.80q twice", d.name)
		}
		seen[d.name] = true
	}
	if succinct, ok := optional[object](r, "succinct_roles", "an object"); ok {
		b := within(r, "succinct_roles", succinct, readBins)
		t.bins = &b
		if len(t.roles) > 0 && r.err == nil {
			r.err = errors.New("both roles and succinct_roles")
		}
	}
	return true
}

func readDelegation(r *reader) delegation {
	d := delegation{name: r.text("name"), Role: readRole(r), terminating: member[bool](r, "terminating", "true or false")}
	if (d.name == "" || topLevel(d.name)) && r.err == nil {
		r.err = fmt.Errorf("no delegated role can be named %q", d.name)
	}
	_, hasPaths := r.object["paths"]
	_, hasPrefixes := r.object["path_hash_prefixes"]
	switch {
	case hasPaths && hasPrefixes:
		r.fail("paths", "alone: there are path_hash_prefixes too")
	case hasPaths:
		d.paths = r.texts("paths")
	case hasPrefixes:
		d.prefixes = r.texts("path_hash_prefixes")
	}
	return d
}

func readBins(r *reader) bins {
	b := bins{Role: readRole(r), bits: r.atLeast("bit_length", 1), prefix: r.text("name_prefix")}
	if b.bits > 32 {
		r.fail("bit_length", "at most 32")
	}
	return b
}

// matches tells whether the delegation covers a target.
func (d *delegation) matches(target string) bool {
	for _, p := range d.paths {
		if matchPath(p, target) {
			return true
		}
	}
	sum := sha256.Sum256([]byte(target))
	for _, p := range d.prefixes {
		if strings.HasPrefix(hex.EncodeToString(sum[:]), p) {
			return true
		}
	}
	return false
}

// matchPath matches a shell pattern whose wildcards stop at slashes.
func matchPath(pattern, target string) bool {
	ok, err := path.Match(pattern, target)
	return ok && err == nil
}

// role is the bin of a target: the first bits of its SHA-256, in as many
// hexadecimal digits as the last bin needs.
func (b *bins) role(target string) string {
	sum := sha256.Sum256([]byte(target))
	bin := binary.BigEndian.Uint32(sum[:]) >> (32 - b.bits)
	return fmt.Sprintf("%s-%0*x", b.prefix, (b.bits+3)/4, bin)
}

// Delegation names a role that covers a target.
type Delegation struct {
	Role        string
	Terminating bool // no role behind this one may decide
}

// Delegations returns the roles that cover a target, in order.
func (t *Targets) Delegations(target string) []Delegation {
	if t.bins != nil {
		return []Delegation{{t.bins.role(target), true}}
	}
	var covering []Delegation
	for i := range t.roles {
		if d := &t.roles[i]; d.matches(target) {
			covering = append(covering, Delegation{d.name, d.terminating})
		}
	}
	return covering
}

// Signers returns the ids of the keys that may sign a delegated role, sorted.
func (t *Targets) Signers(role string) []string {
	for i := range t.roles {
		if t.roles[i].name == role {
			return slices.Sorted(slices.Values(t.roles[i].KeyIDs))
		}
	}
	return nil
}

// verify tells whether a delegated role's document is signed as its delegator
// demands.
func (t *Targets) verify(role string, h *Header) error {
	if t.bins != nil {
		return t.bins.verify(t.keys, h)
	}
	for i := range t.roles {
		if t.roles[i].name == role {
			return t.roles[i].Role.verify(t.keys, h)
		}
	}
	return errors.New("not delegated here")
}
