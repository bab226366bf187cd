package controller

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// Lives of certificates. A device renews at two thirds of its own.
const (
	caLife      = 20 * 365 * 24 * time.Hour
	deviceLife  = 365 * 24 * time.Hour
	serverLife  = 90 * 24 * time.Hour
	renewableTo = 3 * 365 * 24 * time.Hour // after its end, for devices that slept
)

// authority is the fleet's own CA: whom devices trust, and who they are.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// openAuthority loads the CA of a state folder, or makes it where the folder
// has none. A folder that lost only the key is refused: a new CA would lock
// every device out.
func openAuthority(dir, name string) (*authority, error) {
	certPath, keyPath := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	_, err := os.Stat(certPath)
	if errors.Is(err, fs.ErrNotExist) {
		return newAuthority(certPath, keyPath, name)
	}
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	if _, err := os.Stat(keyPath); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("CA: %s is there but its key %s is not: restore it from the backup; a new CA would lock every device out", certPath, keyPath)
	}
	pair, err := tls.LoadX509KeyPair(certPath, keyPath)
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	return &authority{pair.Leaf, pair.PrivateKey.(crypto.Signer)}, nil
}

func newAuthority(certPath, keyPath, name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name + " fleet CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	keyPEM, err := keyToPEM(key)
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	// The key first: a certificate without its key is refused above.
	if err := errors.Join(writeFile(keyPath, keyPEM, 0o600), writeFile(certPath, certToPEM(der), 0o644)); err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key}, err
}

// pin is the hash that an enrolment token carries.
func (a *authority) pin() [32]byte { return sha256.Sum256(a.cert.RawSubjectPublicKeyInfo) }

func (a *authority) pem() []byte { return certToPEM(a.cert.Raw) }

// leaf issues a certificate. role goes where broker and controller read it.
func (a *authority) leaf(name, role string, hosts []string, life time.Duration, public crypto.PublicKey) (*x509.Certificate, error) {
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name, OrganizationalUnit: []string{role}},
		NotBefore: now.Add(-24 * time.Hour), // a device's clock may be behind
		NotAfter:  now.Add(life), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	if t.NotAfter.After(a.cert.NotAfter) {
		t.NotAfter = a.cert.NotAfter
	}
	for _, h := range hosts {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, public, a.key)
	if err != nil {
		return nil, fmt.Errorf("issue certificate for %s: %w", name, err)
	}
	return x509.ParseCertificate(der)
}

// pair issues a certificate for a key that it makes, for this process itself.
func (a *authority) pair(name, role string, hosts []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := a.leaf(name, role, hosts, serverLife, key.Public())
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw, a.cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

// check says whether a certificate is one of ours for role, as of a time up to
// late after its end.
func (a *authority) check(cert *x509.Certificate, role string, late time.Duration) error {
	at := time.Now()
	if at.After(cert.NotAfter) && !at.After(cert.NotAfter.Add(late)) {
		at = cert.NotAfter
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		return err
	}
	if ou := cert.Subject.OrganizationalUnit; len(ou) != 1 || ou[0] != role {
		return fmt.Errorf("certificate is not a %s's", role)
	}
	return fleet.CheckID(cert.Subject.CommonName)
}

// parseCSR reads a device's request: its own signature must hold, the key be
// one that every TLS stack takes, and the name a device's.
func parseCSR(data []byte) (*x509.CertificateRequest, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(rest) > 0 {
		return nil, errors.New("certificate request: want one PEM block")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if k, ok := csr.PublicKey.(*ecdsa.PublicKey); !ok || k.Curve != elliptic.P256() {
		return nil, errors.New("certificate request: key is not ECDSA P-256")
	}
	return csr, fleet.CheckID(csr.Subject.CommonName)
}

func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}

func certToPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyToPEM(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// writeFile writes a file that survives a power cut whole or not at all.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
