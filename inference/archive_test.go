package inference

import (
	"archive/zip"
	"io/fs"
	"strings"
	"testing"
)

// entry is one model of a test archive and the file beside it: its golden, or
// what the error about it must say.
type entry struct {
	name   string
	model  []byte
	beside []byte
}

// archive reads testdata's zip archives of NAME.tflite with NAME.SUFFIX.
func archive(t testing.TB, path, suffix string) []entry {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	read := func(name string) []byte {
		data, err := fs.ReadFile(z, name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var list []entry
	for _, f := range z.File {
		if name, ok := strings.CutSuffix(f.Name, ".tflite"); ok {
			list = append(list, entry{name, read(f.Name), read(name + suffix)})
		}
	}
	return list
}

// zipModel returns one model of an archive of goldens.
func zipModel(t testing.TB, path, name string) []byte {
	t.Helper()
	suffix := ".golden"
	if strings.Contains(path, "hostile") {
		suffix = ".want"
	}
	for _, e := range archive(t, path, suffix) {
		if e.name == name {
			return e.model
		}
	}
	t.Fatalf("%s has no %s", path, name)
	return nil
}

// compareArchive holds every model of an archive, of which there must be
// least, against LiteRT's bytes.
func compareArchive(t *testing.T, path string, least int) {
	t.Helper()
	list := archive(t, path, ".golden")
	for _, e := range list {
		t.Run(e.name, func(t *testing.T) { compareGolden(t, e.model, parseGolden(t, e.name, e.beside)) })
	}
	if len(list) < least {
		t.Errorf("%d cases, want at least %d", len(list), least)
	}
}
