package main

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kernel downloads and unpacks the kernel's package.
func kernel(work string, m machine) (string, error) {
	dir := filepath.Join(work, "kernel-"+m.deb+strings.TrimPrefix(m.pkg, "linux-image"))
	if _, err := os.Stat(filepath.Join(dir, "boot")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	options, err := sources(work, m)
	if err != nil {
		return "", fmt.Errorf("sources of %s: %w", m.suite, err)
	}
	out, err := exec.Command("apt-cache", append(options, "depends", m.pkg+":"+m.deb)...).Output()
	if err != nil {
		return "", fmt.Errorf("%w; for another architecture: dpkg --add-architecture %s && apt-get update", err, m.deb)
	}
	pkg := ""
	for _, f := range strings.Fields(string(out)) {
		if strings.HasPrefix(f, "linux-image-") && f != m.pkg && !strings.HasPrefix(f, m.pkg+":") && pkg == "" {
			pkg = strings.TrimSuffix(f, ":"+m.deb) + ":" + m.deb
		}
	}
	get := exec.Command("apt-get", append(options, "download", pkg)...)
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

// sources are apt's options for a suite that the machine itself does not use:
// lists of its own, so that nothing changes for anybody else.
func sources(work string, m machine) ([]string, error) {
	if m.suite == "" {
		return nil, nil
	}
	dir := filepath.Join(work, m.suite)
	if err := os.MkdirAll(filepath.Join(dir, "lists", "partial"), 0o755); err != nil {
		return nil, err
	}
	list := fmt.Sprintf("deb [arch=%s signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian %s main\n", m.deb, m.suite)
	if err := os.WriteFile(filepath.Join(dir, "sources.list"), []byte(list), 0o644); err != nil {
		return nil, err
	}
	var options []string
	for _, o := range []string{"Dir::Etc::sourcelist=" + filepath.Join(dir, "sources.list"), "Dir::Etc::sourceparts=-", "Dir::State::lists=" + filepath.Join(dir, "lists"),
		"APT::Architecture=" + m.deb, "APT::Architectures=" + m.deb, "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="} {
		options = append(options, "-o", o)
	}
	update := exec.Command("apt-get", append(options, "-qq", "update")...)
	update.Stderr = os.Stderr
	return options, update.Run()
}

// modules copies kernel modules with what they depend on, in loading order.
func modules(to, image string, want []string) error {
	files := map[string]string{}
	top := filepath.Join(image, "lib", "modules")
	if _, err := os.Stat(top); err != nil { // from Debian 13 on
		top = filepath.Join(image, "usr", "lib", "modules")
	}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name, ok := strings.CutSuffix(strings.TrimSuffix(d.Name(), ".xz"), ".ko"); ok {
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
		file := filepath.Join(to, name+".ko")
		if err := unpack(file, path); err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
		needs, err := depends(file)
		if err != nil {
			return err
		}
		for _, n := range needs {
			if err := add(n, ""); err != nil {
				return err
			}
		}
		order = append(order, strings.TrimSpace(name+".ko "+params))
		return nil
	}
	for _, m := range want {
		name, params, _ := strings.Cut(m, " ")
		if err := add(name, params); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(to, "order"), []byte(strings.Join(order, "\n")+"\n"), 0o644)
}

// unpack copies a module, which newer kernels compress.
func unpack(to, path string) error {
	if !strings.HasSuffix(path, ".xz") {
		return copyFile(to, path)
	}
	data, err := exec.Command("xz", "-dc", path).Output()
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
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
