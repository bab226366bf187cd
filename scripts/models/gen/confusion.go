package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// confusion counts decisions: rows are the truth, columns the answer.
type confusion struct {
	labels []string
	counts [][]int
}

func newConfusion(labels []string) *confusion {
	c := &confusion{labels: labels, counts: make([][]int, len(labels))}
	for i := range c.counts {
		c.counts[i] = make([]int, len(labels))
	}
	return c
}

func (c *confusion) add(truth, answer int) { c.counts[truth][answer]++ }

func (c *confusion) total() (n int) {
	for i := range c.counts {
		n += c.row(i)
	}
	return n
}

func (c *confusion) row(i int) (n int) {
	for _, v := range c.counts[i] {
		n += v
	}
	return n
}

func (c *confusion) column(i int) (n int) {
	for _, row := range c.counts {
		n += row[i]
	}
	return n
}

func (c *confusion) accuracy() float64 {
	right := 0
	for i := range c.counts {
		right += c.counts[i][i]
	}
	return ratio(right, c.total())
}

// ratio has four digits, which is what a manifest states.
func ratio(a, b int) float64 { return math.Round(float64(a)/float64(max(b, 1))*1e4) / 1e4 }

// slices states recall and precision of every class.
func (c *confusion) slices() []bundle.Slice {
	var out []bundle.Slice
	for i, label := range c.labels {
		out = append(out, bundle.Slice{Name: label, Count: c.row(i), Metrics: map[string]float64{
			"recall": ratio(c.counts[i][i], c.row(i)), "precision": ratio(c.counts[i][i], c.column(i)),
		}})
	}
	return out
}

// markdown is the table for the card.
func (c *confusion) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| truth \\ answer | %s |\n|---|%s\n", strings.Join(c.labels, " | "), strings.Repeat("--:|", len(c.labels)))
	for i, label := range c.labels {
		fmt.Fprintf(&b, "| %s |", label)
		for _, v := range c.counts[i] {
			fmt.Fprintf(&b, " %d |", v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
