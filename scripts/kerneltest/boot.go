package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// boot runs the guest, passes its console on and does what it asks for: a line
// "KERNELTEST SET object property value" changes one of the machine's devices.
func boot(m machine, kernel, initrd string, dtb []string, qmp string) error {
	_ = os.Remove(qmp)
	serial := m.serial
	if serial == nil {
		serial = []string{"-nographic"}
	}
	args := slices.Concat(m.qemu[1:], serial, dtb, []string{"-m", "1024", "-smp", "2", "-no-reboot", "-net", "none", "-qmp", "unix:" + qmp + ",server=on,wait=off",
		"-kernel", kernel, "-initrd", initrd, "-append", "console=" + m.console + " panic=-1 loglevel=4"})
	c := exec.Command(m.qemu[0], args...)
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return err
	}
	late := time.AfterFunc(10*time.Minute, func() { _ = c.Process.Kill() })
	defer late.Stop()
	passed, killed := false, false
	for s := bufio.NewScanner(out); s.Scan(); {
		line := strings.TrimRight(s.Text(), "\r")
		fmt.Println(line)
		passed = passed || line == "KERNELTEST PASS"
		switch verdict, what, _ := strings.Cut(strings.TrimPrefix(line, "KERNELTEST "), " "); {
		case !strings.HasPrefix(line, "KERNELTEST "):
		case verdict == "SET":
			if err := set(qmp, what); err != nil {
				fmt.Println("kerneltest:", err)
			}
		case m.stays:
			killed = c.Process.Kill() == nil
		}
	}
	if err := c.Wait(); err != nil && !killed {
		return fmt.Errorf("qemu: %w", err)
	}
	if !passed {
		return errors.New("the guest's tests did not pass")
	}
	return nil
}

// set changes a property of a device over QEMU's monitor (QMP, qom-set).
func set(qmp, what string) error {
	var object, property string
	var value int
	if _, err := fmt.Sscanf(what, "%s %s %d", &object, &property, &value); err != nil {
		return fmt.Errorf("set %q: %w", what, err)
	}
	c, err := net.Dial("unix", qmp)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewScanner(c)
	in.Scan() // its greeting
	for _, command := range []string{`{"execute":"qmp_capabilities"}`,
		fmt.Sprintf(`{"execute":"qom-set","arguments":{"path":"/machine/peripheral/%s","property":"%s","value":%d}}`, object, property, value)} {
		if _, err := fmt.Fprintln(c, command); err != nil {
			return err
		}
		if err := answer(in); err != nil {
			return fmt.Errorf("set %q: %w", what, err)
		}
	}
	return nil
}

// answer reads the answer to a command, past events.
func answer(in *bufio.Scanner) error {
	for in.Scan() {
		var a struct {
			Return *json.RawMessage
			Error  *struct{ Desc string }
		}
		if err := json.Unmarshal(in.Bytes(), &a); err != nil {
			return err
		}
		switch {
		case a.Error != nil:
			return errors.New(a.Error.Desc)
		case a.Return != nil:
			return nil
		}
	}
	return errors.New("no answer")
}
