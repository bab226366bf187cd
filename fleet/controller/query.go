package controller

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A query chooses devices, such as
//
//	labels.site = 'north' and (board.model ~ 'Pi 5' or board.memory >= 4e9)
//	@canaries or @north and not state = 'offline'
//
// A word that begins with @ stands for the query of a group.
// Fields: id, state, version, simulated, labels.NAME, board.model, board.arch,
// board.tier, board.cpus, board.memory, pipeline.NAME.bundle, .version,
// .sha256, .state, .label. Operators: = != ~ !~ (contains, whatever the case)
// < <= > >= (numbers); and, or, not, parentheses. The empty query is every
// device.
type query struct {
	text  string
	match func(*Device) bool
}

// String returns the text of the query.
func (q query) String() string { return q.text }

// Limits of a query.
const (
	maxQuery      = 2000 // bytes
	maxQueryDepth = 20
	maxQueryWords = 10_000 // of it and of all groups that it names
)

// parseQuery reads a query. groups are the queries of groups by name.
func parseQuery(text string, groups map[string]string) (query, error) {
	budget := maxQueryWords
	match, err := parseMatch(text, groups, 0, &budget)
	return query{strings.Trim(text, querySpace), match}, err
}

func parseMatch(text string, groups map[string]string, depth int, budget *int) (func(*Device) bool, error) {
	if len(text) > maxQuery {
		return nil, queryError("longer than %d bytes", maxQuery)
	}
	words, err := queryWords(text)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		return func(*Device) bool { return true }, nil
	}
	if *budget -= len(words); *budget < 0 {
		return nil, queryError("with its groups, more than %d words", maxQueryWords)
	}
	p := queryParser{words: words, groups: groups, budget: budget}
	match, err := p.either(depth)
	if err == nil && p.at < len(words) {
		err = queryError("%q at its place %d: want and, or, or the end", words[p.at].text, p.at+1)
	}
	return match, err
}

func queryError(format string, args ...any) error {
	return problem(400, "query: "+fmt.Sprintf(format, args...), `write it like  labels.site = 'north' and board.model ~ 'Pi 5'`)
}

type queryWord struct {
	text   string
	quoted bool
}

const (
	queryOperators = "=!~<>()"
	querySpace     = " \t\r\n" // any other character, seen or not, is part of a value
)

func queryWords(text string) ([]queryWord, error) {
	var words []queryWord
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case strings.IndexByte(querySpace, c) >= 0:
			i++
		case c == '\'' || c == '"':
			end := strings.IndexByte(text[i+1:], c)
			if end < 0 {
				return nil, queryError("no end to the text that begins with %.20s", text[i:])
			}
			words = append(words, queryWord{text[i+1 : i+1+end], true})
			i += end + 2
		case strings.IndexByte(queryOperators, c) >= 0:
			n := 1
			if i+1 < len(text) && slices.Contains([]string{"!=", "!~", "<=", ">="}, text[i:i+2]) {
				n = 2
			}
			words = append(words, queryWord{text[i : i+n], false})
			i += n
		default:
			n := strings.IndexAny(text[i:], queryOperators+querySpace+"'\"")
			if n < 0 {
				n = len(text) - i
			}
			words = append(words, queryWord{text[i : i+n], false})
			i += n
		}
	}
	return words, nil
}

type queryParser struct {
	words  []queryWord
	at     int
	groups map[string]string
	budget *int // words that may still be read
}

// next takes a word that is not quoted, if it is the wanted one.
func (p *queryParser) next(want string) bool {
	if p.at < len(p.words) && !p.words[p.at].quoted && strings.EqualFold(p.words[p.at].text, want) {
		p.at++
		return true
	}
	return false
}

func (p *queryParser) either(depth int) (func(*Device) bool, error) {
	left, err := p.both(depth)
	for err == nil && p.next("or") {
		a := left
		var b func(*Device) bool
		b, err = p.both(depth)
		left = func(d *Device) bool { return a(d) || b(d) }
	}
	return left, err
}

func (p *queryParser) both(depth int) (func(*Device) bool, error) {
	left, err := p.one(depth)
	for err == nil && p.next("and") {
		a := left
		var b func(*Device) bool
		b, err = p.one(depth)
		left = func(d *Device) bool { return a(d) && b(d) }
	}
	return left, err
}

