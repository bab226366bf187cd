package controller

import (
	"context"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/broker"
)

// renewLate is how long before its end a certificate should long have been
// renewed: devices ask at two thirds of its life.
const renewLate = deviceLife / 6

// certificates renews the controller's own certificates until ctx ends: a
// controller may run for years. Once a day it says which others end soon.
func (c *Controller) certificates(ctx context.Context) {
	begun, warned := c.now(), time.Time{}
	for pauseFor(ctx, time.Hour); ctx.Err() == nil; pauseFor(ctx, time.Hour) {
		c.mu.Lock()
		due := c.server != nil && c.now().After(fleet.RenewAt(c.server.Leaf))
		c.mu.Unlock()
		if due {
			if err := c.renewServer(); err != nil {
				c.log.Error("renew certificate", "of", "server", "err", err)
			}
		}
		if c.now().Sub(warned) > 24*time.Hour {
			c.warnOfEnds(ctx)
			warned = c.now()
		}
		if c.now().Sub(begun) < serverLife*2/3 {
			continue
		}
		if err := c.renewBroker(ctx); err != nil {
			c.log.Error("renew certificate", "of", "broker", "err", err)
			continue
		}
		begun = c.now()
	}
}

// warnOfEnds logs the certificates that end soon, the next ones by name.
func (c *Controller) warnOfEnds(ctx context.Context) {
	all, err := c.Certificates(ctx, c.now().Add(renewLate))
	if err != nil {
		c.log.Error("certificates", "err", err)
	}
	for _, x := range all[:min(len(all), 10)] {
		if x.Kind != "server" || x.Ends.Before(c.now().Add(serverLife/6)) {
			c.log.Warn("certificate ends soon", "kind", x.Kind, "name", x.Name, "ends", x.Ends, "all", len(all))
		}
	}
}

// renewServer makes the certificate that devices are shown at enrolment.
func (c *Controller) renewServer() error {
	pair, err := c.ca.pair("controller", "server", c.serverHosts())
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = &pair
	return nil
}

func (c *Controller) renewBroker(ctx context.Context) error {
	cert, key, err := c.brokerPair()
	if err != nil {
		return err
	}
	return c.updateBroker(ctx, broker.Update{Certificate: cert, Key: key})
}

// brokerPair makes a certificate and its key for the embedded broker, PEM.
func (c *Controller) brokerPair() (cert, key string, err error) {
	pair, err := c.ca.pair("broker", "server", c.serverHosts())
	if err != nil {
		return "", "", err
	}
	text, err := keyToPEM(pair.PrivateKey)
	return string(certToPEM(pair.Certificate[0])), string(text), err
}
