package trust

import (
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"github.com/dunlin-edge/dunlin/ota/disk"
)

// cache keeps verified metadata between refreshes. It is only ever a saving:
// whatever it returns is verified again, and what does not verify is dropped
// and fetched anew.
type cache struct {
	dir string
	log *slog.Logger
}

func (c *cache) path(role string) string {
	return filepath.Join(c.dir, url.PathEscape(role)+".json")
}

func (c *cache) get(role string, limit int64) []byte {
	data, err := disk.Read(c.path(role), limit)
	if err != nil {
		return nil
	}
	return data
}

func (c *cache) put(role string, data []byte) error { return disk.Write(c.path(role), data) }

// drop forgets metadata that is damaged or no longer trusted.
func (c *cache) drop(role string, why error) {
	c.log.Warn("cached metadata dropped, it is fetched again", "role", role, "reason", why)
	if err := os.Remove(c.path(role)); err != nil {
		c.log.Warn("cached metadata not removed", "role", role, "reason", err)
	}
}
