// Command man writes manual pages from what programs say in their help, so that
// there is one text for both.
//
//	man FOLDER-OF-PROGRAMS FOLDER-OF-PAGES
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

type page struct {
	program, section, short string
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: man FOLDER-OF-PROGRAMS FOLDER-OF-PAGES")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

func run(bin, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, p := range []page{
		{"dunlin", "1", "edge inference agent and model tools"},
		{"dunlin-fleet", "1", "controller of a fleet of dunlin agents"},
		{"dunlin-guard", "8", "start the dunlin agent, and go back from a bad update"},
	} {
		text, err := p.write(filepath.Join(bin, p.program))
		if err != nil {
			return fmt.Errorf("%s: %w", p.program, err)
		}
		var z bytes.Buffer
		w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, p.program+"."+p.section+".gz"), z.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// command is a line of a list of commands: two spaces, a name, what it does.
var command = regexp.MustCompile(`(?m)^  ([a-z][a-z-]+) {2,}\S`)

func (p page) write(program string) ([]byte, error) {
	top, err := help(program)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, ".TH %s %s \"\" \"Dunlin\"\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n", strings.ToUpper(p.program), p.section, p.program, p.short, p.program)
	if p.program == "dunlin-guard" {
		b.WriteString(".RI [ option ...]\n.SH DESCRIPTION\n")
		b.Write(plain(top))
		return b.Bytes(), nil
	}
	b.WriteString(".I COMMAND\n.RI [ argument ...]\n.SH DESCRIPTION\n")
	b.Write(plain(top))
	for _, name := range commands(top) {
		if name == "help" {
			continue
		}
		text, err := help(program, name)
		if err != nil {
			return nil, err
		}
		section(&b, name, text)
		for _, sub := range commands(text) {
			if text, err := help(program, name, sub); err == nil {
				section(&b, name+" "+sub, text)
			}
		}
	}
	return b.Bytes(), nil
}

func help(program string, args ...string) ([]byte, error) {
	out, err := exec.Command(program, append([]string{"help"}, args...)...).Output()
	if err != nil { // dunlin-guard has one text, and no command
		out, err = exec.Command(program, "--help").Output()
	}
	return out, err
}

// commands names those in a help text's list.
func commands(text []byte) []string {
	at := bytes.Index(text, []byte("ommands:\n"))
	if at < 0 {
		return nil
	}
	list := text[at+len("ommands:\n"):]
	if end := bytes.Index(list, []byte("\n\n")); end >= 0 {
		list = list[:end]
	}
	var names []string
	for _, m := range command.FindAllSubmatch(list, -1) {
		names = append(names, string(m[1]))
	}
	return names
}

func section(b *bytes.Buffer, name string, text []byte) {
	fmt.Fprintf(b, ".SH %s\n", strings.ToUpper(name))
	b.Write(plain(text))
}

// plain keeps the lines of a text as they are.
func plain(text []byte) []byte {
	var b bytes.Buffer
	b.WriteString(".nf\n")
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		line = strings.ReplaceAll(line, `\`, `\e`)
		line = strings.ReplaceAll(line, "-", `\-`)
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		b.WriteString(line + "\n")
	}
	b.WriteString(".fi\n")
	return b.Bytes()
}
