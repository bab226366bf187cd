package bundle

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"
)

// checkName accepts names that mean the same file on every system: relative,
// slash-separated, of letters, digits, dot, dash and underscore, with no
// part that is empty or starts with a dot or dash, at most MaxNameBytes.
func checkName(name string) error {
	if name == "" || len(name) > MaxNameBytes {
		return fmt.Errorf("%q: want 1 to %d bytes", name, MaxNameBytes)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || part[0] == '-' {
			return fmt.Errorf("%q: want relative names without empty parts or parts that start with a dot or dash", name)
		}
	}
	for _, r := range name {
		if !letterOrDigit(r) && !strings.ContainsRune("._-/", r) {
			return fmt.Errorf("%q: character %q, want letters, digits, dot, dash, underscore, slash", name, r)
		}
	}
	return nil
}

func letterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func validSlug(s string) bool {
	if len(s) == 0 || len(s) > 64 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, r := range s {
		if r != '-' && (!letterOrDigit(r) || r >= 'A' && r <= 'Z') {
			return false
		}
	}
	return true
}

// validSemver reports whether s is a version of Semantic Versioning 2.0.0
// (semver.org, items 2, 9 and 10) of at most 64 bytes.
func validSemver(s string) bool {
	return len(s) <= 64 && semver.Canonical("v"+s)+semver.Build("v"+s) == "v"+s
}
