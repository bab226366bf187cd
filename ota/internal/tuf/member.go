package tuf

import (
	"fmt"
	"time"
)

// reader takes members out of an object and keeps the first thing that was
// wrong with one, so that callers check once.
type reader struct {
	object
	err error
}

func (r *reader) fail(name, want string) {
	if r.err != nil {
		return
	}
	if _, ok := r.object[name]; ok {
		r.err = fmt.Errorf("%q is not %s", name, want)
		return
	}
	r.err = fmt.Errorf("no %q", name)
}

// member takes a member of type T that must be there.
func member[T any](r *reader, name, want string) T {
	v, ok := r.object[name].(T)
	if !ok {
		r.fail(name, want)
	}
	return v
}

// optional takes a member of type T that may be absent.
func optional[T any](r *reader, name, want string) (v T, ok bool) {
	if _, there := r.object[name]; !there {
		return v, false
	}
	return member[T](r, name, want), r.err == nil
}

func (r *reader) text(name string) string { return member[string](r, name, "a string") }

// atLeast takes an integer.
func (r *reader) atLeast(name string, least int64) int64 {
	n := member[int64](r, name, "an integer")
	if n < least {
		r.fail(name, fmt.Sprintf("at least %d", least))
	}
	return n
}

// time takes an instant as the specification writes it, in UTC to the second.
func (r *reader) time(name string) time.Time {
	t, err := time.Parse("2006-01-02T15:04:05Z", r.text(name))
	if err != nil {
		r.fail(name, "a time like 2030-01-31T12:00:00Z")
	}
	return t
}

func (r *reader) texts(name string) []string {
	list := member[[]any](r, name, "an array")
	texts := make([]string, 0, len(list))
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			r.fail(name, "an array of strings")
			return nil
		}
		texts = append(texts, s)
	}
	return texts
}

// objects takes an object of objects and reads each.
func objects[T any](r *reader, name string, read func(*reader) T) map[string]T {
	all := map[string]T{}
	for key, v := range member[object](r, name, "an object") {
		all[key] = within(r, fmt.Sprintf("%s %.80q", name, key), v, read)
	}
	return all
}

// within reads a value that must be an object, and says where what was wrong.
func within[T any](r *reader, where string, v any, read func(*reader) T) T {
	o, ok := v.(object)
	sub := &reader{object: o}
	if !ok {
		sub.err = fmt.Errorf("not an object")
	}
	t := read(sub)
	if sub.err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", where, sub.err)
	}
	return t
}
