package bundle

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// craft writes the tar an attacker would: any entries, in any order.
func craft(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		body := e.PAXRecords["body"]
		e.PAXRecords = nil
		e.Size = int64(len(body))
		if e.Mode == 0 {
			e.Mode = 0o644
		}
		if e.Format == tar.FormatUnknown {
			e.Format = tar.FormatUSTAR
		}
		if err := w.WriteHeader(&e); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func file(name, body string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, PAXRecords: map[string]string{"body": body}}
}

func special(name, link string, kind byte) tar.Header {
	return tar.Header{Name: name, Typeflag: kind, Linkname: link}
}

// listing returns a manifest of the model file "m" and the given extra files
// (name, contents, ...), in the order given.
func listing(pairs ...string) tar.Header {
	pairs = append(pairs, "m", "model")
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, fmt.Sprintf(`{"name":%q,"size":%d,"sha256":%q}`, pairs[i], len(pairs[i+1]), sumOf(pairs[i+1])))
	}
	return manifestOf(`"files":[` + strings.Join(list, ",") + `]`)
}

func sumOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func manifestOf(files string) tar.Header {
	return file(ManifestName, `{"schema":1,"name":"a","version":"1.0.0","numerics":1,"model":{"file":"m","format":"tflite"},"pipeline":{},`+files+`}`)
}

func TestAttacks(t *testing.T) {
	model := file("m", "model")
	good := craft(t, listing(), model)
	if _, err := readBytes(good); err != nil {
		t.Fatalf("the honest bundle is refused: %v", err)
	}
	owned := model
	owned.Uid = 1000
	gnu := model
	gnu.Format = tar.FormatGNU
	pax := tar.Header{Name: "m", Typeflag: tar.TypeReg, Format: tar.FormatPAX, Gname: "ü", PAXRecords: map[string]string{"body": "model"}}
	for _, tc := range []struct {
		name, want string
		data       []byte
	}{
		{"parent folder", "relative", craft(t, listing("../x", "1"), file("../x", "1"), model)},
		{"parent inside", "relative", craft(t, listing("a/../../x", "1"), file("a/../../x", "1"), model)},
		{"absolute", "relative", craft(t, listing("/etc/x", "1"), file("/etc/x", "1"), model)},
		{"backslash", "character", craft(t, listing(`a\x`, "1"), file(`a\x`, "1"), model)},
		{"control character", "character", craft(t, listing("a\x1bx", "1"), model)},
		{"not ASCII", "character", craft(t, listing("äx", "1"), model)},
		{"long name", "want 1 to 100", craft(t, listing(strings.Repeat("a", 101), "1"), model)},
		{"hidden", "dot or dash", craft(t, listing(".ssh", "1"), file(".ssh", "1"), model)},
		{"symbolic link", "symbolic link", craft(t, listing(), special("m", "/etc/shadow", tar.TypeSymlink))},
		{"hard link", "hard link", craft(t, listing(), special("m", "/etc/shadow", tar.TypeLink))},
		{"device", "device", craft(t, listing(), special("m", "", tar.TypeChar))},
		{"pipe", "pipe", craft(t, listing(), special("m", "", tar.TypeFifo))},
		{"folder entry", "a folder", craft(t, listing(), special("m/", "", tar.TypeDir))},
		{"unlisted", "does not list", craft(t, listing(), model, file("x", "1"))},
		{"unlisted instead", `"n" found where "m"`, craft(t, listing(), file("n", "model"))},
		{"entry twice", "does not list", craft(t, listing(), model, model)},
		{"listed twice", "listed twice", craft(t, listing("m", "model"), model, model)},
		{"differs by case", "listed twice", craft(t, listing("M", "1"), file("M", "1"), model)},
		{"manifest in list", "listed twice", craft(t, listing(ManifestName, "1"), file(ManifestName, "1"), model)},
		{"file and folder", "the folder of", craft(t, listing("a", "1", "a/b/c", "2"), file("a", "1"), file("a/b/c", "2"), model)},
		{"missing", "must stand", craft(t, listing("a", "1"), model)},
		{"manifest second", "must stand", craft(t, model, listing())},
		{"unsorted", "not in order", craft(t, listing("z", "1"), file("z", "1"), model)},
		{"swapped entries", "must stand", craft(t, listing("a", "12345"), model, file("a", "12345"))},
		{"wrong contents", "sha256", craft(t, listing(), file("m", "MODEL"))},
		{"wrong size", "listed size", craft(t, listing(), file("m", "mode"))},
		{"owner set", "canonical", craft(t, listing(), owned)},
		{"GNU format", "canonical", craft(t, listing(), gnu)},
		{"PAX header", "extended header", craft(t, listing(), pax)},
		{"trailing garbage", "1 bytes follow", append(bytes.Clone(good), 1)},
		{"trailing zeros", "512 bytes follow", append(bytes.Clone(good), make([]byte, 512)...)},
		{"cut", "ends early", good[:len(good)-512]},
		{"cut in manifest", "ends early", good[:700]},
		{"cut in header", "ends early", good[:100]},
		{"end not zero", "end of archive", mutate(good, len(good)-1)},
		{"padding not zero", "padding", mutate(good, len(good)-1030)},
		{"foreign file", "no Dunlin bundle", bytes.Repeat([]byte("TFL3"), 400)},
		{"negative size", "first entry", negativeSize()},
		{"huge listed size", "size", craft(t, manifestOf(`"files":[{"name":"m","size":9223372036854775807,"sha256":"`+sumOf("")+`"}]`), model)},
		{"negative listed size", "size", craft(t, manifestOf(`"files":[{"name":"m","size":-512,"sha256":"`+sumOf("")+`"}]`), model)},
		{"too many files", "limit 1024", craft(t, manifestOf(`"files":[`+strings.Repeat(`{"name":"m","size":0,"sha256":""},`, 1024)+`{"name":"m","size":0,"sha256":""}]`))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := readBytes(tc.data)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func mutate(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 1
	return data
}

// negativeSize is a header whose checksum holds and whose size is below zero.
func negativeSize() []byte {
	h := header(ManifestName, -1)
	return append(h[:], make([]byte, 2048)...)
}

// Every single-byte change anywhere in the tar is noticed.
func TestEveryByteCounts(t *testing.T) {
	m, files := sample()
	data := mustPack(t, m, files)
	digest := sha256.Sum256(data)
	for i := range data {
		if b, err := readBytes(mutate(data, i)); err == nil && b.Digest() == digest {
			t.Fatalf("byte %d changed and the digest did not", i)
		}
	}
}

func FuzzOpen(f *testing.F) {
	m, files := sample()
	f.Add(mustPack(f, m, files))
	f.Add(craft(f, listing(), file("m", "model")))
	f.Add(craft(f, listing(), special("m", "/etc/shadow", tar.TypeSymlink)))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := readBytes(data)
		if err != nil {
			return
		}
		contents := Files{}
		for _, l := range b.Manifest().Files {
			if contents[l.Name], err = b.File(l.Name); err != nil {
				t.Fatal(err)
			}
		}
		var again bytes.Buffer
		if err := writeTar(&again, b.RawManifest(), b.Manifest().Files, contents); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), data) {
			t.Error("an accepted tar is not in canonical form")
		}
	})
}
