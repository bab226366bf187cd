// Command kerneltest boots a Debian kernel under QEMU and runs the drivers'
// kernel tests and the agent in it, against devices that the kernel really has.
//
//	go run ./scripts/kerneltest -work DIR [-arch amd64|arm64|arm64-16k|armv7|armv7-i2c]
//
// It needs qemu-system, dpkg-deb and apt-get (to download the kernel's package).
package main

import (
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A machine is an architecture under test.
type machine struct {
	deb     string // Debian's name of the architecture
	goarch  string
	pkg     string // Debian's meta package
	suite   string // where the machine's own sources do not have it
	qemu    []string
	console string
	modules []string // with their parameters
	tests   []string // packages
	actions string   // of the agent's pipeline
	expect  string   // in the kernel's list of GPIO lines while the agent decides
	dtb     string   // file of the package
	serial  []string // where the console is not the first port
	i2c     bool     // there is a chip for the agent to read
	stays   bool     // it does not switch itself off
}

// The chips of the machine with I2C, whose values the tests ask to change.
var i2cChips = []string{"-device", "tmp105,id=tmp,bus=i2c-bus.0,address=0x48", "-device", "lsm303dlhc_mag,id=mag,bus=i2c-bus.0,address=0x1e"}

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
		modules: []string{vivid, "i2c-dev", "i2c-stub chip_addr=0x0f,0x48", "kxcjk-1013", "lm75"},
		tests:   []string{"./hal/camera", "./hal/hwmon", "./hal/iio"},
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
	// Pages of 16 KB, as a Raspberry Pi 5 has them.
	"arm64-16k": {
		deb: "arm64", goarch: "arm64", pkg: "linux-image-arm64-16k", suite: "trixie",
		qemu:    []string{"qemu-system-aarch64", "-machine", "virt", "-cpu", "max,pauth-impdef=on"},
		console: "ttyAMA0",
		modules: []string{vivid},
		tests:   []string{"./hal/board", "./hal/camera"},
		actions: lamp, expect: "|dunlin              ) out hi",
	},
	// The same kernel on an i.MX6 board, with a real I2C controller.
	"armv7-i2c": {
		deb: "armhf", goarch: "arm", pkg: "linux-image-armmp",
		qemu:    append([]string{"qemu-system-arm", "-machine", "sabrelite"}, i2cChips...),
		console: "ttymxc1", serial: []string{"-display", "none", "-serial", "null", "-serial", "stdio"}, dtb: "imx6q-sabrelite.dtb",
		modules: []string{vivid, "i2c-imx", "i2c-dev", "lm75"},
		tests:   []string{"./hal/chip"},
		i2c:     true, stays: true,
	},
}

// i2cConfig reads a chip on the machine's bus.
const i2cConfig = `sources: {temp: {driver: tmp102, bus: i2c-0, address: 0x48, rate: 8}}
pipelines: {p: {source: temp, bundle: none}}
`

func main() {
	work, arch := flag.String("work", "", "keep downloads and builds in this folder"), flag.String("arch", "amd64", "amd64, arm64, arm64-16k, armv7 or armv7-i2c")
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
	image, err := kernel(work, m)
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
	var dtb []string
	if m.dtb != "" {
		if dtb, _ = filepath.Glob(filepath.Join(image, "usr/lib/linux-image-*", m.dtb)); len(dtb) != 1 {
			return errors.New("the package holds no " + m.dtb)
		}
		dtb = []string{"-dtb", dtb[0]}
	}
	return boot(m, kernels[0], initrd, dtb, filepath.Join(work, "qmp-"+arch))
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
	if err := goTool("build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w", "-o", filepath.Join(root, "bin", "dunlin"), "./cmd/dunlin"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "agent", "agent.yaml"), fmt.Appendf(nil, config, m.actions), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "agent", "expect"), []byte(m.expect), 0o644); err != nil {
		return err
	}
	if m.i2c {
		if err := os.WriteFile(filepath.Join(root, "agent", "i2c.yaml"), []byte(i2cConfig), 0o644); err != nil {
			return err
		}
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
