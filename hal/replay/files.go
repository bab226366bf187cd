package replay

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// list returns the recordings at path: itself if it is a file, otherwise the
// files below it with one of the extensions, sorted by path.
func list(path string, extensions ...string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return []string{path}, nil
	}
	var found []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || !slices.Contains(extensions, strings.ToLower(filepath.Ext(p))) {
			return nil
		}
		if found = append(found, p); len(found) > MaxFiles {
			return fmt.Errorf("%s: more than %d files", path, MaxFiles)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no files ending in %s", path, strings.Join(extensions, ", "))
	}
	slices.Sort(found)
	return found, nil
}
