// Command kerneltest boots a Debian kernel under QEMU and runs the drivers'
// kernel tests and the agent in it, against devices that the kernel really has.
//
//	go run ./scripts/kerneltest -work DIR [-arch amd64|arm64|armv7]
//
// It needs qemu-system, dpkg-deb and apt-get (to download the kernel's package).
package main

import (
	"bufio"
	"compress/gzip"
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A machine is an architecture under test.
type machine struct {
	deb     string // Debian's name of the architecture
	goarch  string
	pkg     string // Debian's meta package
	qemu    []string
	console string
	modules []string // with their parameters
	tests   []string // packages
	actions string   // of the agent's pipeline
	expect  string   // in the kernel's list of GPIO lines while the agent decides
}

// config runs a pipeline on the kernel's test camera.
const config = `device: {name: guest}
sources:
  camera: {driver: camera.v4l2, device: /dev/video0, width: 640, height: 360, rate: 10}
pipelines:
  digits:
    source: camera
    bundle: /agent/digits-1.0.0.dunlin
    actions: [{json: "-", on: result}%s]
api: {listen: "off"}
`

const vivid = "vivid n_devs=1 node_types=0x1"

// The digit that the demo's model sees in the test picture switches a line.
const lamp = `, {gpio: gpiochip0/5, label: "5", on: result}`

var machines = map[string]machine{
	"amd64": {
		deb: "amd64", goarch: "amd64", pkg: "linux-image-amd64",
		qemu:    []string{"qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max"},
		console: "ttyS0",
		modules: []string{vivid, "i2c-dev", "i2c-stub chip_addr=0x0f", "kxcjk-1013"},
		tests:   []string{"./hal/camera", "./hal/iio"},
	},
	"arm64": {
		deb: "arm64", goarch: "arm64", pkg: "linux-image-arm64",
		qemu:    []string{"qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a72"},
		console: "ttyAMA0",
		modules: []string{vivid},
		tests:   []string{"./hal/board", "./hal/camera"},
		actions: lamp, expect: "|dunlin              ) out hi",
	},
	"armv7": {
		deb: "armhf", goarch: "arm", pkg: "linux-image-armmp",
		qemu:    []string{"qemu-system-arm", "-machine", "virt", "-cpu", "cortex-a15"},
		console: "ttyAMA0",
		modules: []string{vivid},
		tests:   []string{"./hal/board", "./hal/camera"},
		actions: lamp, expect: "|dunlin              ) out hi",
	},
}

func main() {
	work, arch := flag.String("work", "", "keep downloads and builds in this folder"), flag.String("arch", "amd64", "amd64, arm64 or armv7")
	flag.Parse()
	m, ok := machines[*arch]
	if *work == "" || !ok || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*work, *arch, m); err != nil {
		fmt.Fprintln(os.Stderr, "kerneltest:", err)
		os.Exit(1)
	}
}

func run(work, arch string, m machine) error {
	image, err := kernel(work, m.deb, m.pkg)
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	root := filepath.Join(work, "root-"+arch)
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	if err := fill(root, image, m); err != nil {
		return fmt.Errorf("initramfs: %w", err)
	}
	initrd := filepath.Join(work, "initrd-"+arch)
	if err := pack(initrd, root); err != nil {
		return fmt.Errorf("initramfs: %w", err)
	}
	kernels, _ := filepath.Glob(filepath.Join(image, "boot", "vmlinuz-*"))
	if len(kernels) != 1 {
		return errors.New("the package holds no kernel")
	}
	return boot(m, kernels[0], initrd)
}

