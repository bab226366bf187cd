// Command gen makes the demo's models with Dunlin's own code: it writes the
// features a model is trained on, as the device computes them, and packs what
// the training made into bundles, with golden samples and the accuracy
// measured on this engine.
//
//	gen features --spec machine.json --gain 1 --out DIR
//	gen pack --model M --spec S.json --demo DIR ...
//
// See ../README.md for the whole recipe.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("want a command: features or pack")
	}
	switch args[0] {
	case "features":
		return features(args[1:])
	case "pack":
		return pack(args[1:])
	}
	return fmt.Errorf("command %q: want features or pack", args[0])
}
