package oip

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Elements parts a JSON array into at most limit elements. encoding/json would
// take tens of bytes for each of millions before anybody could count them.
func Elements(raw []byte, limit int) ([]json.RawMessage, error) {
	var list []json.RawMessage
	err := part(raw, '[', func(d *json.Decoder) error {
		if len(list) == limit {
			return &Error{fmt.Sprintf("more than %d elements", limit)}
		}
		var x json.RawMessage
		err := d.Decode(&x)
		list = append(list, x)
		return err
	})
	return list, err
}

// Members parts a JSON object into at most limit members.
func Members(raw []byte, limit int) (map[string]json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	err := part(raw, '{', func(d *json.Decoder) error {
		if len(members) == limit {
			return &Error{fmt.Sprintf("more than %d members", limit)}
		}
		key, err := d.Token()
		if err != nil {
			return err
		}
		var x json.RawMessage
		err = d.Decode(&x)
		members[key.(string)] = x
		return err
	})
	return members, err
}

// part calls next for each part of an array or an object.
func part(raw []byte, open json.Delim, next func(*json.Decoder) error) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	first, err := d.Token()
	if err != nil || first != open {
		return &Error{fmt.Sprintf("want %s...", open)}
	}
	for d.More() {
		if err := next(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
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
