// Package powercut shows what a loss of power may leave of a program's files: it
// follows the program's system calls and builds the states that the disk may
// be in. Only tests use it.
//
// Start with [Trace] and [Cuts].
package powercut

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// Op is one thing a process did below a folder, as the kernel saw it.
type Op struct {
	What string // create, symlink, mkdir, write, truncate, sync, rename, remove, mark
	File int    // number of the file; 0: a folder
	Path string // its name; mark: the text
	From string // rename
	Off  int64  // write; truncate: the size
	Data []byte // write; symlink: where it leads
	Mode uint32 // create
	All  bool   // sync: by fsync, not fdatasync
}

// tracer follows a child through its system calls.
type tracer struct {
	dir   string
	fds   map[int]string // descriptor -> path, of files and folders below dir
	ids   map[int]int    // descriptor -> number of the file
	offs  map[int]int64  // descriptor -> offset of the next write
	names map[string]int
	count int
	ops   []Op
	kill  int // kill it at the entry of this change; 0: never
	seen  int
}

// changes are the system calls that change a disk.
var changes = map[uint64]bool{
	syscall.SYS_RENAMEAT: true, 316: true, syscall.SYS_PWRITE64: true, syscall.SYS_FTRUNCATE: true, syscall.SYS_FSYNC: true,
	syscall.SYS_FDATASYNC: true, syscall.SYS_MKDIRAT: true, syscall.SYS_UNLINKAT: true, syscall.SYS_SYMLINKAT: true, syscall.SYS_FCHMOD: true,
}

// Trace runs this test binary with args and returns what it did below dir. With kill, it is
// killed at the entry of that change, counted over all its threads; done tells
// that it ended before.
func Trace(t *testing.T, dir string, kill int, args ...string) (ops []Op, done bool) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command("/proc/self/exe", args...)
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
	if err := syscall.PtraceSetOptions(pid, syscall.PTRACE_O_TRACESYSGOOD|syscall.PTRACE_O_TRACECLONE|exitKill); err != nil {
		t.Fatal(err)
	}
	tr := &tracer{dir: dir, fds: map[int]string{}, ids: map[int]int{}, offs: map[int]int64{}, names: map[string]int{}, kill: kill}
	ws = tr.follow(t, pid)
	if ws.Exited() && ws.ExitStatus() != 0 {
		t.Fatalf("the traced process ended with %d", ws.ExitStatus())
	}
	return tr.ops, ws.Exited()
}

// follow resumes the threads of pid until it ends.
func (tr *tracer) follow(t *testing.T, pid int) syscall.WaitStatus {
	inside := map[int]bool{} // threads within a system call
	var ws syscall.WaitStatus
	for tid := pid; ; {
		signal := 0
		switch {
		case !ws.Stopped():
		case ws.StopSignal() == syscall.SIGTRAP|0x80:
			if inside[tid] = !inside[tid]; inside[tid] {
				tr.enter(pid, tid)
			} else {
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
				return ws
			}
		}
	}
}

// enter counts the changes and kills at the wanted one.
func (tr *tracer) enter(pid, tid int) {
	var r syscall.PtraceRegs
	if tr.kill == 0 || syscall.PtraceGetRegs(tid, &r) != nil {
		return
	}
	if _, ours := tr.fds[int(r.Rdi)]; !changes[r.Orig_rax] && !(r.Orig_rax == syscall.SYS_WRITE && ours) {
		return
	}
	if tr.seen++; tr.seen == tr.kill {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// exit notes the system call that a thread has just finished.
func (tr *tracer) exit(t *testing.T, tid int) {
	var r syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &r) != nil || int64(r.Rax) < 0 {
		return
	}
	fd := int(r.Rdi)
	path, ours := tr.fds[fd]
	switch r.Orig_rax {
	case syscall.SYS_OPENAT:
		tr.opened(tr.text(t, tid, r.Rsi), int(r.Rax), int(r.Rdx), uint32(r.R10))
	case syscall.SYS_CLOSE:
		delete(tr.fds, fd)
	case syscall.SYS_MKDIRAT:
		tr.add(Op{What: "mkdir", Path: tr.text(t, tid, r.Rsi)})
	case syscall.SYS_UNLINKAT:
		p := tr.text(t, tid, r.Rsi)
		delete(tr.names, p)
		tr.add(Op{What: "remove", Path: p})
	case syscall.SYS_SYMLINKAT:
		p := tr.text(t, tid, r.Rdx)
		tr.count++
		tr.names[p] = tr.count
		tr.add(Op{What: "symlink", File: tr.count, Path: p, Data: []byte(tr.text(t, tid, r.Rdi))})
	case syscall.SYS_RENAMEAT, 316:
		from, to := tr.text(t, tid, r.Rsi), tr.text(t, tid, r.R10)
		tr.names[to] = tr.names[from]
		delete(tr.names, from)
		tr.add(Op{What: "rename", File: tr.names[to], From: from, Path: to})
	case syscall.SYS_WRITE:
		if r.Rdi == 1 {
			tr.ops = append(tr.ops, Op{What: "mark", Path: string(tr.read(t, tid, r.Rsi, int(r.Rax)))})
		} else if ours {
			tr.add(Op{What: "write", File: tr.ids[fd], Path: path, Off: tr.offs[fd], Data: tr.read(t, tid, r.Rsi, int(r.Rax))})
			tr.offs[fd] += int64(r.Rax)
		}
	case syscall.SYS_LSEEK:
		tr.offs[fd] = int64(r.Rax)
	case syscall.SYS_PWRITE64:
		if ours {
			tr.add(Op{What: "write", File: tr.ids[fd], Path: path, Off: int64(r.R10), Data: tr.read(t, tid, r.Rsi, int(r.Rax))})
		}
	case syscall.SYS_FTRUNCATE:
		if ours {
			tr.add(Op{What: "truncate", File: tr.ids[fd], Path: path, Off: int64(r.Rsi)})
		}
	case syscall.SYS_FSYNC, syscall.SYS_FDATASYNC:
		if ours {
			tr.add(Op{What: "sync", File: tr.ids[fd], Path: path, All: r.Orig_rax == syscall.SYS_FSYNC})
		}
	}
}

func (tr *tracer) add(o Op) {
	if o.Path == tr.dir || strings.HasPrefix(o.Path, tr.dir+"/") {
		tr.ops = append(tr.ops, o)
	}
}

// opened notes a descriptor. Files are told from folders by their flags.
func (tr *tracer) opened(path string, fd, flags int, mode uint32) {
	delete(tr.fds, fd)
	tr.offs[fd] = 0
	if path != tr.dir && filepath.Dir(path) != tr.dir && !strings.HasPrefix(path, tr.dir+"/") {
		return
	}
	tr.fds[fd], tr.ids[fd] = path, tr.names[path]
	if flags&syscall.O_CREAT != 0 && tr.names[path] == 0 {
		tr.count++
		tr.names[path], tr.ids[fd] = tr.count, tr.count
		tr.add(Op{What: "create", File: tr.count, Path: path, Mode: mode})
	} else if flags&syscall.O_TRUNC != 0 {
		tr.add(Op{What: "truncate", File: tr.ids[fd], Path: path})
	}
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
	for ; ; at++ {
		b := tr.read(t, tid, at, 1)
		if b[0] == 0 {
			return s.String()
		}
		s.Write(b)
	}
}
