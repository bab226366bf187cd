package controller

import (
	"errors"
	"fmt"
	"testing"
)

// TestNewerDatabase: a controller works on a schema of the next version if that
// says so, and refuses what it could not understand.
func TestNewerDatabase(t *testing.T) {
	s, _, _ := newStage(t)
	ctx := t.Context()
	_, err := s.store.db.ExecContext(ctx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, `+map[bool]string{true: "true", false: "1"}[s.url != ""]+`)`)
	s.must(err)
	s.reopen()
	s.addDevice("d-1")
	_, err = s.store.db.ExecContext(ctx, `UPDATE settings SET value = '998' WHERE name = 'readable_from'`)
	s.must(err)
	if err := s.store.migrate(ctx); !errors.Is(err, errNewer) {
		t.Error(fmt.Errorf("a schema that is too new: %w", err))
	}
}
