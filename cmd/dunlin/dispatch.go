package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/inference"
)

// dispatch finds and runs the command that args name. path is the group they
// belong to, "" for the program itself.
func (e *env) dispatch(ctx context.Context, path string, table []command, args []string) error {
	if len(args) == 0 {
		e.listCommands(path, table)
		if path == "" {
			return nil
		}
		return usageError("name one of the commands above", "no command after %q", path)
	}
	switch args[0] {
	case "help", "--help", "-help", "-h":
		return e.help(ctx, path, table, args[1:])
	}
	c := find(table, args[0])
	if c == nil {
		return unknownCommand(path, table, args[0])
	}
	sub := *e
	sub.path = strings.TrimSpace(path + " " + c.name)
	sub.command = c
	err := c.run(ctx, &sub, args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return err
}

func find(table []command, name string) *command {
	for i := range table {
		if table[i].name == name {
			return &table[i]
		}
	}
	return nil
}

func unknownCommand(path string, table []command, name string) error {
	var names []string
	for _, c := range table {
		names = append(names, c.name)
	}
	hint := fmt.Sprintf("see %q for the commands there are", strings.TrimSpace("dunlin "+path)+" help")
	if near := config.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", strings.TrimSpace("dunlin "+path)+" "+near)
	}
	return usageError(hint, "unknown command %q", strings.TrimSpace(path+" "+name))
}

// help answers "help", "help CMD", "help exit-codes" and "help operators".
func (e *env) help(ctx context.Context, path string, table []command, args []string) error {
	if len(args) == 0 {
		e.listCommands(path, table)
		return nil
	}
	if path == "" && args[0] == "exit-codes" {
		e.printf("%s", exitCodesHelp)
		return nil
	}
	if path == "" && args[0] == "operators" {
		e.listOperators()
		return nil
	}
	return e.dispatch(ctx, path, table, append(args[:len(args):len(args)], "--help"))
}

// listOperators prints the table that the engine's tests write.
func (e *env) listOperators() {
	e.printf("Tests hold so many models with an operator of a type against LiteRT. What is\nabsent may be refused: dunlin model inspect MODEL says so.\n\n")
	t := e.table()
	for line := range strings.Lines(inference.Operators) {
		if cells := strings.Split(strings.TrimSpace(line), "|"); len(cells) > 2 && !strings.HasPrefix(line, "|-") {
			var row []any
			for _, c := range cells[1 : len(cells)-1] {
				row = append(row, strings.TrimSpace(c))
			}
			t.row(row...)
		}
	}
	t.flush()
}

func (e *env) listCommands(path string, table []command) {
	if path == "" {
		e.printf("%s", programHelp)
	} else {
		e.printf("%s", e.command.usage)
	}
	e.printf("\nCommands:\n")
	t := e.table()
	for _, c := range table {
		t.row("  "+c.name, c.summary)
	}
	t.flush()
	if path == "" {
		e.printf("\nMore: dunlin help COMMAND, dunlin help exit-codes, dunlin help operators\n")
	}
}

const programHelp = `Dunlin runs quantized models on the sensors of this device.

Usage: dunlin COMMAND [ARGUMENT...] [--FLAG...]
`
