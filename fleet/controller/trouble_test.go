//go:build external

package controller

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// trouble is what is done to the yard while an assignment runs.
type trouble func(y *yard)

func killLeader(y *yard) {
	before, _ := y.term()
	victim := y.leading()
	y.must(victim.Process.Kill())
	_ = victim.Wait()
	y.eventually("another leader", 20*time.Second, func() bool { term, held := y.term(); return held && term > before })
	y.replica()
}

// leading returns the process that has the lease.
func (y *yard) leading() *exec.Cmd {
	y.t.Helper()
	var pid int
	y.eventually("a leader", 20*time.Second, func() bool {
		var name string
		if y.desk.store.db.QueryRow(`SELECT holder FROM lease WHERE until > `+databaseNow).Scan(&name) != nil {
			return false
		}
		_, err := fmt.Sscanf(name, "%d-", &pid)
		return err == nil
	})
	for _, cmd := range y.replicas {
		if cmd.Process.Pid == pid {
			y.led[cmd.Path] = true
			return cmd
		}
	}
	y.t.Fatalf("process %d leads and is none of ours", pid)
	return nil
}

// upgrade ends what is not of this version, and starts two that are.
func upgrade(y *yard) {
	for _, cmd := range y.replicas {
		if cmd.Path != os.Args[0] {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	y.programs = os.Args[:1]
	y.replica()
	y.replica()
	y.leading()
}

// zombie stops the leader until another leads, and lets it wake up.
func zombie(y *yard) {
	before, _ := y.term()
	sleeper := y.leading()
	y.must(sleeper.Process.Signal(syscall.SIGSTOP))
	y.eventually("another leader", 20*time.Second, func() bool { term, held := y.term(); return held && term > before })
	pauseFor(y.t.Context(), time.Second) // the new one works
	y.must(sleeper.Process.Signal(syscall.SIGCONT))
}

// brokers restarts the broker again and again, each time once it works; it
// remembers nothing.
func brokers(n int) trouble {
	return func(y *yard) {
		for range n {
			y.broker.restart()
			y.eventually("the broker", 5*time.Minute, func() bool {
				c, err := net.Dial("tcp", strings.TrimPrefix(y.cfg.Broker, "tls://"))
				if err == nil {
					c.Close()
				}
				return err == nil
			})
			pauseFor(y.t.Context(), 1500*time.Millisecond)
		}
	}
}

// cutPostgres ends every connection of the replicas, and lets none in for a while.
func cutPostgres(length time.Duration) trouble {
	return func(y *yard) {
		db, err := sql.Open("pgx", strings.Replace(os.Getenv("DUNLIN_POSTGRES"), "/postgres?", "/template1?", 1))
		y.must(err)
		defer db.Close()
		_, err = db.Exec(`ALTER DATABASE postgres ALLOW_CONNECTIONS false`)
		y.must(err)
		_, err = db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres'`)
		y.must(err)
		pauseFor(y.t.Context(), length)
		_, err = db.Exec(`ALTER DATABASE postgres ALLOW_CONNECTIONS true`)
		y.must(err)
	}
}
