package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dunlin-edge/dunlin/agent"
)

// TestReload edits the configuration of a running agent: by command, and by
// SIGHUP, which systemd hears of.
func TestReload(t *testing.T) {
	systemd := listenAsSystemd(t)
	url, file, stop := runningWith(t, "")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	status := func() (s agent.Status) {
		t.Helper()
		if err := json.Unmarshal([]byte(dunlin(t, "status", "--json", "--url", url).stdout), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	write(strings.Replace(string(text), "seed: 3", "seed: 4", 1))
	got := dunlin(t, "config", "reload", "--url", url)
	want := "sources:   1 unchanged; restarted vibration\npipelines: 1 unchanged; restarted machine\n"
	if got.code != 0 || got.stdout != want {
		t.Errorf("exit code %d, %q, %s", got.code, got.stdout, got.stderr)
	}

	write(strings.Replace(string(text), "source: scans", "source: scan", 1))
	wantFailure(t, dunlin(t, "config", "reload", "--url", url), exitFailed, `no source is named "scan"`, `did you mean "scans"?`)
	if got := dunlin(t, "status", "--url", url).stdout; !strings.Contains(got, "was not taken") {
		t.Errorf("status says nothing of it:\n%s", got)
	}

	write(string(text))
	systemd.wait("WATCHDOG=1") // the beginning is told
	if err := syscall.Kill(systemd.pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	systemd.wait("RELOADING=1\nMONOTONIC_USEC=")
	systemd.wait("READY=1\nSTATUS=configuration reloaded")
	if s := status(); s.Loaded.Reason != "" {
		t.Errorf("after a good one: %+v", s.Loaded)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// systemdSide reads what a service tells, and who it is.
type systemdSide struct {
	t    *testing.T
	conn *net.UnixConn
	pid  int
}

// listenAsSystemd is what programs started from now on notify.
func listenAsSystemd(t *testing.T) *systemdSide {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "300000")
	return &systemdSide{t: t, conn: conn}
}

// wait reads until a message has what is wanted.
func (s *systemdSide) wait(want string) {
	s.t.Helper()
	buf, oob := make([]byte, 4096), make([]byte, 256)
	if err := s.conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	for {
		n, m, _, _, err := s.conn.ReadMsgUnix(buf, oob)
		if err != nil {
			s.t.Fatalf("waiting for %q: %v", want, err)
		}
		messages, err := unix.ParseSocketControlMessage(oob[:m])
		if err != nil || len(messages) != 1 {
			s.t.Fatal(messages, err)
		}
		who, err := unix.ParseUnixCredentials(&messages[0])
		if err != nil {
			s.t.Fatal(err)
		}
		s.pid = int(who.Pid)
		if strings.Contains(string(buf[:n]), want) {
			return
		}
	}
}
