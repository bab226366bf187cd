package ota

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// TestNewerJournalIsRead: an agent that was rolled back reads what its
// successor wrote, keys that it does not know included, and writes on.
func TestNewerJournalIsRead(t *testing.T) {
	w := newWorld(t)
	one, two := w.publish("1.0.0", "one", 0), w.publish("2.0.0", "two", 0)
	c := w.open()
	w.must(c.Install(t.Context(), one))
	w.must(c.Close())
	data, err := os.ReadFile(c.file("words"))
	w.must(err)
	_, body, _ := strings.Cut(string(data), "\n")
	body = strings.Replace(body, `{"schema":1,`, `{"schema":2,"next_year":{"a":[1,null]},`, 1)
	body = strings.Replace(body, `"active":{`, `"active":{"colour":"blue",`, 1)
	sum := sha256.Sum256([]byte(body))
	w.must(os.WriteFile(c.file("words"), []byte(hex.EncodeToString(sum[:])+"\n"+body), 0o600))
	if !strings.Contains(body, "blue") || !strings.Contains(body, "next_year") {
		t.Fatal("the journal is not as this test thinks: " + body)
	}
	c = w.open()
	w.runs(c, "one")
	w.must(c.Install(t.Context(), two))
	w.runs(c, "two")
}
