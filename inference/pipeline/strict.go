package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// field binds a key of a JSON object to where its value goes.
type field struct {
	key   string
	value any // pointer, or func(raw, path) error
}

// object decodes raw strictly: no unknown, repeated or trailing anything.
func object(raw []byte, path string, fields []field) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return at(path, errors.New("want an object"))
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return at(path, err)
		}
		key, _ := t.(string)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return at(join(path, key), err)
		}
		if seen[key] {
			return at(join(path, key), errors.New("given twice"))
		}
		seen[key] = true
		if err := assign(fields, key, value, path); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return at(path, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return at(path, errors.New("something follows the object"))
	}
	return nil
}

func assign(fields []field, key string, value json.RawMessage, path string) error {
	for _, f := range fields {
		if f.key != key {
			continue
		}
		if fn, ok := f.value.(func(json.RawMessage, string) error); ok {
			return fn(value, join(path, key))
		}
		if string(value) == "null" {
			return at(join(path, key), errors.New("null, want a value or no key"))
		}
		err := json.Unmarshal(value, f.value)
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return at(join(path, key), fmt.Errorf("%s, want %s", wrong.Value, kindOf(f.value)))
		}
		if err != nil {
			return at(join(path, key), err)
		}
		return nil
	}
	return at(join(path, key), unknownKey(key, fields))
}

// kindOf names what a pointer holds, for people.
func kindOf(v any) string {
	switch v.(type) {
	case *string:
		return "a string"
	case *int:
		return "a whole number"
	case *float64, **float64:
		return "a number"
	case *bool:
		return "true or false"
	case *[]string:
		return "a list of strings"
	}
	return "a list of numbers"
}

func unknownKey(key string, fields []field) error {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.key
	}
	return unknown("key", key, names)
}

// unknown is the error of a word that is none of names; it suggests the
// nearest.
func unknown(what, word string, names []string) error {
	best, distance := "", 8*(1+max(2, len(word)/3))
	for _, n := range names {
		// Among equally near words the one of nearer length.
		d := 8*editDistance(word, n) + min(7, max(len(n)-len(word), len(word)-len(n)))
		if d < distance {
			best, distance = n, d
		}
	}
	if best != "" {
		return fmt.Errorf("unknown %s, did you mean %q?", what, best)
	}
	return fmt.Errorf("unknown %s, want one of %s", what, strings.Join(names, ", "))
}

// editDistance counts the insertions, deletions and changes between two words,
// of which it looks at the first 64 bytes.
func editDistance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0]++
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func join(path, key string) string {
	if len(key) > 64 {
		key = key[:64] + "..."
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func at(path string, err error) error {
	if path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}
