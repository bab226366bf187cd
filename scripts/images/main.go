// Command images builds OCI image layouts of the agent and of the controller
// for every architecture, without a container engine: dist/images/dunlin and
// dist/images/dunlin-fleet. The same commit gives the same bytes.
//
//	VERSION=1.2.0 go run .
//	skopeo copy --all oci:dist/images/dunlin docker://registry.example.org/dunlin:1.2.0
//
// An image holds the one program, the root certificates of Mozilla, a user
// without a name elsewhere, and the folders it writes to; no shell.
package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is who a container runs as: no one elsewhere.
const user = 65532

// An image is what differs between the two.
type image struct {
	program string
	title   string
	args    []string
	ports   []string
	state   string // folder that is kept
}

var images = []image{
	{"dunlin", "Dunlin edge inference agent", []string{"run"}, []string{"8321/tcp"}, "var/lib/dunlin"},
	{"dunlin-fleet", "Dunlin fleet controller", []string{"--dir", "/var/lib/dunlin-fleet", "serve"}, []string{"8443/tcp", "8883/tcp", "8480/tcp"}, "var/lib/dunlin-fleet"},
}

var platforms = []v1.Platform{
	{OS: "linux", Architecture: "amd64"},
	{OS: "linux", Architecture: "arm64"},
	{OS: "linux", Architecture: "arm", Variant: "v6"},
	{OS: "linux", Architecture: "riscv64"},
}

func main() {
	out := flag.String("o", "../../dist/images", "write the layouts into this folder")
	only := flag.String("arch", "", "only this architecture, such as arm64")
	flag.Parse()
	if err := run(*out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(out, only string) error {
	version, made, err := stamp()
	if err != nil {
		return err
	}
	for _, im := range images {
		var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
		for _, p := range platforms {
			if only != "" && p.Architecture != only {
				continue
			}
			one, err := im.build(p, version, made)
			if err != nil {
				return fmt.Errorf("%s for %s: %w", im.program, p.String(), err)
			}
			index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: one, Descriptor: v1.Descriptor{MediaType: types.OCIManifestSchema1, Platform: &p}})
		}
		path := filepath.Join(out, im.program)
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		if _, err := layout.Write(path, index); err != nil {
			return err
		}
		if err := check(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// stamp is the version and the commit's time.
func stamp() (version string, made time.Time, err error) {
	version = strings.TrimPrefix(os.Getenv("VERSION"), "v")
	if version == "" {
		n, err := exec.Command("git", "rev-list", "--count", "HEAD").Output()
		if err != nil {
			return "", made, fmt.Errorf("set VERSION, or run in the repository: %w", err)
		}
		version = "0.1.0-dev." + strings.TrimSpace(string(n))
	}
	at := os.Getenv("SOURCE_DATE_EPOCH")
	if at == "" {
		t, err := exec.Command("git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return "", made, fmt.Errorf("set SOURCE_DATE_EPOCH, or run in the repository: %w", err)
		}
		at = strings.TrimSpace(string(t))
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	return version, time.Unix(seconds, 0).UTC(), err
}

// build makes the image of one platform: one layer, and what to run.
func (im image) build(p v1.Platform, version string, made time.Time) (v1.Image, error) {
	program, err := im.compile(p, version)
	if err != nil {
		return nil, err
	}
	files, err := im.layer(program, made)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil }, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	one, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), mutate.Addendum{
		Layer: layer, History: v1.History{Created: v1.Time{Time: made}, CreatedBy: "scripts/images"},
	})
	if err != nil {
		return nil, err
	}
	file, err := one.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.Created, file.OS, file.Architecture, file.Variant = v1.Time{Time: made}, p.OS, p.Architecture, p.Variant
	ports := map[string]struct{}{}
	for _, port := range im.ports {
		ports[port] = struct{}{}
	}
	file.Config = v1.Config{
		User: fmt.Sprintf("%d:%d", user, user), WorkingDir: "/" + im.state, ExposedPorts: ports, StopSignal: "SIGTERM",
		Entrypoint: []string{"/usr/bin/" + im.program}, Cmd: im.args, Volumes: map[string]struct{}{"/" + im.state: {}},
		Labels: map[string]string{
			"org.opencontainers.image.title": im.title, "org.opencontainers.image.version": version,
			"org.opencontainers.image.source": "https://github.com/dunlin-edge/dunlin", "org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
	return mutate.ConfigFile(one, file)
}

func (im image) compile(p v1.Platform, version string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, im.program)
	tags := ""
	if im.program == "dunlin" {
		tags = "nethttpomithttp2"
	}
	c := exec.Command("go", "build", "-C", "../..", "-trimpath", "-buildvcs=auto", "-tags", tags, "-ldflags", "-s -w -X main.version="+version, "-o", path, "./cmd/"+im.program)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Architecture, "GOARM="+strings.TrimPrefix(p.Variant, "v"))
	if said, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w: %s", err, said)
	}
	return os.ReadFile(path)
}

// layer is the file system as a tar, in a fixed order.
func (im image) layer(program []byte, made time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	var failed error
	add := func(name string, mode int64, owner int, data []byte) {
		h := &tar.Header{Name: name, Mode: mode, Uid: owner, Gid: owner, Size: int64(len(data)), ModTime: made, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if strings.HasSuffix(name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if failed == nil {
			failed = w.WriteHeader(h)
		}
		if failed == nil {
			_, failed = w.Write(data)
		}
	}
	for _, dir := range []string{"etc/", "etc/dunlin/", "etc/ssl/", "etc/ssl/certs/", "usr/", "usr/bin/", "var/", "var/lib/"} {
		add(dir, 0o755, 0, nil)
	}
	add("tmp/", 0o1777, 0, nil)
	add(im.state+"/", 0o700, user, nil)
	add("etc/passwd", 0o644, 0, fmt.Appendf(nil, "root:x:0:0::/:/sbin/nologin\ndunlin:x:%d:%d::/%s:/sbin/nologin\n", user, user, im.state))
	add("etc/group", 0o644, 0, fmt.Appendf(nil, "root:x:0:\ndunlin:x:%d:\n", user))
	add("etc/ssl/certs/ca-certificates.crt", 0o644, 0, roots())
	add("usr/bin/"+im.program, 0o755, 0, program)
	if failed == nil {
		failed = w.Close()
	}
	return out.Bytes(), failed
}

// roots are Mozilla's certificates, without those that hold only for some names.
func roots() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return out.Bytes()
}

// check reads a layout again and compares every digest and size.
func check(path string) error {
	index, err := layout.ImageIndexFromPath(path)
	if err != nil {
		return err
	}
	if err := validate.Index(index); err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	fmt.Printf("%s %s\n", path, digest)
	for _, m := range manifest.Manifests {
		one, err := index.Image(m.Digest)
		if err != nil {
			return err
		}
		layers, err := one.Layers()
		if err != nil {
			return err
		}
		size := int64(0)
		for _, l := range layers {
			n, err := l.Size()
			if err != nil {
				return err
			}
			size += n
		}
		fmt.Printf("  %-14s %6.2f MB compressed\n", m.Platform, float64(size)/1e6)
	}
	return nil
}
