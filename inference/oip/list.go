package oip

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Elements parts a JSON array, which must be valid, into at most limit elements.
// encoding/json would take tens of bytes for each of millions before anybody
// could count them.
func Elements(raw []byte, limit int) ([]json.RawMessage, error) {
	return part(raw, '[', limit)
}

// Members parts a JSON object, which must be valid, into at most limit members.
func Members(raw []byte, limit int) (map[string]json.RawMessage, error) {
	list, err := part(raw, '{', limit)
	if err != nil {
		return nil, err
	}
	members := map[string]json.RawMessage{}
	for _, x := range list {
		n := skip(x, ':')
		var key string
		if err := json.Unmarshal(x[:n], &key); err != nil {
			return nil, &Error{"JSON: " + err.Error()}
		}
		members[key] = bytes.TrimSpace(x[n+1:])
	}
	return members, nil
}

// part cuts what stands between brackets at its commas.
func part(raw []byte, open byte, limit int) ([]json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) < 2 || raw[0] != open {
		return nil, &Error{fmt.Sprintf("want %c...", open)}
	}
	rest := bytes.TrimSpace(raw[1 : len(raw)-1])
	var list []json.RawMessage
	for len(rest) > 0 {
		if len(list) == limit {
			return nil, &Error{fmt.Sprintf("more than %d elements", limit)}
		}
		n := skip(rest, ',')
		list = append(list, bytes.TrimSpace(rest[:n]))
		rest = rest[min(n+1, len(rest)):]
	}
	return list, nil
}

// skip returns where sep stands next, outside texts and brackets; the length of
// b where it does not.
func skip(b []byte, sep byte) int {
	depth, text := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == sep && depth == 0:
			return i
		}
	}
	return len(b)
}

// A wireList is a list of things with names, of which there are few.
type wireList[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *wireList[T]) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	list, err := Elements(raw, MaxTensors)
	if err != nil {
		return err
	}
	*l = make([]T, len(list))
	for i, x := range list {
		if err := json.Unmarshal(x, &(*l)[i]); err != nil {
			return err
		}
	}
	return nil
}
