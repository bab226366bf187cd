package controller

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// CommandStatus is a command and how far it has come.
type CommandStatus struct {
	ID       string          `json:"id"`
	Device   string          `json:"device"`
	Batch    string          `json:"batch,omitempty"` // that it belongs to
	Name     string          `json:"name"`
	Args     json.RawMessage `json:"args,omitempty"`
	Author   string          `json:"author"`
	Created  time.Time       `json:"created"`
	NotAfter time.Time       `json:"not_after"`
	State    string          `json:"state"` // waiting, accepted, progress, done, failed, interrupted, expired
	Output   json.RawMessage `json:"output,omitempty"`
	Error    string          `json:"error,omitempty"`
	Updated  time.Time       `json:"updated"`
}

// Final says whether nothing more will come.
func (s CommandStatus) Final() bool { return s.State == "expired" || fleet.State(s.State).Final() }

// CommandOptions describe a command.
type CommandOptions struct {
	Name string
	Args json.RawMessage // a JSON object, or nothing
	Life time.Duration   // so long from now a device may begin; 0: 5 min
}

func (o *CommandOptions) validate() error {
	if o.Life == 0 {
		o.Life = 5 * time.Minute
	}
	if o.Life < 0 || o.Life > 30*24*time.Hour {
		return problem(400, "life: up to 30 days", "")
	}
	return nil
}

// Command asks a device to do something once. It is sent until the device has
// accepted it or its life is over.
func (c *Controller) Command(ctx context.Context, author, device string, o CommandOptions) (CommandStatus, error) {
	if err := o.validate(); err != nil {
		return CommandStatus{}, err
	}
	var id string
	err := c.store.tx(ctx, func(tx *sql.Tx) error {
		var n int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM devices WHERE id = $1 AND revoked = 0`, device).Scan(&n)
		if err == nil && n == 0 {
			err = problem(404, "no device "+device, "dunlin-fleet devices lists them")
		}
		if err != nil {
			return err
		}
		if id, err = c.addCommand(ctx, tx, author, device, "", o); err != nil {
			return err
		}
		return audit(ctx, tx, c.now(), author, "command."+o.Name, device, id+" "+string(o.Args))
	})
	if err != nil {
		return CommandStatus{}, err
	}
	if err := c.sendOpen(ctx, device, time.Time{}); err != nil {
		c.log.Error("send commands", "device", device, "err", err)
	}
	return c.CommandStatus(ctx, id)
}

// addCommand notes a command that is to be sent.
func (c *Controller) addCommand(ctx context.Context, tx *sql.Tx, author, device, batch string, o CommandOptions) (id string, err error) {
	now := c.now()
	cmd := fleet.Command{Device: device, ID: newID(12), NotAfter: now.UTC().Add(o.Life).Truncate(time.Second), Name: o.Name, Args: o.Args}
	if _, err := fleet.Sign(c.director, cmd); err != nil {
		return "", problem(400, err.Error(), "")
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO commands (id, device, name, args, created, not_after, author, state, updated, batch) VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $5, $8)`,
		cmd.ID, device, o.Name, string(o.Args), ms(now), ms(cmd.NotAfter), author, batch)
	return cmd.ID, err
}

// newID returns an id of n random bytes, hex.
func newID(n int) string {
	id := make([]byte, n)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

const commandColumns = `id, device, name, args, created, not_after, author, state, output, error, updated, batch`

func scanCommand(row interface{ Scan(...any) error }) (s CommandStatus, err error) {
	var args, output string
	var created, notAfter, updated int64
	err = row.Scan(&s.ID, &s.Device, &s.Name, &args, &created, &notAfter, &s.Author, &s.State, &output, &s.Error, &updated, &s.Batch)
	s.Created, s.NotAfter, s.Updated = fromMS(created), fromMS(notAfter), fromMS(updated)
	s.Args, s.Output = raw(args), raw(output)
	return s, err
}

func raw(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}

// CommandStatus returns one command.
func (c *Controller) CommandStatus(ctx context.Context, id string) (CommandStatus, error) {
	s, err := scanCommand(c.store.db.QueryRowContext(ctx, `SELECT `+commandColumns+` FROM commands WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return s, problem(404, "no command "+id, "")
	}
	return s, err
}

// Commands returns the newest commands of a device, at most limit.
func (c *Controller) Commands(ctx context.Context, device string, limit int) ([]CommandStatus, error) {
	return c.commands(ctx, `WHERE device = $1 ORDER BY created DESC LIMIT $2`, device, limit)
}

func (c *Controller) commands(ctx context.Context, which string, args ...any) ([]CommandStatus, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT `+commandColumns+` FROM commands `+which, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []CommandStatus{}
	for rows.Next() {
		s, err := scanCommand(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// isOpen is what the index commands_unended holds.
const isOpen = `state IN ('waiting', 'accepted', 'progress')`

// openCommands returns the commands since a time that devices have not accepted, or
// whose end should have been heard of: of one device, or with "" of all that are
// online.
func (c *Controller) openCommands(ctx context.Context, device string, since time.Time) ([]CommandStatus, error) {
	now := c.now()
	which, args := `EXISTS (SELECT 1 FROM devices d WHERE d.id = commands.device AND d.online = 1)`, []any{ms(now), ms(since), ms(now.Add(-3 * c.cfg.Resend))}
	if device != "" {
		which, args = `device = $4`, append(args, device)
	}
	return c.commands(ctx, `WHERE `+isOpen+` AND (state = 'waiting' OR updated <= $3) AND not_after > $1 AND created >= $2 AND `+which+` ORDER BY created LIMIT 1000`, args...)
}

// sendOpen sends open commands. A device does not run an id that it had again,
// but says how that one stands: an answer may have been lost with the controller
// or the broker that had it.
func (c *Controller) sendOpen(ctx context.Context, device string, since time.Time) error {
	all, err := c.openCommands(ctx, device, since)
	if err != nil {
		return err
	}
	for _, s := range all {
		cmd := fleet.Command{Device: s.Device, ID: s.ID, NotAfter: s.NotAfter, Name: s.Name, Args: s.Args}
		c.send(ctx, s.Device, fleet.TopicCmd, func() ([]byte, error) { return fleet.Sign(c.director, cmd) })
	}
	return nil
}

// outbox sends new commands, open ones again, and ends those whose time
// is over. Another controller on the same database may have taken a new one, or
// have somebody who looks at a device.
func (c *Controller) outbox(ctx context.Context) {
	t := time.NewTicker(min(c.cfg.Resend, time.Second))
	defer t.Stop()
	last, again := c.now(), time.Time{}
	watched := map[string]time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := c.now()
		since := last.Add(-time.Second) // clocks of several controllers
		if now.Sub(again) >= c.cfg.Resend {
			since, again = time.Time{}, now
		}
		last = now
		if err := errors.Join(c.resend(ctx, since, now), c.tellWatched(ctx, watched)); err != nil && ctx.Err() == nil {
			c.log.Error("outbox", "err", err)
		}
	}
}

func (c *Controller) resend(ctx context.Context, since, now time.Time) error {
	if since.IsZero() {
		// Accepted ones get an hour more to tell how they ended.
		if err := c.lead(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE commands SET state = 'expired', updated = $1
				WHERE `+isOpen+` AND not_after <= CASE WHEN state = 'waiting' THEN CAST($1 AS BIGINT) ELSE CAST($2 AS BIGINT) END`, ms(now), ms(now.Add(-time.Hour)))
			return err
		}); err != nil {
			return err
		}
	}
	return c.sendOpen(ctx, "", since)
}
