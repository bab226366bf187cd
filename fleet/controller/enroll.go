package controller

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/broker"
)

// TokenOptions describe an enrolment token.
type TokenOptions struct {
	Uses   int           // devices it enrols; 0: one
	Life   time.Duration // 0: 24 h
	Labels map[string]string
	// Listed enrols only devices that were allowed by name; others wait for it.
	// Such a token may be part of an image.
	Listed bool
}

// NewToken makes an enrolment token. Only a hash of it is kept.
func (c *Controller) NewToken(ctx context.Context, author string, o TokenOptions) (string, error) {
	if o.Uses == 0 {
		o.Uses = 1
	}
	if o.Life == 0 {
		o.Life = 24 * time.Hour
	}
	if o.Uses < 1 || o.Uses > 1_000_000 || o.Life < time.Minute {
		return "", problem(400, "uses: 1 to 1,000,000; life: a minute at least", "")
	}
	t := fleet.Token{CA: c.ca.pin()}
	_, _ = rand.Read(t.Secret[:]) // never fails
	labels, err := json.Marshal(orEmpty(o.Labels))
	if err != nil {
		return "", err
	}
	now := c.now()
	err = c.store.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO tokens (hash, created, expires, uses, labels, listed) VALUES ($1, $2, $3, $4, $5, $6)`,
			hashSecret(t.Secret), ms(now), ms(now.Add(o.Life)), o.Uses, string(labels), int64(one(o.Listed))); err != nil {
			return err
		}
		return audit(ctx, tx, now, author, "token.create", hashSecret(t.Secret)[:12], fmt.Sprintf("uses %d, life %s, listed %t", o.Uses, o.Life, o.Listed))
	})
	if err != nil {
		return "", fmt.Errorf("new token: %w", err)
	}
	return t.String(), nil
}

func hashSecret(secret [16]byte) string {
	sum := sha256.Sum256(secret[:])
	return hex.EncodeToString(sum[:])
}

func keyHash(spki []byte) string {
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:])
}

// errToken is the one answer to every token that does not count: guessing
// learns nothing from it.
var errToken = problem(403, "the token is unknown, used up or expired", "make a new one: dunlin-fleet token")

// enroll gives a device its certificate. The same device asking again with the
// same key, because an answer was lost, gets another one without a use.
func (c *Controller) enroll(ctx context.Context, r fleet.EnrollRequest) (fleet.Identity, error) {
	if err := c.knowsBroker(ctx); err != nil {
		return fleet.Identity{}, err
	}
	csr, err := parseCSR([]byte(r.CSR))
	if err != nil {
		return fleet.Identity{}, problem(400, err.Error(), "")
	}
	cert, err := c.ca.leaf(csr.Subject.CommonName, broker.RoleDevice, nil, deviceLife, csr.PublicKey)
	if err != nil {
		return fleet.Identity{}, err
	}
	waits := false
	err = c.store.tx(ctx, func(tx *sql.Tx) error {
		err := c.admit(ctx, tx, r.Secret, cert)
		if waits = errors.Is(err, errPending); waits {
			return nil // that it asked is kept
		}
		return err
	})
	if err == nil && waits {
		err = errPending
	}
	if err != nil {
		return fleet.Identity{}, err
	}
	return c.identity(cert), nil
}

func (c *Controller) admit(ctx context.Context, tx *sql.Tx, secret [16]byte, cert *x509.Certificate) error {
	id, key, now := cert.Subject.CommonName, keyHash(cert.RawSubjectPublicKeyInfo), c.now()
	var expires, uses, listed int64
	var labels string
	err := tx.QueryRowContext(ctx, `SELECT expires, uses, labels, listed FROM tokens WHERE hash = $1`, hashSecret(secret)).Scan(&expires, &uses, &labels, &listed)
	if errors.Is(err, sql.ErrNoRows) || err == nil && ms(now) > expires {
		return errToken
	} else if err != nil {
		return err
	}
	var known string
	var revoked int64
	err = tx.QueryRowContext(ctx, `SELECT key_hash, revoked FROM devices WHERE id = $1`, id).Scan(&known, &revoked)
	switch {
	case err == nil && revoked == 0 && known == key:
		return c.record(ctx, tx, cert, "device.enroll-again")
	case err == nil:
		return problem(409, fmt.Sprintf("a device %s is enrolled already, with another key", id), "another device has this name, or this one lost its key: dunlin-fleet devices rm "+id)
	case !errors.Is(err, sql.ErrNoRows):
		return err
	case uses < 1:
		return errToken
	}
	if listed != 0 {
		if labels, err = c.allowed(ctx, tx, id, key, hashSecret(secret), labels); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE tokens SET uses = uses - 1 WHERE hash = $1`, hashSecret(secret)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO devices (id, created, key_hash, serial, not_after, labels) VALUES ($1, $2, $3, '', 0, $4)`, id, ms(now), key, labels); err != nil {
		return err
	}
	return c.record(ctx, tx, cert, "device.enroll")
}

// record notes a device's newest certificate.
func (c *Controller) record(ctx context.Context, tx *sql.Tx, cert *x509.Certificate, action string) error {
	id := cert.Subject.CommonName
	if _, err := tx.ExecContext(ctx, `UPDATE devices SET serial = $1, not_after = $2, key_hash = $3, returns = 0 WHERE id = $4`,
		cert.SerialNumber.String(), ms(cert.NotAfter), keyHash(cert.RawSubjectPublicKeyInfo), id); err != nil {
		return err
	}
	return audit(ctx, tx, c.now(), "device "+id, action, id, "certificate "+cert.SerialNumber.String())
}

func (c *Controller) identity(cert *x509.Certificate) fleet.Identity {
	return fleet.Identity{
		Device: cert.Subject.CommonName, Fleet: c.cfg.Fleet, Certificate: string(certToPEM(cert.Raw)), CA: string(c.ca.pem()),
		Root: c.root(), Broker: c.brokerURL(), Prefix: c.cfg.Prefix, Director: c.director.Public().(ed25519.PublicKey),
	}
}

// renew gives a device its next certificate, for the key it proves to hold or a
// new one. An expired certificate counts for three years, a revoked one never.
func (c *Controller) renew(ctx context.Context, shown *x509.Certificate, csrPEM string) (fleet.Identity, error) {
	if err := c.knowsBroker(ctx); err != nil {
		return fleet.Identity{}, err
	}
	if err := c.ca.check(shown, broker.RoleDevice, renewableTo); err != nil {
		return fleet.Identity{}, problem(403, "the certificate is not one of this fleet's devices: "+err.Error(), "enrol again with a new token")
	}
	csr, err := parseCSR([]byte(csrPEM))
	if err != nil {
		return fleet.Identity{}, problem(400, err.Error(), "")
	}
	if csr.Subject.CommonName != shown.Subject.CommonName {
		return fleet.Identity{}, problem(400, "the request names another device than the certificate", "")
	}
	cert, err := c.ca.leaf(csr.Subject.CommonName, broker.RoleDevice, nil, deviceLife, csr.PublicKey)
	if err != nil {
		return fleet.Identity{}, err
	}
	err = c.store.tx(ctx, func(tx *sql.Tx) error {
		if err := notRevoked(ctx, tx, shown); err != nil {
			return err
		}
		return c.record(ctx, tx, cert, "device.renew")
	})
	if err != nil {
		return fleet.Identity{}, err
	}
	return c.identity(cert), nil
}

func notRevoked(ctx context.Context, tx interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, cert *x509.Certificate) error {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM revocations WHERE serial = $1) + (SELECT 1 - count(*) FROM devices WHERE id = $2 AND revoked = 0)`,
		cert.SerialNumber.String(), cert.Subject.CommonName).Scan(&n)
	if err == nil && n != 0 {
		return problem(403, "the certificate was revoked", "enrol again with a new token")
	}
	return err
}

