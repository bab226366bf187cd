// Package devfs reads what the kernel tells of devices, below a root folder, and
// words what went wrong with one for people.
package devfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/dunlin-edge/dunlin/hal"
)

// maxAttr bounds an attribute; sysfs has pages.
const maxAttr = 4096

// Root is the folder that stands for "/"; the empty one is "/" itself.
type Root string

// Path places an absolute path below the root.
func (r Root) Path(elem ...string) string {
	return filepath.Join(append([]string{string(r), "/"}, elem...)...)
}

// Attr reads an attribute without its line end.
func (r Root) Attr(elem ...string) (string, error) {
	f, err := os.Open(r.Path(elem...))
	if err != nil {
		return "", err
	}
	defer f.Close()
	buf := make([]byte, maxAttr)
	n, err := f.Read(buf)
	if err != nil && n == 0 {
		return "", err
	}
	return strings.TrimRight(string(buf[:n]), "\n\x00 "), nil
}

// Open opens a file that is larger than an attribute.
func (r Root) Open(elem ...string) (*os.File, error) { return os.Open(r.Path(elem...)) }

// Float reads a number that is one.
func (r Root) Float(elem ...string) (float64, error) {
	s, err := r.Attr(elem...)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("reading %.20q", s)
	}
	return v, nil
}

// SetAttr writes an attribute.
func (r Root) SetAttr(value string, elem ...string) error {
	f, err := os.OpenFile(r.Path(elem...), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// Explain words why a device could not be used and what to do. What it returns
// is hal.ErrAbsent: the device may come or be freed.
func (r Root) Explain(what, path string, err error) error {
	hint := ""
	switch {
	case errors.Is(err, fs.ErrPermission):
		hint = "; " + r.permission(path)
	case errors.Is(err, syscall.EBUSY):
		hint = "; " + r.holders(path)
	case errors.Is(err, syscall.EROFS):
		hint = "; the service sees this without writing: ReadWritePaths=-/sys/devices in a drop-in of its unit"
	case errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO):
		hint = "; it was unplugged, or its driver let go of it"
	}
	return fmt.Errorf("%w: %s: %w%s", hal.ErrAbsent, what, err, hint)
}

// permission names the group that a device is open to.
func (r Root) permission(path string) string {
	var st syscall.Stat_t
	if syscall.Stat(path, &st) != nil || st.Mode&0o060 == 0 || st.Gid == 0 {
		return "only root may; give its group access by a udev rule"
	}
	name := strconv.Itoa(int(st.Gid))
	if g, err := user.LookupGroupId(name); err == nil {
		name = g.Name
	}
	return "its group may: usermod -aG " + name + " USER, for the service SupplementaryGroups=" + name
}

// holders names the processes that have a device open, as far as this one may
// look.
func (r Root) holders(path string) string {
	links, _ := filepath.Glob(r.Path("proc", "[0-9]*", "fd", "*"))
	found := map[string]bool{}
	for _, l := range links {
		if to, err := os.Readlink(l); err != nil || to != path {
			continue
		}
		pid := filepath.Base(filepath.Dir(filepath.Dir(l)))
		name, err := r.Attr("proc", pid, "comm")
		if err != nil {
			name = "?"
		}
		found[name+" (pid "+pid+")"] = true
	}
	if len(found) == 0 {
		return "another program or driver uses it; see: fuser -v " + path
	}
	var all []string
	for f := range found {
		all = append(all, f)
	}
	sort.Strings(all)
	return "used by " + strings.Join(all, ", ")
}
