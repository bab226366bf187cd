package fleet

import (
	"fmt"
	"strconv"
	"strings"
)

// Seq orders what a controller wants: first by the leader's term, then by
// count. A device takes only what is newer than what it has.
type Seq struct{ Term, N uint32 }

// Newer says whether s comes after t.
func (s Seq) Newer(t Seq) bool { return s.Term > t.Term || s.Term == t.Term && s.N > t.N }

// String returns the form used in documents, such as "3.17".
func (s Seq) String() string { return fmt.Sprintf("%d.%d", s.Term, s.N) }

// MarshalText implements encoding.TextMarshaler.
func (s Seq) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts exactly what MarshalText writes.
func (s *Seq) UnmarshalText(b []byte) error {
	term, n, _ := strings.Cut(string(b), ".")
	t, err := strconv.ParseUint(term, 10, 32)
	if err != nil {
		return fmt.Errorf("seq %.20q: want TERM.COUNT", b)
	}
	c, err := strconv.ParseUint(n, 10, 32)
	if err != nil {
		return fmt.Errorf("seq %.20q: want TERM.COUNT", b)
	}
	*s = Seq{uint32(t), uint32(c)}
	if s.String() != string(b) {
		return fmt.Errorf("seq %.20q: want TERM.COUNT without signs or leading zeros", b)
	}
	return nil
}
