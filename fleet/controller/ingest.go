package controller

import (
	"context"
	"database/sql"
	"encoding/hex"
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

// gatherFor is how long a chunk waits for others to be committed with it.
const gatherFor = 20 * time.Millisecond

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
		all := c.gather(first)
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

// gather adds what comes within a moment to the first message of a batch. Rows
// written together cost a fraction of rows written alone, and telemetry has
// time; what somebody may wait for does not wait for more.
func (c *Controller) gather(m message) []message {
	all := []message{m}
	end := time.NewTimer(gatherFor)
	defer end.Stop()
	for len(all) < batch && m.name == fleet.TopicUp {
		select {
		case m = <-c.inbox:
			all = append(all, m)
			continue
		case <-end.C:
		}
		break
	}
	for len(all) < batch {
		select {
		case m = <-c.inbox:
			all = append(all, m)
			continue
		default:
		}
		break
	}
	return all
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
	if !c.store.postgres {
		ctx = context.WithoutCancel(ctx) // its driver starts a goroutine for every statement that could be called off
	}
	chunks := make([]*telemetry.Chunk, len(all)) // decoded while others may write
	wrong := make([]error, len(all))
	for i, m := range all {
		if m.name == fleet.TopicUp {
			chunks[i], wrong[i] = telemetry.Decode(m.payload)
		}
	}
	r := &replies{acks: map[ackKey]*committed{}}
	err := c.lead(ctx, func(tx *sql.Tx) error {
		b := ingestTx{Controller: c, ctx: ctx, tx: tx, replies: r, now: c.now(), known: map[string]bool{}, read: map[ackKey]*committed{}, sums: map[cell]sum{}}
		if err := b.prefetch(all, chunks); err != nil {
			return err
		}
		for i, m := range all {
			if err := b.take(m, chunks[i], wrong[i]); err != nil {
				return err
			}
		}
		return b.save()
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
	known map[string]bool // devices that may speak
	read  map[ackKey]*committed

	// What save writes: columns of rows one after the other.
	chunks, lacks []any
	sums          map[cell]sum
}

// prefetch reads which devices of a batch may speak, and the ranges that its
// chunks are added to.
func (b *ingestTx) prefetch(all []message, chunks []*telemetry.Chunk) error {
	var devices, keys []any
	seen := map[string]bool{}
	for i, m := range all {
		if !seen[m.device] {
			seen[m.device] = true
			devices = append(devices, m.device)
		}
		if chunks[i] == nil {
			continue
		}
		if k := (ackKey{m.device, chunks[i].Epoch}); b.read[k] == nil {
			b.read[k] = &committed{}
			keys = append(keys, k.device, int64(k.epoch))
		}
	}
	if err := b.store.ingest.known.each(b.ctx, b.tx, devices, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		b.known[id] = true
		return err
	}); err != nil {
		return err
	}
	return b.store.ingest.ranges.each(b.ctx, b.tx, keys, func(rows *sql.Rows) error {
		var k ackKey
		var hi int64
		var rest string
		if err := rows.Scan(&k.device, &k.epoch, &hi, &rest); err != nil {
			return err
		}
		return b.read[k].read(k.device, hi, rest)
	})
}

func (b *ingestTx) take(m message, chunk *telemetry.Chunk, bad error) error {
	if !b.known[m.device] {
		b.refuse(m, errors.New("device is not enrolled"))
		return nil
	}
	var err error // of the database
	switch m.name {
	case fleet.TopicUp:
		if bad == nil {
			bad, err = b.chunk(m, chunk)
		}
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

func (b *ingestTx) chunk(m message, chunk *telemetry.Chunk) (bad, err error) {
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
	b.chunks = append(b.chunks, m.device, int64(chunk.Epoch), int64(chunk.First), int64(chunk.Len()), int64(chunk.Kind), ms(b.now), m.payload)
	ranges.came += uint64(chunk.Len())
	b.stats.chunks.Add(1)
	b.stats.records.Add(uint64(chunk.Len()))
	b.aggregate(m.device, chunk)
	return nil, first(b.histograms(m.device, chunk), b.captures(m.device, chunk))
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
		b.lacks = append(b.lacks, m.device, int64(chunk.Epoch), int64(g.First), int64(g.Count), g.Reason.String())
	}
	return nil, nil
}

// ranges returns the range row of an epoch, read once a batch.
func (b *ingestTx) ranges(device string, epoch uint32) (*committed, error) {
	k := ackKey{device, epoch}
	if r := b.acks[k]; r != nil {
		return r, nil
	}
	r := b.read[k]
	if r != nil {
		b.acks[k] = r
		return r, nil
	}
	r = &committed{}
	b.acks[k] = r
	var hi int64
	var rest string
	err := b.tx.QueryRowContext(b.ctx, `SELECT hi, rest FROM ranges WHERE device = $1 AND epoch = $2`, device, epoch).Scan(&hi, &rest)
	if errors.Is(err, sql.ErrNoRows) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	return r, r.read(device, hi, rest)
}

// save writes what the batch has gathered.
func (b *ingestTx) save() error {
	var ranges []any
	for k, r := range b.acks {
		if r.Hi == 0 && len(r.Rest) == 0 {
			continue // only asked for
		}
		rest, err := r.text()
		if err != nil {
			return err
		}
		ranges = append(ranges, k.device, int64(k.epoch), int64(r.Hi), rest, int64(r.came))
	}
	var results []any
	for k, s := range b.sums {
		results = append(results, k.device, k.pipeline, hex.EncodeToString(k.model[:]), int64(k.class), k.hour, s.n, s.score, s.latency)
	}
	do := &b.store.ingest
	for _, x := range []struct {
		what string
		into *bulk
		rows []any
	}{{"chunks", &do.chunks, b.chunks}, {"gaps", &do.gaps, b.lacks}, {"results", &do.results, results}, {"ranges", &do.watermarks, ranges}} {
		if err := x.into.insert(b.ctx, b.tx, x.rows); err != nil {
			return fmt.Errorf("insert %s: %w", x.what, err)
		}
	}
	return nil
}

// cell is one cell of the hourly aggregate.
type cell struct {
	device, pipeline string
	model            [32]byte
	class            uint16
	hour             int64
}

// sum is what a cell gains.
type sum struct {
	n       int64
	score   float64
	latency int64 // microseconds
}

// aggregate adds a new chunk's results to the hours they fall in.
func (b *ingestTx) aggregate(device string, chunk *telemetry.Chunk) {
	for i := range chunk.Results {
		r := &chunk.Results[i]
		k := cell{device, r.Source.Pipeline, r.Source.Model, r.Class, chunk.Wall(r.Time).Unix() / 3600}
		s := b.sums[k]
		s.n++
		if !math.IsNaN(float64(r.Score)) {
			s.score += float64(r.Score)
		}
		s.latency += r.Latency.Microseconds()
		b.sums[k] = s
	}
}
