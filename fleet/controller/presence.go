package controller

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

func (b *ingestTx) hello(m message) (bad, err error) {
	h, bad := fleet.Decode[fleet.Hello](m.payload)
	if bad != nil {
		return bad, nil
	}
	r, err := b.ranges(m.device, h.Epoch) // the watermark is the answer, even of nothing
	if err != nil {
		return nil, err
	}
	if err := b.lost(m.device, h.Epoch, h.Lo, r); err != nil {
		return nil, err
	}
	if err := b.clones(m.device, h.Boot); err != nil {
		return nil, err
	}
	_, err = b.tx.ExecContext(b.ctx, `UPDATE devices SET since = CASE WHEN online = 1 THEN since ELSE $1 END, online = 1, seen = $1, boot = $2, conn = $3,
		boot_before = CASE WHEN boot = $2 THEN boot_before ELSE boot END WHERE id = $4`, ms(b.now), h.Boot, int64(h.Conn), m.device)
	if err != nil {
		return nil, err
	}
	b.hellos = append(b.hellos, m.device)
	return nil, b.behind(m.device, h.Seq)
}

// status takes the word of the connection that is the newest known; a will may
// come after its device is back.
func (b *ingestTx) status(m message) (bad, err error) {
	s, bad := fleet.Decode[fleet.Status](m.payload)
	if bad != nil {
		return bad, nil
	}
	if s.Online { // retained: it tells a controller that connects later
		_, err = b.tx.ExecContext(b.ctx, `UPDATE devices SET since = CASE WHEN online = 1 THEN since ELSE $1 END, online = 1, seen = $1, boot = $2, conn = $3
			WHERE id = $4 AND NOT (boot = $2 AND conn > $3)`, ms(b.now), s.Boot, int64(s.Conn), m.device)
		return nil, err
	}
	_, err = b.tx.ExecContext(b.ctx, `UPDATE devices SET online = 0, since = $1 WHERE id = $2 AND online = 1 AND boot = $3 AND conn <= $4`,
		ms(b.now), m.device, s.Boot, int64(s.Conn))
	return nil, err
}

func (b *ingestTx) reported(m message) (bad, err error) {
	r, bad := fleet.Decode[fleet.Reported](m.payload)
	if bad != nil {
		return bad, nil
	}
	clean, err := json.Marshal(r) // what this version knows of it
	if err != nil {
		return err, nil
	}
	how := `reported = $1, reported_at = $2, seen = $2, online = 1, since = CASE WHEN online = 1 THEN since ELSE $2 END WHERE id = $3`
	if m.old { // no sign of life, and no newer than what was heard
		how = `reported = $1, reported_at = $2 WHERE id = $3 AND reported_at = 0`
	}
	done, err := b.tx.ExecContext(b.ctx, `UPDATE devices SET `+how, string(clean), ms(b.now), m.device)
	if err != nil {
		return nil, err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return nil, err
	}
	return nil, b.slots(m.device, r)
}

func (b *ingestTx) result(m message) (bad, err error) {
	r, bad := fleet.Decode[fleet.Result](m.payload)
	if bad != nil {
		return bad, nil
	}
	// A final word stays: a late or repeated one changes nothing. So does
	// progress when the device says again that it has accepted.
	_, err = b.tx.ExecContext(b.ctx, `UPDATE commands SET state = $1, output = $2, error = $3, updated = $4
		WHERE id = $5 AND device = $6 AND state NOT IN ('done', 'failed', 'interrupted', 'expired')
		AND NOT (state = 'progress' AND $1 = 'accepted')`,
		string(r.State), string(r.Output), r.Error, ms(b.now), r.ID, m.device)
	return nil, err
}

// answer sends what a batch asked for. It may be lost; the device asks again.
func (c *Controller) answer(ctx context.Context, r *replies) {
	for k, ranges := range r.acks {
		c.send(ctx, k.device, fleet.TopicAck, func() ([]byte, error) { return fleet.Sign(c.director, ranges.ack(k.device, k.epoch)) })
	}
	c.tell(r.old...)
	for _, device := range r.hellos {
		if err := c.sendOpen(ctx, device, time.Time{}); err != nil {
			c.log.Error("send commands", "device", device, "err", err)
		}
	}
}

// cloned is how often a start of the agent has to come back after another had
// taken its place. An agent never does that: its start is over when the next
// begins. Once may be a hello that was late.
const cloned = 2

// clones notes where two machines take turns with one identity.
func (b *ingestTx) clones(device, boot string) error {
	var before string
	var returns int
	err := b.tx.QueryRowContext(b.ctx, `SELECT boot_before, returns FROM devices WHERE id = $1`, device).Scan(&before, &returns)
	if err != nil || before != boot {
		return err
	}
	if _, err = b.tx.ExecContext(b.ctx, `UPDATE devices SET returns = returns + 1 WHERE id = $1`, device); err != nil || returns+1 != cloned {
		return err
	}
	b.log.Error("two machines use one identity", "device", device)
	return audit(b.ctx, b.tx, b.now, "controller", "device.cloned", device, "two starts of its agent take turns")
}
