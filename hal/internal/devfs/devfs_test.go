package devfs

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/dunlin-edge/dunlin/hal"
)

// group is one that is not root's, and may be given to a file by this process.
func group(t *testing.T, path string) (name string, ok bool) {
	t.Helper()
	for _, gid := range []int{os.Getgid(), 44} { // 44 is Debian's video
		if gid == 0 || os.Chown(path, -1, gid) != nil {
			continue
		}
		name = strconv.Itoa(gid)
		if g, err := user.LookupGroupId(name); err == nil {
			name = g.Name
		}
		return name, true
	}
	return "", false
}

// TestExplain: what went wrong with a device comes with what to do.
func TestExplain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "i2c-1")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	words := func(err error) string {
		e := Root("").Explain("I2C bus i2c-1", path, &fs.PathError{Op: "open", Path: path, Err: err})
		if !errors.Is(e, hal.ErrAbsent) || !errors.Is(e, err) {
			t.Errorf("%v: %v", err, e)
		}
		return e.Error()
	}
	if s := words(syscall.EACCES); !strings.Contains(s, "only root may") {
		t.Error(s)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		t.Fatal(err)
	}
	if name, ok := group(t, path); ok {
		if s := words(syscall.EACCES); !strings.Contains(s, "usermod -aG "+name+" USER") || !strings.Contains(s, "SupplementaryGroups="+name) {
			t.Error(s)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s := words(syscall.EBUSY); !strings.Contains(s, "used by devfs.test (pid "+strconv.Itoa(os.Getpid())+")") {
		t.Error(s)
	}
	if s := words(syscall.EROFS); !strings.Contains(s, "ReadWritePaths=-/sys/devices") {
		t.Error(s)
	}
	if s := words(syscall.ENODEV); !strings.Contains(s, "unplugged") {
		t.Error(s)
	}
}
