package controller

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// TestDocumentTellsWhatIs fills a controller, asks for everything that the
// document has, and holds each answer against its schema; and asks for what it
// has not.
func TestDocumentTellsWhatIs(t *testing.T) {
	d := newDesk(t)
	ids := d.fill()
	_, err := d.store.db.Exec(`INSERT INTO results_hourly (device, pipeline, model, class, hour, n, score, latency) VALUES ($1, 'p', 'm', 0, $2, 1, 1, 1)`, cmp.Or(ids["devices"], "x"), d.now.Unix()/3600)
	d.must(err)
	resp, text := d.ask("", "GET", "/openapi.json", "")
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct{ Schema any }
			}
		}
		Components struct{ Schemas map[string]any }
	}
	if err = json.Unmarshal([]byte(text), &doc); resp.StatusCode != 200 || err != nil || len(doc.Paths) < 30 {
		t.Fatalf("%s %v %.200s", resp.Status, err, text)
	}
	check := checker{schemas: doc.Components.Schemas}
	name := regexp.MustCompile(`\{[a-z0-9]+\}`)
	for path, methods := range doc.Paths {
		at := name.ReplaceAllStringFunc(path, func(string) string { return cmp.Or(ids[strings.Split(path, "/")[1]], "x") })
		for _, m := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
			o, has := methods[strings.ToLower(m)]
			if !has {
				if resp, _ := d.ask(d.admin, m, at, ""); resp.StatusCode != 405 {
					t.Errorf("%s %s is in no document, and answers %s", m, at, resp.Status)
				}
				continue
			}
			schema, isJSON := o.Responses["200"].Content["application/json"]
			if m != "GET" || !isJSON {
				continue
			}
			resp, body := d.ask(d.admin, m, at, "")
			if resp.StatusCode != 200 {
				t.Errorf("%s %s: %s %s", m, at, resp.Status, body)
				continue
			}
			var v any
			d.must(json.Unmarshal([]byte(body), &v))
			if all, isList := v.([]any); isList && len(all) == 0 && path != "/drift" {
				t.Errorf("%s is empty, and so says nothing", at)
			}
			if err := check.fits(schema.Schema, v); err != nil {
				t.Errorf("%s %s: %v in %s", m, at, err, body)
			}
		}
	}
	resp, body := d.ask(d.admin, "GET", "/devices/none", "")
	var v any
	d.must(json.Unmarshal([]byte(body), &v))
	if err := check.fits(map[string]any{"$ref": "#/components/schemas/Problem"}, v); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("%s: %v in %s", resp.Status, err, body)
	}
}

// fill makes one of everything, and returns a name for each kind of path.
func (d *desk) fill() map[string]string {
	d.t.Helper()
	ctx := d.t.Context()
	d.addDevice("x")
	slot := fleet.Reported{Board: fleet.Board{Model: "Pi"}, Labels: map[string]string{"a": "b"}, Slots: []fleet.SlotReported{{Slot: "machine", State: "idle"}}}
	_, err := d.commit(ctx, []message{say(&actor{id: "x"}, fleet.TopicHello, fleet.Hello{Boot: actorBoot, Conn: 1, Epoch: 7}), say(&actor{id: "x"}, fleet.TopicReported, slot)})
	d.must(err)
	_, err = d.store.db.ExecContext(ctx, `INSERT INTO ranges (device, epoch, hi, rest) VALUES ('x', 7, 3, '[]')`)
	d.must(err)
	_, err = d.store.db.ExecContext(ctx, `INSERT INTO captures (sha256, device, size, why, at) VALUES ('s', 'x', 1, 1, 1)`)
	d.must(err)
	_, err = d.store.db.ExecContext(ctx, `INSERT INTO pending (device, key_hash, token, at) VALUES ('y', 'k', 't', 1)`)
	d.must(err)
	_, err = d.store.db.ExecContext(ctx, `INSERT INTO clients (name, role, serial, created, not_after, author) VALUES ('c', 'reader', '1', 1, 1, 'test')`)
	d.must(err)
	d.must(d.SetGroup(ctx, "test", "north", "labels.a = b"))
	b, err := d.CommandAll(ctx, "test", "", CommandOptions{Name: "ping"})
	d.must(err)
	one, err := d.Command(ctx, "test", "x", CommandOptions{Name: "ping", Args: json.RawMessage(`{"a":1}`)})
	d.must(err)
	a, err := d.Assign(ctx, "test", AssignmentOptions{Target: "models/machine/1.1.0.dunlin"})
	d.must(err)
	d.must(d.tick(ctx))
	d.must(d.SetUser(ctx, "test", "alice", Viewer, "correct horse battery"))
	_, err = d.SetWebhook(ctx, "test", "hook", "https://h.example/x", nil)
	d.must(err)
	d.now = d.now.Add(time.Second)
	return map[string]string{"devices": "x", "commands": one.ID, "batches": b.ID, "assignments": a.ID}
}

// checker holds values against the part of JSON Schema that the document uses.
type checker struct{ schemas map[string]any }

func (c checker) fits(schema, v any) error {
	s, ok := schema.(map[string]any)
	if !ok {
		return fmt.Errorf("schema %v", schema)
	}
	if ref, ok := s["$ref"].(string); ok {
		to, known := c.schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
		if !known {
			return fmt.Errorf("%s leads nowhere", ref)
		}
		return c.fits(to, v)
	}
	kinds := []any{s["type"]}
	if two, ok := s["type"].([]any); ok {
		kinds = two
	}
	if s["type"] != nil && !slices.ContainsFunc(kinds, func(k any) bool { return isKind(k.(string), v) }) {
		return fmt.Errorf("%v is no %v", v, s["type"])
	}
	switch x := v.(type) {
	case []any:
		for _, item := range x {
			if err := c.fits(s["items"], item); err != nil {
				return err
			}
		}
	case map[string]any:
		return c.object(s, x)
	}
	return nil
}

func (c checker) object(s, v map[string]any) error {
	required, _ := s["required"].([]any)
	for _, k := range required {
		if _, has := v[k.(string)]; !has {
			return fmt.Errorf("%s is missing", k)
		}
	}
	properties, _ := s["properties"].(map[string]any)
	for k, x := range v {
		schema, known := properties[k]
		if !known {
			if schema = s["additionalProperties"]; schema == nil {
				if properties == nil {
					continue
				}
				return fmt.Errorf("%s is in no document", k)
			}
		}
		if err := c.fits(schema, x); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
	}
	return nil
}

func isKind(kind string, v any) bool {
	switch x := v.(type) {
	case nil:
		return kind == "null"
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case float64:
		return kind == "number" || kind == "integer" && x == float64(int64(x))
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	}
	return false
}
