package controller

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/dunlin-edge/dunlin/ota/release"
)

// Bounds of the report of a release, and of what is quoted from it, in bytes.
const (
	maxReport = 8 << 20
	maxQuoted = 200
)

// forced says who released a bundle that missed its thresholds, and why, as its
// signed report has it; "" where it missed none or has no report.
func forced(repo *release.Repo, path string) (string, error) {
	for _, r := range repo.Released() {
		if r.Path != path+".report" || r.Custom.Kind != "report" {
			continue
		}
		name, err := repo.File(r)
		if err != nil {
			return "", err
		}
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("report of %s: %w", path, err)
		}
		defer f.Close()
		var said struct{ Forced, Approver string }
		if err := json.NewDecoder(io.LimitReader(f, maxReport)).Decode(&said); err != nil {
			return "", problem(409, fmt.Sprintf("the report of %s cannot be read: %v", path, err), "")
		}
		if said.Forced == "" {
			return "", nil
		}
		return fmt.Sprintf("it missed its thresholds and was released all the same, %.*q answering for it: %.*q", maxQuoted, said.Approver, maxQuoted, said.Forced), nil
	}
	return "", nil
}
