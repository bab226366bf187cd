package controller

import (
	"encoding"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// document is an OpenAPI 3.1 document. It is made of the table of routes and
// of the Go types that they read and write, so it says what they do.
type document struct {
	OpenAPI    string                          `json:"openapi"`
	Info       documentInfo                    `json:"info"`
	Servers    []documentServer                `json:"servers"`
	Security   []map[string][]string           `json:"security"`
	Paths      map[string]map[string]operation `json:"paths"`
	Components components                      `json:"components"`
}

type documentInfo struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

type documentServer struct {
	URL string `json:"url"`
}

type components struct {
	Schemas         map[string]*schema        `json:"schemas"`
	SecuritySchemes map[string]securityScheme `json:"securitySchemes"`
}

type securityScheme struct {
	Type   string `json:"type"`
	Scheme string `json:"scheme"`
}

type operation struct {
	Summary    string              `json:"summary"`
	Role       Role                `json:"x-role,omitempty"` // that it takes
	Parameters []documentParameter `json:"parameters,omitempty"`
	Body       *content            `json:"requestBody,omitempty"`
	Responses  map[string]content  `json:"responses"`
	// Security is empty, not absent, where nobody has to sign in.
	Security *[]map[string][]string `json:"security,omitempty"`
}

type documentParameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Required    bool    `json:"required,omitempty"`
	Description string  `json:"description,omitempty"`
	Schema      *schema `json:"schema"`
}

type content struct {
	Description string               `json:"description,omitempty"`
	Required    bool                 `json:"required,omitempty"`
	Content     map[string]mediaType `json:"content"`
}

type mediaType struct {
	Schema *schema `json:"schema"`
}

// schema is the part of JSON Schema that our types need. Type is a name or, where null is possible, two.
type schema struct {
	Ref        string             `json:"$ref,omitempty"`
	Type       any                `json:"type,omitempty"`
	Format     string             `json:"format,omitempty"`
	Enum       []Role             `json:"enum,omitempty"`
	Minimum    *int               `json:"minimum,omitempty"`
	Items      *schema            `json:"items,omitempty"`
	Properties map[string]*schema `json:"properties,omitempty"`
	Required   []string           `json:"required,omitempty"`
	Additional any                `json:"additionalProperties,omitempty"` // a schema, or false
	OneOf      []*schema          `json:"oneOf,omitempty"`
	MinLength  int                `json:"minLength,omitempty"`
}

var pathParameter = regexp.MustCompile(`\{([a-z0-9]+)\}`)

// document describes every route.
func (c *Controller) document() document {
	t := typist{schemas: map[string]*schema{}}
	d := document{
		OpenAPI: "3.1.0", Info: documentInfo{"Dunlin: a fleet", "1", "Lists come in pages; the Link header names the next one. Errors are problems (RFC 9457) with a hint. Times are RFC 3339, durations like 90m or 24h."},
		Servers: []documentServer{{apiPrefix}}, Security: []map[string][]string{{"token": {}}}, Paths: map[string]map[string]operation{},
	}
	for _, x := range c.routes() {
		if d.Paths[x.path] == nil {
			d.Paths[x.path] = map[string]operation{}
		}
		d.Paths[x.path][strings.ToLower(x.method)] = t.operation(x)
	}
	d.Components = components{t.schemas, map[string]securityScheme{"token": {"http", "bearer"}}}
	return d
}

// typist writes the schemas of Go types down, each named one once.
type typist struct{ schemas map[string]*schema }

func (t *typist) operation(x route) operation {
	o := operation{Summary: x.summary, Role: x.need, Responses: map[string]content{"200": {Description: "done", Content: t.answer(x)}}}
	refused := map[string]mediaType{"application/problem+json": {t.of(reflect.TypeFor[Problem](), false)}}
	for _, code := range []string{"4XX", "5XX"} {
		o.Responses[code] = content{Description: "refused, with what to do", Content: refused}
	}
	if x.need == "" {
		o.Security = &[]map[string][]string{}
	}
	for _, m := range pathParameter.FindAllStringSubmatch(x.path, -1) {
		o.Parameters = append(o.Parameters, documentParameter{Name: m[1], In: "path", Required: true, Schema: &schema{Type: "string", MinLength: 1}})
	}
	for _, p := range x.query {
		kind := "string"
		if p.integer {
			kind = "integer"
		}
		o.Parameters = append(o.Parameters, documentParameter{Name: p.name, In: "query", Description: p.about, Schema: &schema{Type: kind}})
	}
	if x.body != nil {
		o.Body = &content{Required: true, Content: map[string]mediaType{"application/json": {t.of(reflect.TypeOf(x.body), true)}}}
	}
	return o
}

func (t *typist) answer(x route) map[string]mediaType {
	switch v := x.answer.(type) {
	case nil:
		if x.media != "" {
			return map[string]mediaType{x.media: {&schema{Type: "string"}}}
		}
		return map[string]mediaType{"application/json": {&schema{Type: "object"}}}
	case document:
		return map[string]mediaType{"application/json": {&schema{Type: "object"}}}
	case interface{ oneOf() []any }:
		s := &schema{}
		for _, one := range v.oneOf() {
			s.OneOf = append(s.OneOf, t.of(reflect.TypeOf(one), false))
		}
		return map[string]mediaType{"application/json": {s}}
	}
	s := t.of(reflect.TypeOf(x.answer), false)
	if _, two := s.Type.([]string); two {
		s.Type = "array" // a list that we answer with is never null
	}
	return map[string]mediaType{"application/json": {s}}
}

// of is the schema of a type, as encoding/json writes it, or with in reads it:
// strictly, and without null.
func (t *typist) of(g reflect.Type, in bool) *schema {
	switch g {
	case reflect.TypeFor[time.Time]():
		return &schema{Type: "string", Format: "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return &schema{}
	case reflect.TypeFor[Role]():
		return &schema{Type: "string", Enum: roles}
	}
	if g.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return &schema{Type: "string"}
	}
	orNull := func(name string) any {
		if in {
			return name
		}
		return []string{name, "null"}
	}
	zero := 0
	switch g.Kind() {
	case reflect.String:
		return &schema{Type: "string"}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Float32, reflect.Float64:
		return &schema{Type: "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &schema{Type: "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &schema{Type: "integer", Minimum: &zero}
	case reflect.Pointer:
		return t.of(g.Elem(), in)
	case reflect.Slice, reflect.Array:
		return &schema{Type: orNull("array"), Items: t.of(g.Elem(), in)}
	case reflect.Map:
		return &schema{Type: orNull("object"), Additional: t.of(g.Elem(), in)}
	}
	return t.object(g, in)
}

// object writes a struct down under its name.
func (t *typist) object(g reflect.Type, in bool) *schema {
	name := []rune(g.Name())
	name[0] = unicode.ToUpper(name[0])
	ref := &schema{Ref: "#/components/schemas/" + string(name)}
	if t.schemas[string(name)] != nil {
		return ref
	}
	s := &schema{Type: "object", Properties: map[string]*schema{}}
	t.schemas[string(name)] = s // before its fields, which may lead back here
	if in {
		s.Additional = false
	}
	for f := range g.Fields() {
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || key == "-" {
			continue
		}
		if key == "" {
			key = f.Name
		}
		s.Properties[key] = t.of(f.Type, in)
		if !strings.Contains(options, "omit") {
			s.Required = append(s.Required, key)
		}
	}
	return ref
}
