package controller

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/telemetry"
)

// message is one that came up.
type message struct {
	device  string
	name    fleet.Name
	payload []byte
	old     bool // the broker remembered it
}

// batch bounds how much one transaction takes: a commit costs a sync of the
// disk, which a thousand chunks share.
const batch = 1000

// ingest works off messages until ctx ends, each batch in one transaction. What
// it answers, it answers after the commit.
func (c *Controller) ingest(ctx context.Context) {
	for {
		var first message
		select {
		case <-ctx.Done():
			return
		case first = <-c.inbox:
		}
		all := []message{first}
	more:
		for len(all) < batch {
			select {
			case m := <-c.inbox:
				all = append(all, m)
			default:
				break more
			}
		}
		replies, err := c.commit(ctx, all)
		if err != nil {
			// Nothing is acked, so the devices send it again.
			c.stats.failed.Add(uint64(len(all)))
			c.log.Error("ingest", "messages", len(all), "err", err)
			pauseFor(ctx, time.Second)
			continue
		}
		c.answer(ctx, replies)
	}
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// replies is what a batch asks to be sent once it is committed.
type replies struct {
	acks   map[ackKey]*committed
	hellos []string // devices that connected
	old    []string // devices that work towards an older assignment
}

type ackKey struct {
	device string
	epoch  uint32
}

func (c *Controller) commit(ctx context.Context, all []message) (*replies, error) {
	r := &replies{acks: map[ackKey]*committed{}}
	err := c.lead(ctx, func(tx *sql.Tx) error {
		b := ingestTx{Controller: c, ctx: ctx, tx: tx, replies: r, now: c.now(), known: map[string]bool{}}
		for _, m := range all {
			if err := b.take(m); err != nil {
				return err
			}
		}
		return b.saveRanges()
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// ingestTx is one batch at work. An error of its methods is the database's;
// what is wrong with a message is counted and logged, and the rest goes on.
type ingestTx struct {
	*Controller
	*replies
	ctx   context.Context
	tx    *sql.Tx
	now   time.Time
	known map[string]bool // devices, by id: whether they may speak
}

func (b *ingestTx) take(m message) error {
	ok, known := b.known[m.device]
	if !known {
		var n int
		err := b.tx.QueryRowContext(b.ctx, `SELECT count(*) FROM devices WHERE id = $1 AND revoked = 0`, m.device).Scan(&n)
		if err != nil {
			return err
		}
		ok = n == 1
		b.known[m.device] = ok
	}
	if !ok {
		b.refuse(m, errors.New("device is not enrolled"))
		return nil
	}
	var bad error // of the message
	var err error // of the database
	switch m.name {
	case fleet.TopicUp:
		bad, err = b.chunk(m)
	case fleet.TopicHello:
		bad, err = b.hello(m)
	case fleet.TopicStatus:
		bad, err = b.status(m)
	case fleet.TopicReported:
		bad, err = b.reported(m)
	case fleet.TopicRes:
		bad, err = b.result(m)
	}
	if bad != nil {
		b.refuse(m, bad)
	}
	return err
}

// refuse counts a message that cannot be taken and says so now and then: the
// 1st, 2nd, 4th, 8th time and so on.
func (c *Controller) refuse(m message, why error) {
	if n := c.stats.refused.Add(1); n&(n-1) == 0 {
		c.log.Warn("message refused", "device", m.device, "topic", string(m.name), "bytes", len(m.payload), "err", why, "refused", n)
	}
}

func (b *ingestTx) chunk(m message) (bad, err error) {
	chunk, bad := telemetry.Decode(m.payload)
	if bad != nil {
		return bad, nil
	}
	ranges, err := b.ranges(m.device, chunk.Epoch)
	if err != nil {
		return nil, err
	}
	if chunk.Kind == telemetry.KindGap {
		return b.gaps(m, chunk, ranges)
	}
	known, bad := ranges.add(fleet.Range{First: chunk.First, Count: uint64(chunk.Len())})
	if bad != nil || known {
		b.stats.repeated.Add(one(known))
		return bad, nil
	}
	if _, err = b.tx.ExecContext(b.ctx, `INSERT INTO chunks (device, epoch, first, count, kind, received, data) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		m.device, chunk.Epoch, int64(chunk.First), chunk.Len(), int(chunk.Kind), ms(b.now), m.payload); err != nil {
		return nil, fmt.Errorf("chunk of %s: %w", m.device, err)
	}
	b.stats.chunks.Add(1)
	b.stats.records.Add(uint64(chunk.Len()))
	if err := first(b.histograms(m.device, chunk), b.captures(m.device, chunk)); err != nil {
		return nil, err
	}
	return nil, b.aggregate(m.device, chunk)
}

func one(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// gaps commits numbers that hold no record, with the reason.
func (b *ingestTx) gaps(m message, chunk *telemetry.Chunk, ranges *committed) (bad, err error) {
	for _, g := range chunk.Gaps {
		known, bad := ranges.add(fleet.Range{First: g.First, Count: g.Count})
		if bad != nil {
			return bad, nil
		}
		if known {
			continue
		}
		if _, err := b.tx.ExecContext(b.ctx, `INSERT INTO gaps (device, epoch, first, count, reason) VALUES ($1, $2, $3, $4, $5)`,
			m.device, chunk.Epoch, int64(g.First), int64(g.Count), g.Reason.String()); err != nil {
			return nil, fmt.Errorf("gap of %s: %w", m.device, err)
		}
	}
	return nil, nil
}

// ranges returns the range row of an epoch, read once a batch.
func (b *ingestTx) ranges(device string, epoch uint32) (*committed, error) {
	k := ackKey{device, epoch}
	if r := b.acks[k]; r != nil {
		return r, nil
	}
	r := &committed{}
	var hi int64
	var rest string
	err := b.tx.QueryRowContext(b.ctx, `SELECT hi, rest FROM ranges WHERE device = $1 AND epoch = $2`, device, epoch).Scan(&hi, &rest)
	if errors.Is(err, sql.ErrNoRows) {
		b.acks[k] = r
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	r.Hi = uint64(hi)
	if err := json.Unmarshal([]byte(rest), &r.Rest); err != nil {
		return nil, fmt.Errorf("ranges of %s: %w", device, err)
	}
	b.acks[k] = r
	return r, nil
}

func (b *ingestTx) saveRanges() error {
	for k, r := range b.acks {
		if r.Hi == 0 && len(r.Rest) == 0 {
			continue // only asked for
		}
		rest, err := r.text()
		if err != nil {
			return err
		}
		if _, err := b.tx.ExecContext(b.ctx, `INSERT INTO ranges (device, epoch, hi, rest) VALUES ($1, $2, $3, $4)
			ON CONFLICT (device, epoch) DO UPDATE SET hi = excluded.hi, rest = excluded.rest`, k.device, k.epoch, int64(r.Hi), rest); err != nil {
			return err
		}
	}
	return nil
}

// cell is one cell of the hourly aggregate.
type cell struct {
	pipeline, model string
	class           uint16
	hour            int64
}

// aggregate adds a new chunk's results to the hours they fall in.
func (b *ingestTx) aggregate(device string, chunk *telemetry.Chunk) error {
	type sum struct {
		n       int64
		score   float64
		latency int64
	}
	sums := map[cell]sum{}
	for _, r := range chunk.Results {
		k := cell{r.Source.Pipeline, hex.EncodeToString(r.Source.Model[:]), r.Class, chunk.Wall(r.Time).Unix() / 3600}
		s := sums[k]
		s.n++
		if !math.IsNaN(float64(r.Score)) {
			s.score += float64(r.Score)
		}
		s.latency += r.Latency.Microseconds()
		sums[k] = s
	}
	for k, s := range sums {
		if _, err := b.tx.ExecContext(b.ctx, `INSERT INTO results_hourly (device, pipeline, model, class, hour, n, score, latency) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (device, pipeline, model, class, hour) DO UPDATE SET n = results_hourly.n + excluded.n, score = results_hourly.score + excluded.score, latency = results_hourly.latency + excluded.latency`,
			device, k.pipeline, k.model, int(k.class), k.hour, s.n, s.score, s.latency); err != nil {
			return err
		}
	}
	return nil
}
