// Command counts runs a model so many times on zeros; run counts its instructions.
//
//	counts MODEL RUNS
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/dunlin-edge/dunlin/inference"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "counts:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%d arguments, want MODEL RUNS", len(args))
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	m, err := inference.OpenFile(args[0], inference.Options{})
	if err != nil {
		return err
	}
	s, err := m.NewSession()
	if err != nil {
		return err
	}
	ctx := context.Background()
	for range n {
		if err := s.Run(ctx); err != nil {
			return err
		}
	}
	return nil
}
