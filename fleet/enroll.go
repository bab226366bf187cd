package fleet

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Token lets a device enrol. It carries the hash of the CA's public key, so
// the device knows the right controller before it trusts any.
type Token struct {
	Secret [16]byte
	CA     [32]byte // sha256 of the CA's SubjectPublicKeyInfo
}

const tokenHead = "dunlin-"

// String returns the token as people copy it.
func (t Token) String() string {
	return tokenHead + base64.RawURLEncoding.EncodeToString(append(t.Secret[:], t.CA[:]...))
}

// ParseToken reads a token.
func ParseToken(text string) (Token, error) {
	var t Token
	b, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimPrefix(strings.TrimSpace(text), tokenHead))
	if err != nil || len(b) != len(t.Secret)+len(t.CA) {
		return t, errors.New("token: want dunlin- and 64 characters; was it cut when copied?")
	}
	copy(t.Secret[:], b)
	copy(t.CA[:], b[len(t.Secret):])
	return t, nil
}

// EnrollRequest is what a device posts to /enroll, and without the secret, but
// over TLS with its certificate, to /renew.
type EnrollRequest struct {
	Secret [16]byte `json:"secret"`
	CSR    string   `json:"csr"` // PEM
}

// Identity is what a device gets back, and keeps.
type Identity struct {
	Device      string            `json:"device"`
	Fleet       string            `json:"fleet"`
	URL         string            `json:"url"` // of the controller, as the device reached it
	Broker      string            `json:"broker"`
	Prefix      string            `json:"prefix"`
	Director    ed25519.PublicKey `json:"director"`
	Root        []byte            `json:"root,omitempty"` // root.json of the repository of updates; none: no updates
	CA          string            `json:"ca"`             // PEM
	Certificate string            `json:"certificate"`    // PEM
}

// Check refuses an identity that could not work with key.
func (i Identity) Check(key *ecdsa.PrivateKey) error {
	if len(i.Director) != ed25519.PublicKeySize {
		return errors.New("identity: no director key")
	}
	cert, err := i.Leaf()
	if err != nil {
		return err
	}
	if !key.PublicKey.Equal(cert.PublicKey) || cert.Subject.CommonName != i.Device {
		return errors.New("identity: the certificate is for another key or device")
	}
	return errors.Join(CheckID(i.Device), CheckPrefix(i.Prefix), checkBroker(i.Broker, &tls.Config{}))
}

// Leaf returns the device's certificate.
func (i Identity) Leaf() (*x509.Certificate, error) {
	b, _ := pem.Decode([]byte(i.Certificate))
	if b == nil {
		return nil, errors.New("identity: no certificate")
	}
	return x509.ParseCertificate(b.Bytes)
}

// TLS returns the configuration for connections to broker and controller: our
// certificate shown, the fleet's CA and no other trusted.
func (i Identity) TLS(key *ecdsa.PrivateKey) (*tls.Config, error) {
	cert, err := i.Leaf()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(i.CA)) {
		return nil, errors.New("identity: no CA")
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		RootCAs:      pool,
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}},
	}, nil
}

// NewKey makes a device's key, which never leaves it.
func NewKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// Enroll asks the controller at base ("https://host:8443") for an identity. It
// talks only to a controller whose certificate the token's CA has issued.
func Enroll(ctx context.Context, base string, t Token, id string, key *ecdsa.PrivateKey) (Identity, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true} // pinned below instead
	host, err := hostOf(base)
	if err != nil {
		return Identity{}, err
	}
	config.VerifyConnection = func(s tls.ConnectionState) error { return pinned(s.PeerCertificates, t.CA, host) }
	return request(ctx, base, "/enroll", config, EnrollRequest{Secret: t.Secret}, id, key)
}

// Renew asks for the next certificate, with the one in use, even if it has
// expired.
func Renew(ctx context.Context, i Identity, key *ecdsa.PrivateKey) (Identity, error) {
	config, err := i.TLS(key)
	if err != nil {
		return Identity{}, err
	}
	return request(ctx, i.URL, "/renew", config, EnrollRequest{}, i.Device, key)
}

// RenewAt returns when to begin asking: after two thirds of a certificate's life.
func RenewAt(cert *x509.Certificate) time.Time {
	return cert.NotBefore.Add(cert.NotAfter.Sub(cert.NotBefore) * 2 / 3)
}

// pinned accepts a chain that ends in the CA with this key.
func pinned(chain []*x509.Certificate, ca [32]byte, host string) error {
	pool, rest := x509.NewCertPool(), x509.NewCertPool()
	found := false
	for _, c := range chain {
		if sha256.Sum256(c.RawSubjectPublicKeyInfo) == ca && c.IsCA {
			pool.AddCert(c)
			found = true
		} else {
			rest.AddCert(c)
		}
	}
	if !found || len(chain) == 0 {
		return errors.New("this is not the controller that made the token (its CA differs)")
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: pool, Intermediates: rest, DNSName: host})
	return err
}

func hostOf(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return "", fmt.Errorf("controller %.100q: want https://host:port", base)
	}
	return u.Hostname(), nil
}

// request posts a CSR and checks what comes back.
func request(ctx context.Context, base, path string, config *tls.Config, r EnrollRequest, id string, key *ecdsa.PrivateKey) (Identity, error) {
	if err := CheckID(id); err != nil {
		return Identity{}, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: id}}, key)
	if err != nil {
		return Identity{}, fmt.Errorf("certificate request: %w", err)
	}
	r.CSR = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}))
	i, err := post(ctx, strings.TrimSuffix(base, "/")+path, config, r)
	if err != nil {
		return Identity{}, err
	}
	i.URL = base
	return i, i.Check(key)
}

func post(ctx context.Context, address string, config *tls.Config, r EnrollRequest) (Identity, error) {
	var i Identity
	body, err := json.Marshal(r)
	if err != nil {
		return i, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return i, err
	}
	req.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return i, fmt.Errorf("ask the controller: %w", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return i, fmt.Errorf("ask the controller: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return i, refusal(resp.StatusCode, data)
	}
	if err := json.Unmarshal(data, &i); err != nil {
		return i, fmt.Errorf("read the controller's answer: %w", err)
	}
	return i, nil
}

// Refusal is the controller's no, as its interface gives it (RFC 9457), with what
// to do next.
type Refusal struct {
	Status int    `json:"-"` // of HTTP
	Title  string `json:"title"`
	Hint   string `json:"hint,omitempty"`
}

func (r *Refusal) Error() string { return fmt.Sprintf("the controller refuses: %s", r.Title) }

func refusal(status int, data []byte) *Refusal {
	r := &Refusal{}
	if json.Unmarshal(data, r) != nil || r.Title == "" {
		r.Title = "an answer that is not this controller's"
	}
	r.Status, r.Title, r.Hint = status, printable(r.Title), printable(r.Hint)
	return r
}

// printable keeps control characters of others out of terminals and logs.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s[:min(len(s), maxText)])
}
