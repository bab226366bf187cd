package uplink

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/disk"
)

const (
	keyFile      = "device.key"
	identityFile = "identity.json"
)

// ErrNotEnrolled says that a folder holds no identity.
var ErrNotEnrolled = errors.New("this device is not enrolled")

// Enrolled is a device's identity and key.
type Enrolled struct {
	fleet.Identity
	Key *ecdsa.PrivateKey

	mu sync.Mutex // of Identity, which renewal replaces
}

// Load reads the identity that Enroll kept in a folder.
func Load(dir string) (*Enrolled, error) {
	data, err := os.ReadFile(filepath.Join(dir, identityFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s has no %s", ErrNotEnrolled, dir, identityFile)
	}
	if err != nil {
		return nil, fmt.Errorf("load identity: %w", err)
	}
	e := &Enrolled{}
	if err := json.Unmarshal(data, &e.Identity); err != nil {
		return nil, fmt.Errorf("load identity: %w", err)
	}
	if e.Key, err = loadKey(filepath.Join(dir, keyFile)); err != nil {
		return nil, fmt.Errorf("load identity: %w", err)
	}
	return e, e.Check(e.Key)
}

// Enroll gets an identity and keeps it. The key is made and kept first: when
// the answer is lost, asking again with the same token gets another.
func Enroll(ctx context.Context, dir, url string, token fleet.Token, device string) (*Enrolled, error) {
	e, err := ownKey(dir)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	if e.Identity, err = fleet.Enroll(ctx, url, token, device, e.Key); err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	return e, e.save(dir)
}

// ownKey makes the folder of a device that is not enrolled, and its key.
func ownKey(dir string) (e *Enrolled, err error) {
	if err := disk.MakeDir(dir); err != nil {
		return nil, err
	}
	if old, err := Load(dir); err == nil {
		return nil, fmt.Errorf("this device is %s of fleet %s already", old.Device, old.Fleet)
	}
	path := filepath.Join(dir, keyFile)
	e = &Enrolled{}
	e.Key, err = loadKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		e.Key, err = makeKey(path)
	}
	return e, err
}

func (e *Enrolled) save(dir string) error {
	data, err := json.MarshalIndent(e.Identity, "", "  ")
	if err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	if err := disk.Write(filepath.Join(dir, identityFile), data); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	return nil
}

// TLS returns a configuration that shows the certificate of the moment.
func (e *Enrolled) TLS(key *ecdsa.PrivateKey) (*tls.Config, error) {
	config, err := e.Identity.TLS(key)
	if err != nil {
		return nil, err
	}
	config.Certificates = nil
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert, err := e.leaf()
		if err != nil {
			return nil, err
		}
		return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: e.Key, Leaf: cert}, nil
	}
	return config, nil
}

func (e *Enrolled) leaf() (*x509.Certificate, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.Leaf()
}

// Ends is when the certificate expires; zero where it cannot be read.
func (e *Enrolled) Ends() time.Time {
	c, err := e.leaf()
	if err != nil {
		return time.Time{}
	}
	return c.NotAfter
}

func (e *Enrolled) renewAt() time.Time {
	c, err := e.leaf()
	if err != nil {
		return time.Time{}
	}
	return fleet.RenewAt(c)
}

// renew replaces the certificate, on disk first.
func (e *Enrolled) renew(ctx context.Context, dir string) error {
	e.mu.Lock()
	old := e.Identity
	e.mu.Unlock()
	next, err := fleet.Renew(ctx, old, e.Key)
	if err != nil {
		return err
	}
	next.URL = old.URL
	fresh := &Enrolled{Identity: next, Key: e.Key}
	if err := fresh.save(dir); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Identity = next
	return nil
}

func makeKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := fleet.NewKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, disk.Write(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func loadKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is not an ECDSA key", path)
	}
	return key, nil
}
