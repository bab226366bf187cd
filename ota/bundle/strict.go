package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a manifest, raw pipeline included.
const maxDepth = 32

// checkKeys walks raw beside the Manifest type: every key must be a field's
// exact name and appear once, every value have the field's JSON type. Below
// raw parts only repeated keys and depth are checked.
func checkKeys(raw []byte) error {
	if !utf8.Valid(raw) {
		return errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	w := walker{dec: dec}
	if err := w.value(reflect.TypeFor[Manifest](), "", 0); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("JSON ends early")
		}
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the closing brace")
	}
	return nil
}

type walker struct{ dec *json.Decoder }

// value checks one value against t; a nil t takes anything.
func (w walker) value(t reflect.Type, path string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: nested deeper than %d", path, maxDepth)
	}
	tok, err := w.dec.Token()
	if err != nil {
		return jsonError(path, err)
	}
	t, any := resolve(t)
	if got := kindOf(tok); !any && got != want(t) {
		return fmt.Errorf("%s: %s found, %s wanted", orTop(path), got, want(t))
	}
	switch tok {
	case json.Delim('{'):
		return w.object(t, path, depth)
	case json.Delim('['):
		return w.array(t, path, depth)
	}
	return nil
}

func (w walker) object(t reflect.Type, path string, depth int) error {
	seen := map[string]bool{}
	for w.dec.More() {
		tok, err := w.dec.Token()
		if err != nil {
			return jsonError(path, err)
		}
		key, _ := tok.(string)
		at := strings.TrimPrefix(path+"."+key, ".")
		if seen[key] {
			return fmt.Errorf("%s: key appears twice", at)
		}
		seen[key] = true
		elem, err := child(t, key, at)
		if err != nil {
			return err
		}
		if err := w.value(elem, at, depth+1); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return jsonError(path, err)
}

func (w walker) array(t reflect.Type, path string, depth int) error {
	var elem reflect.Type
	if t != nil {
		elem = t.Elem()
	}
	for i := 0; w.dec.More(); i++ {
		if err := w.value(elem, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return jsonError(path, err)
}

func jsonError(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", orTop(path), err)
}

func orTop(path string) string {
	if path == "" {
		return "top level"
	}
	return path
}

// resolve follows pointers; raw and absent types accept any value.
func resolve(t reflect.Type) (reflect.Type, bool) {
	if t == nil || t == reflect.TypeFor[json.RawMessage]() {
		return nil, true
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, false
}

func kindOf(tok json.Token) string {
	switch v := tok.(type) {
	case json.Delim:
		if v == '{' {
			return "object"
		}
		return "list"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	}
	return "null"
}

func want(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Slice:
		return "list"
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	}
	return "number"
}

// child returns the type of t's member key, or an error that names the nearest
// key there is.
func child(t reflect.Type, key, at string) (reflect.Type, error) {
	if t == nil {
		return nil, nil
	}
	if t.Kind() == reflect.Map {
		return t.Elem(), nil
	}
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == key {
			return f.Type, nil
		}
		names = append(names, name)
	}
	if n := nearest(key, names); n != "" {
		return nil, fmt.Errorf("%s: unknown key, did you mean %q?", at, n)
	}
	return nil, fmt.Errorf("%s: unknown key, known here: %s", at, strings.Join(names, ", "))
}

// nearest returns the name with the smallest edit distance to key, or "" where
// none is close.
func nearest(key string, names []string) string {
	if len(key) > MaxNameBytes {
		return ""
	}
	best, limit := "", 1+max(1, len(key)/3)
	for _, n := range names {
		if d := distance(strings.ToLower(key), n); d < limit {
			best, limit = n, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
