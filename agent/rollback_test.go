package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"

	"github.com/dunlin-edge/dunlin/ota/guard"
)

// TestRollbackOfTheProgram on the device: the one that holds is refused from
// then on, and the packaged one starts.
func TestRollbackOfTheProgram(t *testing.T) {
	u, d := newUpdates(t), guard.Dir(t.TempDir())
	if err := rollbackHeld(u.client, d, "test"); err == nil {
		t.Error("went back from the packaged program")
	}
	sum := sha256.Sum256([]byte("next"))
	v := guard.Version{Version: "1.1.0", SHA256: hex.EncodeToString(sum[:])}
	path, err := d.Place(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("next"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Try(v, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(v); err != nil {
		t.Fatal(err)
	}
	if err := rollbackHeld(u.client, d, "test"); err != nil {
		t.Fatal(err)
	}
	if c, err := d.Pick("packaged", "1.0.0"); err != nil || c.Path != "packaged" {
		t.Errorf("%+v, %v", c, err)
	}
	if err := rollbackHeld(u.client, d, "test"); err == nil {
		t.Error("went back twice")
	}
}
