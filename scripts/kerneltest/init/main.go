// Command init is the first process of a kernel under test: it loads modules,
// runs the test programs and the agent, says how they ended, and powers off.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "this program is for a kernel under test, as its first process")
		os.Exit(2)
	}
	failed := run()
	if failed == 0 {
		fmt.Println("KERNELTEST PASS")
	} else {
		fmt.Printf("KERNELTEST FAIL: %d parts\n", failed)
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func run() (failed int) {
	for _, m := range [][2]string{{"/proc", "proc"}, {"/sys", "sysfs"}, {"/dev", "devtmpfs"}, {"/tmp", "tmpfs"}, {"/sys/kernel/debug", "debugfs"}} {
		_ = os.MkdirAll(m[0], 0o755)
		if err := unix.Mount(m[1], m[0], m[1], 0, ""); err != nil {
			fmt.Println("mount", m[0], err)
			failed++
		}
	}
	_ = os.Setenv("PATH", "/bin")
	_ = os.Setenv("HOME", "/tmp")
	failed += load("/modules/order")
	tests, _ := filepath.Glob("/tests/*.test")
	for _, t := range tests {
		failed += command(t, "-test.v", "-test.run", "^TestKernel", "-test.timeout", "120s")
	}
	if _, err := os.Stat("/agent/i2c.yaml"); err == nil {
		failed += command("/bin/dunlin", "sensors", "read", "temp", "--config", "/agent/i2c.yaml")
		failed += command("/bin/dunlin", "sensors", "scan")
	}
	return failed + agent()
}

// load loads modules: a line each, the file and its parameters.
func load(order string) (failed int) {
	data, err := os.ReadFile(order)
	if err != nil {
		return 0
	}
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		name, params, _ := strings.Cut(s.Text(), " ")
		f, err := os.Open("/modules/" + name)
		if err == nil {
			err = unix.FinitModule(int(f.Fd()), params, 0)
			f.Close()
		}
		if err != nil && err != unix.EEXIST {
			fmt.Println("module", name, err)
			failed++
		}
	}
	return failed
}

// gpio is the kernel's list of the lines in use.
func gpio() string {
	data, _ := os.ReadFile("/sys/kernel/debug/gpio")
	return string(data)
}

func command(name string, args ...string) int {
	fmt.Println("==", name, strings.Join(args, " "))
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	c.Dir = "/tmp"
	if err := c.Run(); err != nil {
		fmt.Println("==", name, "failed:", err)
		return 1
	}
	return 0
}

// agent runs the agent until it has decided often enough.
func agent() int {
	fmt.Println("== agent")
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, "/bin/dunlin", "run", "--config", "/agent/agent.yaml")
	c.Stderr = os.Stderr
	c.Cancel = func() error { return c.Process.Signal(unix.SIGTERM) }
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		fmt.Println("== agent:", err)
		return 1
	}
	n, lines := 0, ""
	for s := bufio.NewScanner(out); s.Scan(); {
		if n++; n == 20 {
			fmt.Println("the 20th record:", s.Text())
			lines = gpio()
			cancel()
		}
	}
	if err = c.Wait(); errors.Is(err, context.Canceled) {
		err = nil // it was told to end, and did
	}
	fmt.Printf("== agent: %d records, ended with %v\n", n, err)
	want, _ := os.ReadFile("/agent/expect")
	if len(want) > 0 {
		after := gpio()
		fmt.Printf("while it decided:\n%safter it ended:\n%s", lines, after)
		if !strings.Contains(lines, string(want)) || strings.Contains(after, string(want)) {
			fmt.Printf("want %q while it decides, and not after\n", want)
			return 1
		}
	}
	if n < 20 || err != nil {
		return 1
	}
	return 0
}
