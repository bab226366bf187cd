// Command tufconformance lets theupdateframework/tuf-conformance test ota's
// client. It is built from the repository and not shipped. With the suite's
// repository as working folder:
//
//	go build -o tuf-client github.com/dunlin-edge/dunlin/scripts/tufconformance
//	cp DUNLIN/scripts/tufconformance/xfails tuf-client.xfails
//	pytest tuf_conformance --entrypoint ./tuf-client
//
// One failure is expected: a target with a SHA-512 alone is refused, because
// blobs and assignments are named by SHA-256.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

type names []string

func (n *names) String() string     { return strings.Join(*n, " ") }
func (n *names) Set(s string) error { *n = append(*n, s); return nil }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "tufconformance:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("metadata-dir", "", "")
	metadata := flag.String("metadata-url", "", "")
	targets := flag.String("target-base-url", "", "")
	out := flag.String("target-dir", "", "")
	var want names
	flag.Var(&want, "target-name", "")
	flag.Parse()
	switch flag.Arg(0) {
	case "init":
		return start(*dir, flag.Arg(1))
	case "refresh", "download":
		s, err := open(*dir, *metadata)
		if err != nil {
			return err
		}
		defer export(*dir)
		if err := s.Refresh(context.Background()); err != nil || flag.Arg(0) == "refresh" {
			return err
		}
		return download(s, *targets, *out, want)
	}
	return errors.New("want init, refresh or download")
}

// state holds the store's own files beside the suite's copies.
func state(dir string) string { return filepath.Join(dir, "dunlin") }

func start(dir, root string) error {
	data, err := os.ReadFile(root)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(state(dir), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "root.json"), data, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(state(dir), "given.json"), data, 0o600)
}

func open(dir, base string) (*trust.Store, error) {
	root, err := os.ReadFile(filepath.Join(state(dir), "given.json"))
	if err != nil {
		return nil, err
	}
	web, err := fetch.NewWeb(fetch.WebConfig{URL: base, Retries: -1})
	if err != nil {
		return nil, err
	}
	now, err := clock()
	if err != nil {
		return nil, err
	}
	return trust.Open(trust.Config{
		Dir: state(dir), Root: root,
		Fetch: func(ctx context.Context, name string, limit int64) ([]byte, error) {
			return fetch.Small(ctx, web, name, limit)
		},
		Clock: func() (time.Time, bool) { return now, true },
	})
}

// clock asks date, because faketime does not reach Go.
func clock() (time.Time, error) {
	text, err := exec.Command("date", "+%s").Output()
	if err != nil {
		return time.Time{}, err
	}
	sec, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return time.Unix(sec, 0), err
}

// export copies the verified metadata to where the suite looks.
func export(dir string) {
	files, _ := filepath.Glob(filepath.Join(state(dir), "metadata", "*.json"))
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil {
			os.WriteFile(filepath.Join(dir, filepath.Base(f)), data, 0o600)
		}
	}
}

func download(s *trust.Store, base, out string, want []string) error {
	web, err := fetch.NewWeb(fetch.WebConfig{URL: base, Retries: -1})
	if err != nil {
		return err
	}
	blobs, err := fetch.OpenBlobs(fetch.BlobsConfig{
		Dir: filepath.Join(out, ".blobs"), Free: 1,
		Wait: func(context.Context, time.Duration) error { return errors.New("one try only") },
	})
	if err != nil {
		return err
	}
	for _, name := range want {
		t, err := s.Target(context.Background(), name)
		if err != nil {
			return err
		}
		local := filepath.Join(out, url.PathEscape(name))
		if data, err := os.ReadFile(local); err == nil && sha256.Sum256(data) == t.SHA256 {
			continue
		}
		path, err := blobs.Fetch(context.Background(), web, fetch.Want{Name: s.FileName(t), Length: t.Length, SHA256: t.SHA256})
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(local, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
