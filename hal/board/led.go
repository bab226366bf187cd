package board

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// An LED is one of the kernel's (Documentation/leds/leds-class.rst), such as a
// board's own. It is taken from its trigger, and given back by Close.
type LED struct {
	mu      sync.Mutex
	root    devfs.Root
	dir     string
	name    string
	most    string // its brightest
	trigger string // that it had
}

// OpenLED takes an LED and switches it off.
func OpenLED(root, name string) (*LED, error) {
	l := &LED{root: devfs.Root(root), dir: "/sys/class/leds/" + name, name: name}
	if name == "" || strings.ContainsAny(name, "/\x00") || name == ".." {
		return nil, fmt.Errorf("LED %.60q: want a name; %s", name, l.others())
	}
	var err error
	if l.most, err = l.root.Attr(l.dir, "max_brightness"); err != nil {
		return nil, fmt.Errorf("%w: no LED is named %.60q; %s", hal.ErrAbsent, name, l.others())
	}
	triggers, _ := l.root.Attr(l.dir, "trigger")
	if _, rest, ok := strings.Cut(triggers, "["); ok {
		l.trigger, _, _ = strings.Cut(rest, "]")
	}
	if err := l.root.SetAttr("none", l.dir, "trigger"); err != nil {
		return nil, l.root.Explain("LED "+name, l.root.Path(l.dir, "trigger"), err)
	}
	if err := l.Halt(); err != nil {
		return nil, err
	}
	return l, nil
}

// others lists the LEDs there are.
func (l *LED) others() string {
	paths, _ := filepath.Glob(l.root.Path("/sys/class/leds/*"))
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	if len(names) == 0 {
		return "here is none"
	}
	return "here: " + strings.Join(names, ", ")
}

// Set implements hal.Actuator: on for values above 0.
func (l *LED) Set(_ context.Context, value float64) error {
	if value > 0 {
		return l.put(l.most)
	}
	return l.put("0")
}

// Halt implements hal.Actuator: off.
func (l *LED) Halt() error { return l.put("0") }

func (l *LED) put(brightness string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.root.SetAttr(brightness, l.dir, "brightness"); err != nil {
		return l.root.Explain("LED "+l.name, l.root.Path(l.dir, "brightness"), err)
	}
	return nil
}

// Close switches it off and gives it back to its trigger.
func (l *LED) Close() error {
	err := l.Halt()
	if l.trigger != "" && l.trigger != "none" {
		_ = l.root.SetAttr(l.trigger, l.dir, "trigger") // it is off, that is what counts
	}
	return err
}

var _ hal.Actuator = (*LED)(nil)
