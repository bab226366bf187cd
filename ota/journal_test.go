package ota

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// FuzzJournal gives the reader of journals whatever flash may hold, and bodies
// whose checksum is right: what it takes it must write and read again the same.
func FuzzJournal(f *testing.F) {
	digest := hex.EncodeToString(make([]byte, 32))
	for _, body := range []string{
		`{"schema":1,"state":"idle","attempts":0}`,
		`{"schema":1,"state":"trial","candidate":{"target":"models/m/1.dunlin","sha256":"` + digest + `","length":1,"epoch":1},"attempts":2}`,
		`{"schema":1,"state":"good","active":{"target":"t","sha256":"` + digest + `","length":1,"epoch":1},"previous":{"target":"p","sha256":"` + digest + `","length":2,"epoch":0},"attempts":1,"pins":[{"sha256":"` + digest + `","reason":"r"}],"later":{"a":[1]}}`,
		`{"state":"idle","pins":[]}`, `{"state":"staged"}`, `{}`, `[]`, ``,
	} {
		f.Add([]byte(body), true)
		f.Add([]byte(body), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		if sealed {
			sum := sha256.Sum256(data)
			data = append([]byte(hex.EncodeToString(sum[:])+"\n"), data...)
		}
		j, err := parseJournal(data)
		if err != nil {
			return
		}
		if !sealed && !bytes.Contains(data, []byte("\n")) {
			t.Fatal("taken without a checksum")
		}
		again, err := j.encode()
		if err != nil {
			t.Fatal(err)
		}
		k, err := parseJournal(again)
		if len(k.Pins) < len(j.Pins) && len(again) > maxJournal/2 {
			j.Pins = j.Pins[len(j.Pins)-len(k.Pins):] // they were too long
		}
		if len(j.Pins) == 0 {
			j.Pins = nil // an empty list is none
		}
		if err != nil || !reflect.DeepEqual(j, k) {
			t.Fatalf("%+v came back as %+v, %v", j, k, err)
		}
	})
}

// TestLongestJournal: reasons that JSON makes six times longer do not make a
// journal that its own reader refuses.
func TestLongestJournal(t *testing.T) {
	j := journal{Schema: 1, State: Idle}
	for i := range byte(2 * maxPins) {
		j.pin(hex.EncodeToString(bytes.Repeat([]byte{i}, 32)), strings.Repeat("<", 2*maxReason))
	}
	path := filepath.Join(t.TempDir(), "journal")
	if err := j.write(path); err != nil {
		t.Fatal(err)
	}
	k, err := readJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(k.Pins); n < 16 || k.Pins[n-1] != j.Pins[len(j.Pins)-1] {
		t.Errorf("%d pins are left", n)
	}
}
