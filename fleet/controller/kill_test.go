package controller

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
)

// errKilled is what a process that was killed would have seen, had it lived.
var errKilled = errors.New("killed")

// killer is a database driver over SQLite's that stops in front of its n-th
// statement or commit, and answers nothing from then on.
type killer struct {
	driver.Driver
	mu   sync.Mutex
	left int // statements until then; below 0: never
	dead bool
}

var killDriver = &killer{left: -1}

// registered makes the driver known, once.
var registered = sync.OnceValue(func() error {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return err
	}
	killDriver.Driver = db.Driver()
	sql.Register("killed", killDriver)
	return db.Close()
})

func (k *killer) arm(left int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left, k.dead = left, false
}

// strike says whether the process lives on.
func (k *killer) strike() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left == 0 {
		k.dead = true
	}
	if k.dead {
		return errKilled
	}
	k.left--
	return nil
}

func (k *killer) Open(name string) (driver.Conn, error) {
	c, err := k.Driver.Open(name)
	if err != nil {
		return nil, err
	}
	return &killedConn{c, k}, nil
}

type killedConn struct {
	driver.Conn
	k *killer
}

func (c *killedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return &killedTx{tx, c.k}, err
}

func (c *killedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.k.strike(); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *killedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.k.strike(); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *killedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return &killedStmt{s, c.k}, err
}

type killedStmt struct {
	driver.Stmt
	k *killer
}

func (s *killedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.k.strike(); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *killedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.k.strike(); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

type killedTx struct {
	driver.Tx
	k *killer
}

func (t *killedTx) Commit() error {
	if err := t.k.strike(); err != nil {
		return errors.Join(err, t.Tx.Rollback()) // SQLite's recovery does it for the dead
	}
	return t.Tx.Commit()
}

// mortal raises a scenario whose controller can be killed.
func mortal(t *testing.T, file string) *theatre {
	t.Helper()
	raw, err := os.ReadFile("testdata/scenarios/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var sc scenario
	if err := json.Unmarshal(raw, &sc); err != nil {
		t.Fatal(err)
	}
	if err := registered(); err != nil {
		t.Fatal(err)
	}
	killDriver.arm(-1)
	h := raise(t, sc)
	h.sql = "killed"
	h.reopen()
	return h
}

// alive does an act, with a new controller after each death, and then over
// again. arm says when the new one dies.
func (h *theatre) alive(arm func(), f func() error) (deaths int) {
	h.t.Helper()
	for {
		err := f()
		if err == nil {
			return deaths
		}
		if !errors.Is(err, errKilled) {
			h.t.Fatal(err)
		}
		deaths++
		killDriver.arm(-1)
		h.reopen()
		arm()
	}
}

// TestKilledAnywhere kills the controller in front of every statement and every
// commit of an assignment, one run each: the outcome is the same, and no
// device ever sees one number with two contents.
func TestKilledAnywhere(t *testing.T) {
	never := func() { killDriver.arm(-1) }
	step := 13 // some places in the gate, all of them in the long run
	if os.Getenv("DUNLIN_LONG") != "" {
		step = 1
	}
	for n := 0; ; n += step {
		h := mortal(t, "kill.json")
		killDriver.arm(n)
		deaths := h.alive(never, h.assign)
		h.steps(func(_ string, f func() error) { deaths += h.alive(never, f) })
		never()
		h.check()
		if deaths == 0 || t.Failed() {
			t.Logf("%d places to die at", n)
			return
		}
	}
}

// TestKilledOften kills it again and again at places drawn by chance.
func TestKilledOften(t *testing.T) {
	for seed, file := range []string{"good.json", "bad.json", "halfbad.json", "steer.json", "late.json"} {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		soon := func() { killDriver.arm(rng.IntN(500)) }
		h := mortal(t, file)
		deaths := h.alive(soon, h.assign)
		h.steps(func(_ string, f func() error) {
			soon()
			deaths += h.alive(soon, f)
		})
		killDriver.arm(-1)
		h.check()
		t.Logf("%s: %d deaths", file, deaths)
	}
}
