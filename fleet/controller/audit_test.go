package controller

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestExportedAudit: an exported log is checked without us, and a change of any
// line is seen.
func TestExportedAudit(t *testing.T) {
	s, _, _ := newStage(t)
	for i := range 5 {
		s.must(s.SetGroup(t.Context(), "test", fmt.Sprint("g-", i), "id = 'line\nbreak'"))
	}
	var out bytes.Buffer
	s.must(s.ExportAudit(t.Context(), &out))
	n, last, err := VerifyExport(bytes.NewReader(out.Bytes()))
	if err != nil || n != 5 || len(last) != 64 {
		t.Fatalf("%d lines, %q: %v", n, last, err)
	}
	lines := strings.SplitAfter(out.String(), "\n")
	for name, changed := range map[string]string{
		"a word":      strings.Replace(out.String(), "g-2", "g-9", 1),
		"a line less": strings.Join(append(append([]string{}, lines[:2]...), lines[3:]...), ""),
		"two swapped": lines[1] + lines[0] + strings.Join(lines[2:], ""),
		"cut off":     out.String()[:out.Len()-20],
		"no JSON":     out.String() + "x",
	} {
		if _, _, err := VerifyExport(strings.NewReader(changed)); err == nil {
			t.Errorf("%s: nobody sees it", name)
		}
	}
}
