package controller

import (
	"context"
	"database/sql"
	"strings"

	"github.com/pressly/goose/v3"
)

// changesVersion is the migration of the table that counts changes of devices.
const changesVersion = 13

// The database itself counts, so that no controller, of this version or the
// one before, can change a device unnoticed. A device has one row: the number
// of its newest change, which rises over all devices. What carries an
// assignment alone is no change: nothing that is queried reads it.
const (
	changedColumns = `key_hash, not_after, revoked, labels, online, since, seen, reported, reported_at, returns`

	noteChange = `INSERT INTO changes (device, n) VALUES (%ID%, (SELECT coalesce(max(n), 0) + 1 FROM changes)) ON CONFLICT (device) DO UPDATE SET n = excluded.n`
)

func changesTable(postgres bool) []string {
	all := []string{
		`CREATE TABLE changes (device TEXT PRIMARY KEY, n BIGINT NOT NULL)`,
		`CREATE UNIQUE INDEX changes_n ON changes (n)`,
	}
	if postgres {
		return append(all,
			`CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF TG_OP = 'DELETE' THEN `+noteOf("OLD.id")+`; ELSE `+noteOf("NEW.id")+`; END IF;
				RETURN NULL; END $$`,
			`CREATE TRIGGER devices_changed AFTER INSERT OR DELETE OR UPDATE OF `+changedColumns+` ON devices FOR EACH ROW EXECUTE FUNCTION note_change()`)
	}
	return append(all,
		`CREATE TRIGGER devices_added AFTER INSERT ON devices BEGIN `+noteOf("NEW.id")+`; END`,
		`CREATE TRIGGER devices_removed AFTER DELETE ON devices BEGIN `+noteOf("OLD.id")+`; END`,
		`CREATE TRIGGER devices_changed AFTER UPDATE OF `+changedColumns+` ON devices BEGIN `+noteOf("NEW.id")+`; END`)
}

func noteOf(id string) string { return strings.ReplaceAll(noteChange, "%ID%", id) }

// changes is a migration that the two databases do not share the text of; days is the other.
func (s *store) changes() *goose.Migration {
	return goose.NewGoMigration(changesVersion, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		return run(ctx, tx, changesTable(s.postgres)...)
	}}, nil)
}