// kernel downloads and unpacks the kernel's package.
func kernel(work, arch, meta string) (string, error) {
	dir := filepath.Join(work, "kernel-"+arch)
	if _, err := os.Stat(filepath.Join(dir, "boot")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	out, err := exec.Command("apt-cache", "depends", meta+":"+arch).Output()
	if err != nil {
		return "", fmt.Errorf("%w; for another architecture: dpkg --add-architecture %s && apt-get update", err, arch)
	}
	pkg := ""
	for _, f := range strings.Fields(string(out)) {
		if strings.HasPrefix(f, "linux-image-") && f != meta && !strings.HasPrefix(f, meta+":") && pkg == "" {
			pkg = strings.TrimSuffix(f, ":"+arch) + ":" + arch
		}
	}
	get := exec.Command("apt-get", "download", pkg)
	get.Dir, get.Stderr = dir, os.Stderr
	if err := get.Run(); err != nil {
		return "", err
	}
	debs, _ := filepath.Glob(filepath.Join(dir, "*.deb"))
	if len(debs) != 1 {
		return "", fmt.Errorf("%d packages came", len(debs))
	}
	return dir, exec.Command("dpkg-deb", "-x", debs[0], dir).Run()
}

// fill makes the guest's files.
func fill(root, image string, m machine) error {
	for _, d := range []string{"bin", "tests", "modules", "agent", "proc", "sys", "dev", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return err
		}
	}
	env := append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+m.goarch, "GOARM=7")
	goTool := func(args ...string) error {
		c := exec.Command("go", args...)
		c.Env, c.Stderr = env, os.Stderr
		return c.Run()
	}
	if err := goTool("build", "-o", filepath.Join(root, "init"), "./scripts/kerneltest/init"); err != nil {
		return err
	}
	for _, t := range m.tests {
		if err := goTool("test", "-c", "-tags", "kernel", "-o", filepath.Join(root, "tests", filepath.Base(t)+".test"), t); err != nil {
			return err
		}
	}
	if err := goTool("build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(root, "bin", "dunlin"), "./cmd/dunlin"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "agent", "agent.yaml"), fmt.Appendf(nil, config, m.actions), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "agent", "expect"), []byte(m.expect), 0o644); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(root, "agent", "digits-1.0.0.dunlin"), "cmd/dunlin/demo/bundles/digits-1.0.0.dunlin"); err != nil {
		return err
	}
	return modules(filepath.Join(root, "modules"), image, m.modules)
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// modules copies kernel modules with what they depend on, in loading order.
func modules(to, image string, want []string) error {
	files := map[string]string{}
	err := filepath.WalkDir(filepath.Join(image, "lib", "modules"), func(path string, d fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(d.Name(), ".ko"); err == nil && ok {
			files[strings.ReplaceAll(name, "-", "_")] = path
		}
		return err
	})
	if err != nil {
		return err
	}
	var order []string
	var add func(name, params string) error
	seen := map[string]bool{}
	add = func(name, params string) error {
		name = strings.ReplaceAll(name, "-", "_")
		if seen[name] {
			return nil
		}
		seen[name] = true
		path := files[name]
		if path == "" {
			return fmt.Errorf("module %s is not in the package", name)
		}
		needs, err := depends(path)
		if err != nil {
			return err
		}
		for _, n := range needs {
			if err := add(n, ""); err != nil {
				return err
			}
		}
		order = append(order, strings.TrimSpace(name+".ko "+params))
		return copyFile(filepath.Join(to, name+".ko"), path)
	}
	for _, m := range want {
		name, params, _ := strings.Cut(m, " ")
		if err := add(name, params); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(to, "order"), []byte(strings.Join(order, "\n")+"\n"), 0o644)
}

// depends reads what a module says it needs.
func depends(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := f.Section(".modinfo")
	if s == nil {
		return nil, fmt.Errorf("module %s: no .modinfo", path)
	}
	data, err := s.Data()
	if err != nil {
		return nil, err
	}
	for _, e := range strings.Split(string(data), "\x00") {
		if list, ok := strings.CutPrefix(e, "depends="); ok && list != "" {
			return strings.Split(list, ","), nil
		}
	}
	return nil, nil
}

// pack writes a folder as a compressed cpio archive (newc).
func pack(to, root string) (err error) {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	inode := 0
	entry := func(name string, mode uint32, data []byte) error {
		inode++
		pad := func(n int) string { return strings.Repeat("\x00", (4-n%4)%4) }
		head := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
		_, err := io.WriteString(z, head+name+"\x00"+pad(len(head)+len(name)+1)+string(data)+pad(len(data)))
		return err
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		if err != nil || rel == "." {
			return err
		}
		if d.IsDir() {
			return entry(rel, 0o040755, nil)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return entry(rel, 0o100755, data)
	})
	if err != nil {
		return err
	}
	return entry("TRAILER!!!", 0, nil)
}

// boot runs the guest and passes its console on.
func boot(m machine, kernel, initrd string) error {
	args := slices.Concat(m.qemu[1:], []string{"-m", "1024", "-smp", "2", "-nographic", "-no-reboot", "-net", "none",
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
	passed := false
	for s := bufio.NewScanner(out); s.Scan(); {
		line := strings.TrimRight(s.Text(), "\r")
		fmt.Println(line)
		passed = passed || line == "KERNELTEST PASS"
	}
	if err := c.Wait(); err != nil {
		return fmt.Errorf("qemu: %w", err)
	}
	if !passed {
		return errors.New("the guest's tests did not pass")
	}
	return nil
}
