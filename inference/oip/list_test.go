package oip

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// FuzzElements: what encoding/json takes apart comes apart the same way.
func FuzzElements(f *testing.F) {
	for _, seed := range []string{`[1, [2,"a]\"",{}] ,null]`, `{"a" : [1,2], "b\\":"}", "c:":{"d":1}}`, `[]`, ` { } `, `"[,]"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		var list []json.RawMessage
		if got, err := Elements(raw, 1<<20); err == nil {
			if err := json.Unmarshal(raw, &list); err != nil || len(list) != len(got) {
				t.Fatalf("%s: %d elements, encoding/json has %d, %v", raw, len(got), len(list), err)
			}
			for i := range list {
				if !bytes.Equal(list[i], got[i]) {
					t.Fatalf("%s: element %d is %s, encoding/json has %s", raw, i, got[i], list[i])
				}
			}
		} else if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
			t.Fatalf("%s: %v", raw, err)
		}
		var members map[string]json.RawMessage
		if got, err := Members(raw, 1<<20); err == nil {
			if err := json.Unmarshal(raw, &members); err != nil || len(members) != len(got) {
				t.Fatalf("%s: %d members, encoding/json has %d, %v", raw, len(got), len(members), err)
			}
			for k := range members {
				if !bytes.Equal(members[k], got[k]) {
					t.Fatalf("%s: member %q is %s, encoding/json has %s", raw, k, got[k], members[k])
				}
			}
		} else if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
			t.Fatalf("%s: %v", raw, err)
		}
	})
}

func TestElementsCount(t *testing.T) {
	for raw, want := range map[string]string{"[1,2,3]": "more than 2", "[1,2]": "", "{}": "want [", "1": "want [", "": "want ["} {
		if _, err := Elements([]byte(raw), 2); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