func (p *queryParser) one(depth int) (func(*Device) bool, error) {
	if depth > maxQueryDepth {
		return nil, queryError("more than %d levels deep", maxQueryDepth)
	}
	if p.next("not") {
		m, err := p.one(depth + 1)
		return func(d *Device) bool { return !m(d) }, err
	}
	if p.next("(") {
		m, err := p.either(depth + 1)
		if err == nil && !p.next(")") {
			err = queryError("a parenthesis is not closed")
		}
		return m, err
	}
	if p.at < len(p.words) && !p.words[p.at].quoted && strings.HasPrefix(p.words[p.at].text, "@") {
		return p.group(depth)
	}
	return p.comparison()
}

// group reads @NAME. A group that names itself runs out of depth.
func (p *queryParser) group(depth int) (func(*Device) bool, error) {
	name := p.words[p.at].text[1:]
	p.at++
	text, ok := p.groups[name]
	if !ok {
		return nil, problem(400, fmt.Sprintf("query: no group is named %.60q", name), "dunlin-fleet group lists them")
	}
	match, err := parseMatch(text, p.groups, depth+1, p.budget)
	if err != nil {
		return nil, queryError("group %s: %s", name, AsProblem(err).Title)
	}
	return match, nil
}

func (p *queryParser) comparison() (func(*Device) bool, error) {
	if len(p.words)-p.at < 3 {
		return nil, queryError("it ends where a comparison should stand")
	}
	field, op, value := p.words[p.at], p.words[p.at+1], p.words[p.at+2]
	p.at += 3
	get, err := queryField(field.text)
	if err != nil {
		return nil, err
	}
	if !value.quoted && strings.ContainsAny(value.text, queryOperators) {
		return nil, queryError("a value should stand after %s %s, not %q", field.text, op.text, value.text)
	}
	test, err := queryTest(op.text, value.text)
	return func(d *Device) bool { return test(get(d)) }, err
}

func queryTest(op, want string) (func(string) bool, error) {
	low := strings.ToLower(want)
	switch op {
	case "=":
		return func(s string) bool { return s == want }, nil
	case "!=":
		return func(s string) bool { return s != want }, nil
	case "~":
		return func(s string) bool { return strings.Contains(strings.ToLower(s), low) }, nil
	case "!~":
		return func(s string) bool { return !strings.Contains(strings.ToLower(s), low) }, nil
	}
	if !slices.Contains([]string{"<", "<=", ">", ">="}, op) {
		return nil, queryError("%q is no operator; there are = != ~ !~ < <= > >=", op)
	}
	limit, err := strconv.ParseFloat(want, 64)
	if err != nil {
		return nil, queryError("%s wants a number, not %q", op, want)
	}
	return func(s string) bool {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return false
		}
		switch op {
		case "<":
			return x < limit
		case "<=":
			return x <= limit
		case ">":
			return x > limit
		}
		return x >= limit
	}, nil
}

// queryFields are the fields with one name.
var queryFields = map[string]func(*Device) string{
	"id":           func(d *Device) string { return d.ID },
	"state":        func(d *Device) string { return d.State },
	"version":      func(d *Device) string { return d.reported().Version },
	"simulated":    func(d *Device) string { return strconv.FormatBool(d.reported().Simulated) },
	"board.model":  func(d *Device) string { return d.reported().Board.Model },
	"board.arch":   func(d *Device) string { return d.reported().Board.Arch },
	"board.tier":   func(d *Device) string { return d.reported().Board.Tier },
	"board.cpus":   func(d *Device) string { return strconv.Itoa(d.reported().Board.CPUs) },
	"board.memory": func(d *Device) string { return strconv.FormatInt(d.reported().Board.Memory, 10) },
}

func queryField(name string) (func(*Device) string, error) {
	if get := queryFields[name]; get != nil {
		return get, nil
	}
	if label, ok := strings.CutPrefix(name, "labels."); ok && label != "" {
		return func(d *Device) string { return d.label(label) }, nil
	}
	if rest, ok := strings.CutPrefix(name, "pipeline."); ok {
		i := strings.LastIndexByte(rest, '.')
		if i > 0 && slices.Contains([]string{"bundle", "version", "sha256", "state", "label"}, rest[i+1:]) {
			return func(d *Device) string { return d.pipeline(rest[:i], rest[i+1:]) }, nil
		}
	}
	names := []string{"labels.NAME", "pipeline.NAME.(bundle|version|sha256|state|label)"}
	for n := range queryFields {
		names = append(names, n)
	}
	slices.Sort(names)
	return nil, problem(400, fmt.Sprintf("query: no field is named %.60q", name), "fields: "+strings.Join(names, ", "))
}
