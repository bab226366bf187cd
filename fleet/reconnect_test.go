package fleet

import (
	"context"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// silent is a device that has nothing to say.
type silent struct{}

func (silent) Hello() (uint32, uint64, uint64, Seq) { return 0, 0, 0, Seq{} }
func (silent) Reported() Reported                   { return Reported{Version: "1"} }
func (silent) Desired(Desired)                      {}
func (silent) Ack(Ack)                              {}
func (silent) Command(Command)                      {}

// everyone may do everything.
type everyone struct{ mqtt.HookBase }

func (*everyone) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck
}
func (*everyone) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }
func (*everyone) OnACLCheck(*mqtt.Client, string, bool) bool              { return true }

// TestThousandReconnects: a session that loses its connection a thousand times,
// in every way a link can end, has as many goroutines at the end as at first.
func TestThousandReconnects(t *testing.T) {
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.AddHook(new(everyone), nil); err != nil {
		t.Fatal(err)
	}
	if err := server.AddListener(listeners.NewNet("t", inner)); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	var lines sync.WaitGroup
	go cuts(front, inner.Addr().String(), &lines)

	s, err := NewSession(SessionConfig{
		Broker: "tcp://" + front.Addr().String(), Device: "pi-1", Director: public, Boot: strings.Repeat("0", 32),
		Handler:  silent{},
		MinDelay: time.Microsecond, MaxDelay: 100 * time.Microsecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = s.Run(ctx) })
	at := func(conns uint64) int {
		t.Helper()
		for end := time.Now().Add(60 * time.Second); s.Status().Conns < conns; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%+v", s.Status())
			}
		}
		return runtime.NumGoroutine()
	}
	first := at(100)
	last := at(1100)
	if last > first+20 {
		t.Errorf("%d goroutines after 100 connects, %d after 1,100", first, last)
	}
	t.Logf("%d goroutines after 100 connects, %d after 1,100", first, last)
	cancel()
	done.Wait()
}

// cuts passes connections on and ends each in one of several ways: at once,
// after a few bytes, or once the session stands.
func cuts(front net.Listener, to string, lines *sync.WaitGroup) {
	for n := 0; ; n++ {
		c, err := front.Accept()
		if err != nil {
			return
		}
		lines.Go(func() {
			defer c.Close()
			if n%4 == 0 {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer b.Close()
			up := []int64{10, 60, 400}[n%4-1] // bytes until the cut; a whole greeting takes more than 400
			go func() { _, _ = io.Copy(c, b) }()
			_, _ = io.CopyN(b, c, up)
		})
	}
}
