package controller

import (
	"context"
	"crypto/x509"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/dunlin-edge/dunlin/fleet/broker"
)

// A Client is a program beside the devices that uses the broker: a dashboard,
// a flow, a historian.
type Client struct {
	Name     string    `json:"name"`
	Role     string    `json:"role"` // reader: what goes up; commander: likewise, and unsigned commands
	Author   string    `json:"author"`
	Created  time.Time `json:"created"`
	CertEnds time.Time `json:"certificate_not_after"`

	// Only for who has just asked for it:
	Certificate string `json:"certificate,omitempty"` // PEM
	CA          string `json:"ca,omitempty"`          // PEM
	Broker      string `json:"broker,omitempty"`
	Prefix      string `json:"prefix,omitempty"` // of topics
}

const (
	clientLife = 365 * 24 * time.Hour
	roleBroker = "broker" // an MQTT broker of your own, which devices believe by its certificate
)

// namesOf are the hosts that a request is for.
func namesOf(csr *x509.CertificateRequest) []string {
	hosts := slices.Clone(csr.DNSNames)
	for _, ip := range csr.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

// NewClient gives a program a certificate for the key of its request, whose
// name is the program's. One of before for the name counts no more.
func (c *Controller) NewClient(ctx context.Context, author, role, csrPEM string, life time.Duration) (Client, error) {
	if life == 0 {
		life = clientLife
	}
	if !slices.Contains([]string{broker.RoleReader, broker.RoleCommander, roleBroker}, role) || life < time.Minute || life > 3*clientLife {
		return Client{}, problem(400, "role: reader, commander or broker; life: a minute to three years", "")
	}
	csr, err := parseCSR([]byte(csrPEM))
	if err != nil {
		return Client{}, problem(400, err.Error(), "")
	}
	name := csr.Subject.CommonName
	if name == controllerName {
		return Client{}, problem(400, "this name is the controller's own", "choose another")
	}
	var hosts []string
	if role == roleBroker {
		if hosts = namesOf(csr); len(hosts) == 0 {
			return Client{}, problem(400, "a broker's certificate names the hosts that devices reach it by", "give --host")
		}
	}
	cert, err := c.ca.leaf(name, role, hosts, life, csr.PublicKey)
	if err != nil {
		return Client{}, err
	}
	now := c.now()
	err = c.store.tx(ctx, func(tx *sql.Tx) error {
		if err := revokeClient(ctx, tx, name, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO clients (name, role, serial, created, not_after, author) VALUES ($1, $2, $3, $4, $5, $6)`,
			name, role, cert.SerialNumber.String(), ms(now), ms(cert.NotAfter), author); err != nil {
			return err
		}
		return audit(ctx, tx, now, author, "client.create", name, fmt.Sprintf("%s, certificate %s", role, cert.SerialNumber))
	})
	if err != nil {
		return Client{}, err
	}
	c.brokerRevoke(ctx)
	return Client{name, role, author, now.UTC(), cert.NotAfter, string(certToPEM(cert.Raw)), string(c.ca.pem()), c.brokerURL(), c.cfg.Prefix}, nil
}

// revokeClient forgets a client and locks its certificate out.
func revokeClient(ctx context.Context, tx *sql.Tx, name string, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO revocations (serial, device, at) SELECT serial, 'client ' || name, CAST($1 AS BIGINT) FROM clients WHERE name = $2 ON CONFLICT DO NOTHING`, ms(now), name); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM clients WHERE name = $1`, name)
	return err
}

// RemoveClient locks a program out.
func (c *Controller) RemoveClient(ctx context.Context, author, name string) error {
	now := c.now()
	err := c.store.tx(ctx, func(tx *sql.Tx) error {
		var n int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM clients WHERE name = $1`, name).Scan(&n)
		if err == nil && n == 0 {
			err = problem(404, fmt.Sprintf("no client %.64q", name), "dunlin-fleet client lists them")
		}
		return first(err, revokeClient(ctx, tx, name, now), audit(ctx, tx, now, author, "client.remove", name, ""))
	})
	if err == nil {
		c.brokerRevoke(ctx)
	}
	return err
}

// Clients returns the programs that have certificates.
func (c *Controller) Clients(ctx context.Context) ([]Client, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT name, role, author, created, not_after FROM clients ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Client{}
	for rows.Next() {
		var x Client
		var created, ends int64
		if err := rows.Scan(&x.Name, &x.Role, &x.Author, &created, &ends); err != nil {
			return nil, err
		}
		x.Created, x.CertEnds = fromMS(created), fromMS(ends)
		all = append(all, x)
	}
	return all, rows.Err()
}

// A Certificate is one that this fleet depends on, and its end.
type Certificate struct {
	Kind string    `json:"kind"` // ca, server, client, device
	Name string    `json:"name"`
	Ends time.Time `json:"not_after"`
}

// Certificates returns those that end before a time: of the CA, this server,
// clients and devices.
func (c *Controller) Certificates(ctx context.Context, before time.Time) ([]Certificate, error) {
	all := []Certificate{{"ca", c.ca.cert.Subject.CommonName, c.ca.cert.NotAfter}}
	c.mu.Lock()
	if c.server != nil {
		all = append(all, Certificate{"server", c.cfg.Hosts[0], c.server.Leaf.NotAfter})
	}
	c.mu.Unlock()
	rows, err := c.store.db.QueryContext(ctx, `SELECT 'client', name, not_after FROM clients WHERE not_after < $1
		UNION ALL SELECT 'device', id, not_after FROM devices WHERE not_after < $1 AND revoked = 0 ORDER BY 3`, ms(before))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var x Certificate
		var ends int64
		if err := rows.Scan(&x.Kind, &x.Name, &ends); err != nil {
			return nil, err
		}
		x.Ends = fromMS(ends)
		all = append(all, x)
	}
	return slices.DeleteFunc(all, func(x Certificate) bool { return !x.Ends.Before(before) }), rows.Err()
}
