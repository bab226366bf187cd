package telemetry

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// op is one thing a process did to a folder of files, as the kernel saw it.
type op struct {
	what string // create, write, truncate, sync, rename, mark
	file int    // number of the opened file; 0: the folder
	path string // create, rename: the name; mark: the text
	from string // rename
	off  int64  // write; truncate: the size
	data []byte // write
	grow bool   // sync: by fsync, where bbolt uses fdatasync for commits
}

// tracer follows a child through its system calls.
type tracer struct {
	dir   string
	fds   map[int]int // descriptor -> number of the file
	names map[string]int
	count int
	ops   []op
}

// trace runs the command and returns what it did below dir and to its
// standard output.
func trace(t *testing.T, dir string, args ...string) []op {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command("/proc/self/exe", args...)
	var errs bytes.Buffer
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, 0, nil); err != nil {
		t.Fatal(err)
	}
	const exitKill = 0x100000
	err := syscall.PtraceSetOptions(pid, syscall.PTRACE_O_TRACESYSGOOD|syscall.PTRACE_O_TRACECLONE|exitKill)
	if err != nil {
		t.Fatal(err)
	}
	tr := &tracer{dir: dir, fds: map[int]int{}, names: map[string]int{}}
	if code := tr.follow(t, pid); code != 0 {
		t.Fatalf("the traced process ended with %d: %s", code, errs.String())
	}
	return tr.ops
}

// follow resumes the threads of pid until it ends.
func (tr *tracer) follow(t *testing.T, pid int) int {
	inside := map[int]bool{} // threads within a system call
	var ws syscall.WaitStatus
	for tid := pid; ; {
		signal := 0
		switch {
		case !ws.Stopped():
		case ws.StopSignal() == syscall.SIGTRAP|0x80:
			if inside[tid] = !inside[tid]; !inside[tid] {
				tr.exit(t, tid)
			}
		case ws.StopSignal() != syscall.SIGTRAP && ws.StopSignal() != syscall.SIGSTOP:
			signal = int(ws.StopSignal())
		}
		if err := syscall.PtraceSyscall(tid, signal); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
		for {
			var err error
			if tid, err = syscall.Wait4(-1, &ws, syscall.WALL, nil); err != nil {
				t.Fatal(err)
			}
			if !ws.Exited() && !ws.Signaled() {
				break
			}
			if tid == pid {
				return ws.ExitStatus()
			}
		}
	}
}

// exit notes the system call that a thread has just finished.
func (tr *tracer) exit(t *testing.T, tid int) {
	var r syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(tid, &r); err != nil {
		return // it is gone
	}
	if int64(r.Rax) < 0 {
		return
	}
	file, ours := tr.fds[int(r.Rdi)]
	switch r.Orig_rax {
	case syscall.SYS_OPENAT:
		tr.opened(tr.text(t, tid, r.Rsi), int(r.Rax))
	case syscall.SYS_CLOSE:
		delete(tr.fds, int(r.Rdi))
	case syscall.SYS_RENAMEAT, 316: // renameat2
		from, to := tr.text(t, tid, r.Rsi), tr.text(t, tid, r.R10)
		tr.names[to] = tr.names[from]
		delete(tr.names, from) // its next file is another one
		tr.add(op{what: "rename", from: from, path: to})
	case syscall.SYS_RENAME:
		t.Fatal("rename is not followed")
	case syscall.SYS_WRITE:
		if r.Rdi == 1 {
			tr.add(op{what: "mark", path: string(tr.read(t, tid, r.Rsi, int(r.Rax)))})
		} else if ours {
			t.Fatal("write without an offset is not followed")
		}
	case syscall.SYS_PWRITE64:
		if ours {
			tr.add(op{what: "write", file: file, off: int64(r.R10), data: tr.read(t, tid, r.Rsi, int(r.Rax))})
		}
	case syscall.SYS_FTRUNCATE:
		if ours {
			tr.add(op{what: "truncate", file: file, off: int64(r.Rsi)})
		}
	case syscall.SYS_FSYNC, syscall.SYS_FDATASYNC:
		if ours {
			tr.add(op{what: "sync", file: file, grow: r.Orig_rax == syscall.SYS_FSYNC && file != 0})
		}
	}
}

func (tr *tracer) add(o op) { tr.ops = append(tr.ops, o) }

func (tr *tracer) opened(path string, fd int) {
	delete(tr.fds, fd)
	if path == tr.dir {
		tr.fds[fd] = 0
	}
	if filepath.Dir(path) != tr.dir {
		return
	}
	if tr.names[path] == 0 {
		tr.count++
		tr.names[path] = tr.count
		tr.add(op{what: "create", file: tr.count, path: path})
	}
	tr.fds[fd] = tr.names[path]
}

func (tr *tracer) read(t *testing.T, tid int, at uint64, n int) []byte {
	b := make([]byte, n)
	if got, err := syscall.PtracePeekData(tid, uintptr(at), b); err != nil || got != n {
		t.Fatalf("read %d bytes of the traced process: %d, %v", n, got, err)
	}
	return b
}

// text reads a C string, which may end just before an unmapped page.
func (tr *tracer) text(t *testing.T, tid int, at uint64) string {
	var s strings.Builder
	for {
		word := tr.read(t, tid, at, 1)
		if word[0] == 0 {
			return s.String()
		}
		s.Write(word)
		at++
	}
}
