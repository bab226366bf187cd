package telemetry

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
)

// work writes, acks, closes and opens, and tells on standard output what it
// was promised: epoch, numbers sealed, numbers acked. The crash test traces it.
func work(path string) {
	cfg := Config{Path: path, Identity: "dev-1", MaxBytes: minBytes, Check: Check}
	var next, hi uint64
	for run := range uint64(4) {
		s, err := openStore(cfg)
		if err != nil {
			panic(err)
		}
		for i := range uint64(12) {
			b := batch{}
			for k := range uint64(3) {
				b.chunks = append(b.chunks, sample(Kind(k), 20, run*100+i*10+k))
			}
			if i%3 == 2 {
				hi = next - 60
				b.acks = []Ack{{Epoch: s.epoch, Hi: hi}}
			}
			if err := s.write(b); err != nil {
				panic(err)
			}
			next += 60
			fmt.Fprintf(os.Stdout, "%d %d %d\n", s.epoch, next, hi)
		}
		if err := s.close(); err != nil {
			panic(err)
		}
	}
}

// endless writes and acks until it is killed. Before each write it tells what
// it was promised, and up to where the write will ack.
func endless(path string) {
	cfg := Config{Path: path, Identity: "dev-1", MaxBytes: minBytes, Check: Check}
	s, err := openStore(cfg)
	if err != nil {
		panic(err)
	}
	var hi uint64
	for i := uint64(0); ; i++ {
		a, err := s.account()
		if err != nil {
			panic(err)
		}
		next := a.Epochs[s.epoch].Next
		b := batch{chunks: []*builder{sample(Kind(i%3), 20, i)}}
		plan := hi
		if i%4 == 3 {
			plan = next
			b.acks = []Ack{{Epoch: s.epoch, Hi: plan}}
		}
		fmt.Fprintf(os.Stdout, "%d %d %d %d\n", s.epoch, next, hi, plan)
		if err := s.write(b); err != nil {
			panic(err)
		}
		hi = plan
	}
}

// TestKill kills a writing process at random moments, again and again over
// one file: what it was promised holds, and every kill is declared.
func TestKill(t *testing.T) {
	kills := 60
	if os.Getenv("DUNLIN_LONG") != "" {
		kills = 1000
	}
	r := rand.New(rand.NewPCG(8, 8))
	cfg := testConfig(t)
	unclean, planned := 0, uint64(0) // planned: below it all may be gone
	for k := range kills {
		cmd := exec.Command("/proc/self/exe", "endless", cfg.Path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var epoch uint32
		var next, hi, plan uint64
		lines := bufio.NewScanner(out)
		for left := 1 + r.IntN(12); lines.Scan(); left-- {
			if _, err := fmt.Sscan(lines.Text(), &epoch, &next, &hi, &plan); err != nil {
				t.Fatal(err)
			}
			planned = max(planned, plan)
			if left == 0 {
				for range r.IntN(200000) { // somewhere within a write
				}
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process ended by itself")
		}
		s := mustOpen(t, cfg, "unclean")
		if s.epoch != epoch {
			t.Fatalf("kill %d: epoch %d, was %d", k, s.epoch, epoch)
		}
		waiting, gaps := scan(t, s)
		for n := range next {
			_, waits := waiting[number{epoch, n}]
			if n < hi && waits {
				t.Fatalf("kill %d: number %d was acked and waits again", k, n)
			}
			if n >= planned && !waits && gaps[number{epoch, n}] == 0 {
				t.Fatalf("kill %d: number %d was sealed and is gone", k, n)
			}
		}
		a, err := s.account()
		if c := a.Epochs[epoch]; err != nil || c.Next < next || !c.balanced() {
			t.Fatalf("kill %d: %+v, %v; want at least %d", k, c, err, next)
		}
		unclean = int(a.Epochs[epoch].Dropped[reasonUnclean])
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
	if unclean != kills {
		t.Errorf("%d unclean ends declared of %d", unclean, kills)
	}
}