// Revoke locks a device out, now and for good; its name may enrol again after
// Remove.
func (c *Controller) Revoke(ctx context.Context, author, id string) error {
	return c.lockOut(ctx, author, id, "device.revoke", `UPDATE devices SET revoked = $1, online = 0 WHERE id = $2`)
}

// Remove forgets a device and locks its certificates out. Its telemetry stays
// until its retention ends.
func (c *Controller) Remove(ctx context.Context, author, id string) error {
	return c.lockOut(ctx, author, id, "device.remove", `DELETE FROM devices WHERE CAST($1 AS BIGINT) > 0 AND id = $2`)
}

func (c *Controller) lockOut(ctx context.Context, author, id, action, query string) error {
	now := c.now()
	err := c.store.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO revocations (serial, device, at) SELECT serial, id, CAST($1 AS BIGINT) FROM devices WHERE id = $2 ON CONFLICT DO NOTHING`, ms(now), id)
		if err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, query, ms(now), id)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, problem(404, "no device "+id, "dunlin-fleet devices lists them"))
		}
		if _, err := tx.ExecContext(ctx, `UPDATE assigned SET state = 'gone', since = $1 WHERE device = $2 AND state IN ('waiting', 'sent', 'updating')`, ms(now), id); err != nil {
			return err
		}
		return audit(ctx, tx, now, author, action, id, "")
	})
	if err == nil {
		c.brokerRevoke(ctx)
	}
	return err
}

func (c *Controller) revokedSerials(ctx context.Context) ([]string, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT serial FROM revocations`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []string{}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}
