package controller

import (
	"net"
	"sync"
	"testing"
)

// A valve is a line to a server that can be shut: connections stand, and
// nothing comes through.
type valve struct {
	l    net.Listener
	to   string
	mu   sync.Mutex
	way  chan struct{} // closed while it is open
	free bool
}

func newValve(t *testing.T, to string) *valve {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &valve{l: l, to: to, way: make(chan struct{})}
	v.shut(false)
	go v.serve()
	t.Cleanup(func() { l.Close(); v.shut(false) })
	return v
}

func (v *valve) addr() string { return v.l.Addr().String() }

func (v *valve) shut(shut bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case shut && v.free:
		v.way = make(chan struct{})
	case !shut && !v.free:
		close(v.way)
	}
	v.free = !shut
}

func (v *valve) wait() {
	v.mu.Lock()
	way := v.way
	v.mu.Unlock()
	<-way
}

func (v *valve) serve() {
	for {
		c, err := v.l.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", v.to)
		if err != nil {
			c.Close()
			continue
		}
		go v.relay(c, s)
		go v.relay(s, c)
	}
}

func (v *valve) relay(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		v.wait()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
