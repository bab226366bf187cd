package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/dunlin-edge/dunlin/agent/config"
)

// flagSet is the standard one with GNU manners: flags may follow arguments,
// help shows two dashes, and an unknown flag is met with the nearest one.
type flagSet struct {
	*flag.FlagSet
	e *env
}

// flags begins the flags of the running command.
func (e *env) flags() *flagSet {
	fs := flag.NewFlagSet(e.path, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return &flagSet{fs, e}
}

// json declares --json.
func (f *flagSet) json(what string) *bool {
	return f.Bool("json", false, "print `JSON` instead of text: "+what)
}

// signature declares --signature.
func (f *flagSet) signature() *string {
	return f.String("signature", "", "`NAME` of the entry, in a model that has several")
}

// parse reads args and returns the arguments that are no flags, of which there
// must be lo to hi; hi < 0 means any number.
func (f *flagSet) parse(args []string, lo, hi int) ([]string, error) {
	var rest []string
	for {
		if err := f.FlagSet.Parse(args); err != nil {
			return nil, f.explain(err)
		}
		left := f.Args()
		if len(left) == 0 {
			break
		}
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" {
			rest = append(rest, left...)
			break
		}
		rest = append(rest, left[0])
		args = left[1:]
	}
	if len(rest) < lo {
		return nil, usageError(f.seeHelp(), "too few arguments: %d, want %d", len(rest), lo)
	}
	if hi >= 0 && len(rest) > hi {
		return nil, usageError(f.seeHelp(), "unexpected argument %q", rest[hi])
	}
	return rest, nil
}

func (f *flagSet) seeHelp() string {
	return fmt.Sprintf("see %q", "dunlin help "+f.e.path)
}

// explain turns the flag package's errors into ours.
func (f *flagSet) explain(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		f.printHelp()
		return err
	}
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return usageError(f.seeHelp(), "%v", err)
	}
	var names []string
	f.VisitAll(func(fl *flag.Flag) { names = append(names, fl.Name) })
	hint := f.seeHelp()
	if near := config.Nearest(strings.TrimLeft(name, "-"), names); near != "" {
		hint = fmt.Sprintf("did you mean --%s?", near)
	}
	return usageError(hint, "unknown flag --%s", strings.TrimLeft(name, "-"))
}

// helpWidth is the width help is written for.
const helpWidth = 80

// printHelp writes the command's usage and its flags.
func (f *flagSet) printHelp() {
	e := f.e
	e.printf("%s", e.command.usage)
	widest := 0
	f.VisitAll(func(fl *flag.Flag) { widest = max(widest, len(flagSynopsis(fl))) })
	if widest > 0 {
		e.printf("\nFlags:\n")
	}
	f.VisitAll(func(fl *flag.Flag) {
		text := wrap(flagText(fl), helpWidth-widest-4)
		e.printf("  %-*s  %s\n", widest, flagSynopsis(fl), text[0])
		for _, line := range text[1:] {
			e.printf("  %-*s  %s\n", widest, "", line)
		}
	})
}

// wrap breaks a text into lines of at most width letters, if its words allow.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

func flagSynopsis(fl *flag.Flag) string {
	dashes := "--"
	if len(fl.Name) == 1 {
		dashes = "-"
	}
	value, _ := flag.UnquoteUsage(fl)
	if isBool(fl) || value == "" {
		return dashes + fl.Name
	}
	return dashes + fl.Name + " " + value
}

func isBool(fl *flag.Flag) bool {
	b, ok := fl.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

func flagText(fl *flag.Flag) string {
	_, text := flag.UnquoteUsage(fl)
	if fl.DefValue == "" || fl.DefValue == "false" || fl.DefValue == "0" {
		return text
	}
	return text + " (default " + fl.DefValue + ")"
}
