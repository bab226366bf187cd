package controller

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dunlin-edge/dunlin/fleet/broker"
	"github.com/dunlin-edge/dunlin/ota/release"
)

// timestampKey is the one key of a repository that a controller holds. With
// it, it can tell devices that the release is the newest, and nothing else.
const timestampKey = "timestamp.key"

// errNoRepository is the answer to everything that needs a repository.
var errNoRepository = problem(409, "this controller has no repository of updates", "dunlin-fleet repository create, on the machine that holds the keys")

// repository opens the repository as it stands now.
func (c *Controller) repository() (*release.Repo, error) {
	repo, err := release.Open(c.cfg.Repository, c.cfg.Now)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoRepository
	}
	return repo, err
}

// root is what devices are enrolled with: nil without a repository.
func (c *Controller) root() []byte {
	repo, err := c.repository()
	if err != nil {
		if !errors.Is(err, errNoRepository) {
			c.log.Error("repository", "err", err)
		}
		return nil
	}
	data, err := repo.RootJSON()
	if err != nil {
		c.log.Error("repository", "err", err)
	}
	return data
}

// Releases lists what can be assigned: no deltas, no reports.
func (c *Controller) Releases() ([]release.Released, error) {
	repo, err := c.repository()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(repo.Released(), func(r release.Released) bool { return r.Custom.Kind != "bundle" && r.Custom.Kind != "agent" }), nil
}

// artifacts serves the repository to devices of this fleet. What is in it is
// signed; the certificate keeps models from strangers.
func (c *Controller) artifacts() http.Handler {
	files := http.StripPrefix("/updates/", http.FileServer(http.Dir(c.cfg.Repository)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || c.ca.check(r.TLS.PeerCertificates[0], broker.RoleDevice, 0) != nil {
			writeError(w, problem(403, "updates are for the devices of this fleet", ""))
			return
		}
		err := notRevoked(r.Context(), c.store.db, r.TLS.PeerCertificates[0])
		if err != nil {
			writeError(w, err)
			return
		}
		if p := filepath.Base(r.URL.Path); p == "updates" || p[0] == '.' || r.URL.Path[len(r.URL.Path)-1] == '/' {
			http.NotFound(w, r) // no listings, no lock file
			return
		}
		// A bundle may take its time on a slow line; the device has a minimum rate.
		_ = http.NewResponseController(w).SetWriteDeadline(c.now().Add(6 * time.Hour)) // no deadline to lift otherwise
		files.ServeHTTP(w, r)
	})
}

// signTimestamps keeps the release installable: the timestamp is signed again
// when half of its life is over, and whenever none is there.
func (c *Controller) signTimestamps(ctx context.Context) {
	for ctx.Err() == nil {
		if err := c.signTimestamp(); err != nil {
			c.log.Error("timestamp of the repository", "err", err, "hint", "devices install nothing new once it has expired")
		}
		pauseFor(ctx, time.Hour)
	}
}

func (c *Controller) signTimestamp() error {
	key, err := release.ReadKey(filepath.Join(c.cfg.Dir, timestampKey))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is signed elsewhere, or there is none
	}
	if err != nil {
		return err
	}
	repo, err := c.repository()
	if errors.Is(err, errNoRepository) {
		return nil
	}
	if err != nil {
		return err
	}
	if repo.TimestampExpires().Sub(c.now()) > release.TimestampValidity/2 {
		return nil
	}
	err = repo.SignTimestamp(release.Ring{key})
	if errors.Is(err, release.ErrChanged) {
		return nil // whoever changed it has signed one
	}
	return err
}

// ImportTimestampKey copies the online key of a ceremony into a state folder.
func ImportTimestampKey(dir, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, timestampKey), data, 0o600)
}
