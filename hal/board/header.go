package board

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

//go:embed headers.txt
var headersText string

// A header is what a board's pins lead to.
type header struct {
	compatible []string
	chips      []string // labels of the GPIO chips that numbers count on
	pins       []headerPin
}

// A headerPin is one pin with a GPIO line.
type headerPin struct {
	pin    int      // printed beside it
	gpio   int      // as Raspberry Pi's documentation counts
	names  []string // that kernels give the line
	number int      // of the line on one of the chips; -1 where it has a name
}

// headers reads the table.
func headers() (all []header, err error) {
	for i, line := range strings.Split(headersText, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#" || strings.HasPrefix(words[0], "#"):
		case words[0] == "board":
			all = append(all, header{compatible: words[1:]})
		case len(all) == 0:
			return nil, fmt.Errorf("headers.txt:%d: no board yet", i+1)
		case words[0] == "chips":
			all[len(all)-1].chips = words[1:]
		default:
			for _, w := range words {
				p, err := parsePin(w)
				if err != nil {
					return nil, fmt.Errorf("headers.txt:%d: %w", i+1, err)
				}
				all[len(all)-1].pins = append(all[len(all)-1].pins, p)
			}
		}
	}
	return all, nil
}

// parsePin reads PIN:GPIO, PIN:GPIO=NAME or PIN:GPIO=@N.
func parsePin(word string) (p headerPin, err error) {
	place, name, named := strings.Cut(word, "=")
	pin, gpio, _ := strings.Cut(place, ":")
	var e1, e2 error
	p.pin, e1 = strconv.Atoi(pin)
	p.gpio, e2 = strconv.Atoi(gpio)
	p.number = -1
	number, counted := strings.CutPrefix(name, "@")
	switch {
	case !named:
		p.number, p.names = p.gpio, []string{"GPIO" + gpio}
	case counted:
		p.number, err = strconv.Atoi(number)
	default: // Tegra's kernels left the P out for a while
		p.names = []string{name, strings.TrimPrefix(name, "P")}
	}
	return p, errors.Join(err, e1, e2)
}

// headerOf finds the header of the board below root.
func headerOf(root devfs.Root) *header {
	text, _ := root.Attr("sys/firmware/devicetree/base/compatible")
	tree := strings.FieldsFunc(text, func(c rune) bool { return c == 0 })
	all, _ := headers() // a test reads the table
	for i := range all {
		for _, want := range all[i].compatible {
			prefix, begins := strings.CutSuffix(want, "*")
			if slices.ContainsFunc(tree, func(have string) bool { return have == want || begins && strings.HasPrefix(have, prefix) }) {
				return &all[i]
			}
		}
	}
	return nil
}

// headerPrefix is how a pin is named by its place: header/11.
const headerPrefix = "header/"

// pinOf finds what a name such as header/11 or GPIO17 means on this board.
func pinOf(root devfs.Root, name string) (*header, *headerPin, error) {
	place, byPlace := strings.CutPrefix(name, headerPrefix)
	h := headerOf(root)
	if h == nil {
		if byPlace {
			return nil, nil, fmt.Errorf("GPIO line %.60q: this board's header is not known; name the line as dunlin sensors scan lists it", name)
		}
		return nil, nil, nil
	}
	i := slices.IndexFunc(h.pins, func(p headerPin) bool {
		if byPlace {
			return strconv.Itoa(p.pin) == place
		}
		return "GPIO"+strconv.Itoa(p.gpio) == name
	})
	if i < 0 && byPlace {
		var have []string
		for _, p := range h.pins {
			have = append(have, strconv.Itoa(p.pin))
		}
		return nil, nil, fmt.Errorf("GPIO line %.60q: no such line; pins with one: %s", name, strings.Join(have, " "))
	}
	if i < 0 {
		return nil, nil, nil
	}
	return h, &h.pins[i], nil
}
