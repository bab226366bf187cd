package capture

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Selection names captures. What is set must all hold; All names every one.
type Selection struct {
	All     bool
	Before  time.Time // made before
	ID      string    // begins with, at least 8 digits
	Subject string    // is about exactly this
}

// Receipt says what an erasure removed, and what it could not judge.
type Receipt struct {
	Erased     time.Time `json:"erased"`
	Captures   []Entry   `json:"captures"`
	Unreadable []Entry   `json:"unreadable,omitempty"` // kept: their subject is not known
}

// ErrUnreadable marks an erasure by subject that met files it could not read.
var ErrUnreadable = errors.New("some captures could not be read: erase them by id or by age")

// Find returns the captures of a selection, oldest first; unread are those whose
// subject it could not tell.
func (s *Store) Find(sel Selection) (found, unread []Entry, err error) {
	if !sel.All && sel.Before.IsZero() && sel.ID == "" && sel.Subject == "" {
		return nil, nil, errors.New("find captures: nothing is named")
	}
	if sel.ID != "" && len(sel.ID) < 8 {
		return nil, nil, fmt.Errorf("find captures: id %q: give at least 8 digits", sel.ID)
	}
	all, err := s.List()
	if err != nil {
		return nil, nil, err
	}
	for _, e := range all {
		if !sel.Before.IsZero() && !e.Time.Before(sel.Before) || !strings.HasPrefix(e.ID, sel.ID) {
			continue
		}
		if sel.Subject == "" {
			found = append(found, e)
			continue
		}
		c, err := s.Load(e)
		switch {
		case err != nil:
			unread = append(unread, e)
		case c.Subject == sel.Subject:
			found = append(found, e)
		}
	}
	return found, unread, nil
}

// Load reads and decodes an entry.
func (s *Store) Load(e Entry) (*Capture, error) {
	data, err := s.Read(e)
	if err != nil {
		return nil, err
	}
	return Decode(data)
}

// Erase removes a selection. The receipt holds what was removed also where an
// error stops it half way. An agent that runs may still write the captures it
// had in memory.
func (s *Store) Erase(sel Selection) (*Receipt, error) {
	r := &Receipt{Erased: s.cfg.Now().UTC(), Captures: []Entry{}}
	found, unread, err := s.Find(sel)
	if err != nil {
		return r, err
	}
	r.Unreadable = unread
	for i := range found {
		if err := s.remove(&found[i]); err != nil {
			return r, err
		}
		r.Captures = append(r.Captures, found[i])
	}
	if len(found) > 0 {
		if err := syncFolder(s.cfg.Dir); err != nil {
			return r, fmt.Errorf("erase captures: %w", err)
		}
	}
	if len(unread) > 0 {
		return r, fmt.Errorf("erase captures: %w", ErrUnreadable)
	}
	return r, nil
}
