package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
)

// table aligns columns.
type table struct{ w *tabwriter.Writer }

func (e *env) table() table {
	return table{tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)}
}

// row adds one line of cells, each printed with %v; empty ones at the end
// leave no blanks.
func (t table) row(cells ...any) {
	for len(cells) > 1 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = fmt.Sprint(c)
	}
	fmt.Fprintln(t.w, strings.Join(texts, "\t"))
}

// flush writes the rows out.
func (t table) flush() { t.w.Flush() }

// json prints one value, indented for people.
func (e *env) json(v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// jsonLine prints one value on one line, for streams.
func (e *env) jsonLine(v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// bytesText gives a size in binary units with three digits.
func bytesText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 10<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// scoreText gives a score from 0 to 1 in percent, any other as a number.
func scoreText(v float32) string {
	if v < 0 || v > 1 {
		return fmt.Sprintf("%.4g", v)
	}
	return fmt.Sprintf("%.1f %%", 100*v)
}

// ANSI sequences; style leaves them out where colour is unwelcome.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

func (e *env) style(sgr, text string) string {
	if !e.color {
		return text
	}
	return sgr + text + reset
}
