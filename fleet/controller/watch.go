package controller

import (
	"context"
	"maps"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// While somebody looks at a device, it seals its records every 5 s instead of
// every minute. Whoever looks says so again and again; the controller that leads
// tells the device, with an ack: no command, for nothing is done and nothing has
// to happen just once.
const (
	watchAgain = 20 * time.Second // so often it is said, and the device told
	watchFor   = 45 * time.Second // so long it counts
)

// Watch says that somebody looks at a device now. It is called again while they
// do, as often as one likes.
func (c *Controller) Watch(ctx context.Context, device string) error {
	now := c.now()
	c.mu.Lock()
	maps.DeleteFunc(c.watched, func(_ string, at time.Time) bool { return now.Sub(at) >= watchAgain })
	_, said := c.watched[device]
	if !said {
		c.watched[device] = now
	}
	c.mu.Unlock()
	if said {
		return nil
	}
	_, err := c.store.db.ExecContext(ctx, `INSERT INTO watched (device, until) VALUES ($1, $2) ON CONFLICT (device) DO UPDATE SET until = excluded.until`, device, ms(now.Add(watchFor)))
	return err
}

// tellWatched tells the devices that somebody looks at, each again after a while
// by told, what is committed of their newest epoch.
func (c *Controller) tellWatched(ctx context.Context, told map[string]time.Time) error {
	now := c.now()
	maps.DeleteFunc(told, func(_ string, at time.Time) bool { return now.Sub(at) >= watchAgain })
	rows, err := c.store.db.QueryContext(ctx, `SELECT w.device, coalesce(r.epoch, 0), coalesce(r.hi, 0), coalesce(r.rest, '[]') FROM watched w
		LEFT JOIN ranges r ON r.device = w.device AND r.epoch = (SELECT max(epoch) FROM ranges WHERE device = w.device)
		WHERE w.until > $1`, ms(now))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var device, rest string
		var epoch uint32
		var hi int64
		if err := rows.Scan(&device, &epoch, &hi, &rest); err != nil {
			return err
		}
		if _, ok := told[device]; ok {
			continue
		}
		told[device] = now
		var have committed
		if err := have.read(device, hi, rest); err != nil {
			return err
		}
		ack := have.ack(device, epoch)
		ack.Watch = int(watchFor.Seconds())
		c.send(ctx, device, fleet.TopicAck, func() ([]byte, error) { return fleet.Sign(c.director, ack) })
	}
	return rows.Err()
}
