// Command peers times dunlin's engine against LiteRT with XNNPACK on the models
// of a folder: one thread each, in turn, on the same inputs, outputs compared.
//
//	go run ./scripts/peers -library libLiteRt.so [-rounds 9] [-seconds 0.3] [-only kws] [-tier avx2|avxvnni] FOLDER
//	go run ./scripts/peers -threads FOLDER
//
// LiteRT runs in a C loop (litert/peer.c), the engine in this program started again
// with -model: every figure comes from a fresh process of its own. It exits
// with 1 when integer outputs differ, or when portable Go took more than 2 %
// of a model's time on a CPU with a faster tier. With -tier both sides run as on a CPU
// without AVX-512, and for avx2 without AVX-VNNI.
//
// With -threads the engine's automatic threads are timed against one thread instead, on
// models of a millisecond and more; it exits with 1 where their median takes over
// 5 % longer.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

type config struct {
	library, folder, only string
	rounds                int
	seconds               float64
	table, threads        bool
	tier                  string
}

func main() {
	var c config
	model := flag.String("model", "", "time this `file` with the engine and exit; arguments are OUT_DIR INPUT...")
	flag.StringVar(&c.library, "library", "", "`path` of libLiteRt.so")
	flag.StringVar(&c.only, "only", "", "only models whose path contains `text`")
	flag.IntVar(&c.rounds, "rounds", 9, "rounds of both in turn")
	flag.Float64Var(&c.seconds, "seconds", 0.3, "measured seconds of each process")
	flag.BoolVar(&c.table, "markdown", false, "print a Markdown table")
	flag.StringVar(&c.tier, "tier", "", "both sides as on a CPU with no more than `avx2` or avxvnni")
	flag.BoolVar(&c.threads, "threads", false, "time automatic threads against one")
	flag.Parse()
	err := error(nil)
	if *model != "" {
		err = timeOurs(*model, c.seconds, flag.Args())
	} else if c.threads {
		c.folder = flag.Arg(0)
		err = compareThreads(c)
	} else {
		c.folder = flag.Arg(0)
		err = compareAll(c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// buildPeer compiles peer.c into a folder.
func buildPeer(dir string) (string, error) {
	bin := filepath.Join(dir, "peer")
	out, err := exec.Command("cc", "-O2", "-o", bin, "scripts/peers/litert/peer.c", "scripts/peers/litert/cpuid.c", "-ldl").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("compile litert/*.c: %w\n%s", err, out)
	}
	return bin, nil
}
