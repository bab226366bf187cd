package guard

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"
)

// checkSemver wants a version of semver.org 2.0.0 that is fit for a file name.
func checkSemver(s string) error {
	if v := "v" + s; len(s) > 64 || semver.Canonical(v)+semver.Build(v) != v {
		return fmt.Errorf("version %.100q: want MAJOR.MINOR.PATCH", s)
	}
	return nil
}

// newer tells whether version a is later than b. A b that is no version is a
// developer's build, which every release replaces.
func newer(a, b string) bool {
	b = "v" + strings.TrimPrefix(b, "v")
	return !semver.IsValid(b) || semver.Compare("v"+a, b) > 0
}
